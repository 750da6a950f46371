"""What `embed-tune threshold` refuses before anything is loaded, and what it takes for granted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.handmade import retrieval, scored, write_run
from train.errors import ConfigError, RunError
from train.resolve.threshold import ThresholdRequest, ThresholdTask


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run on a data set that is searched and one of scored pairs on a scale of 0 to 5."""
    environment = {
        "data": {},
        "model": {"name": "base", "from": "folder"},
        "contract": {"pooling": "mean", "normalized": True, "max_tokens": 64, "dimensions": 8},
    }
    data = {"faq": retrieval([0.5, 0.9]), "sts": scored([0.1, 0.2, 0.9], [0.3, 0.4, 0.8])}
    folder = write_run(tmp_path / "runs" / "first", data, environment=environment)
    audited = [{"name": "faq", "kind": "pair"}, {"name": "sts", "kind": "scored", "score_range": [0.0, 5.0]}]
    (folder / "audit.json").write_text(json.dumps({"datasets": audited}), encoding="utf-8")
    return folder


def asked(run: Path, **given: Any) -> ThresholdTask:
    return ThresholdTask.of(ThresholdRequest(run, **given))


def test_by_default_the_data_set_that_stands_for_the_run_says_what_is_decided(run: Path) -> None:
    task = asked(run)
    assert (task.dataset, task.use, task.match_from) == ("faq", "search", None)
    task = asked(run, use="duplicates")
    assert (task.dataset, task.match_from, task.scale, task.unit_match_from) == ("sts", 2.5, (0.0, 5.0), 0.5)
    assert asked(run, dataset="sts", match_from=4).unit_match_from == 0.8
    assert ThresholdTask.of(ThresholdRequest("first", output_dir=run.parent)).dataset == "faq"


def test_scores_that_are_distances_run_the_other_way(run: Path) -> None:
    audited = [{"name": "sts", "kind": "scored", "score_range": [10.0, 0.0]}]
    (run / "audit.json").write_text(json.dumps({"datasets": audited}), encoding="utf-8")
    task = asked(run, match_from=2)
    assert task.unit_match_from == 0.8
    with pytest.raises(ConfigError, match="give a score below 10"):
        asked(run, match_from=11)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"use": "duplicates", "dataset": "faq"}, r"faq: .*do not say when two texts mean the same(.|\n)*needs scored pairs"),
        ({"use": "search", "dataset": "sts"}, r"sts: scored pairs have no documents(.|\n)*--dataset"),
        ({"dataset": "stt"}, r"no data set 'stt'(.|\n)*faq, sts"),
        ({"match_from": 1.0}, r"--match-from is for scored pairs"),
        ({"use": "duplicates", "match_from": 0.0}, r"from 0 \(nothing in common\) to 5(.|\n)*above 0"),
        ({"use": "duplicates", "match_from": 5.5}, r"5 at most"),
        ({"precision": 95.0}, r"--precision 95 is not between 0 and 1(.|\n)*write 0.95 for 95%"),
        ({"precision": 1.0}, r"such as 0.95"),
        ({"share": 0.0}, r"--share 0 is not between"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(run: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        asked(run, **given)


def test_a_run_that_is_not_finished_has_no_threshold(run: Path) -> None:
    (run / "report.json").unlink()
    with pytest.raises(RunError, match="is not finished"):
        asked(run)
