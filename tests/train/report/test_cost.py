"""Further trainings of a run are named in what it took, and counted once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.pages import write_run
from train.fit.trainer import Work
from train.report.cost import cost, time_shares
from train.runs.records import PanelRecord
from train.runs.score_log import ScoreLog
from train.wording import cost_lines

SECONDS = {"base": 5.0, "test": 30.0, "total": 1000.0}


def test_cross_validation_seeds_and_other_work_are_named(tmp_path: Path) -> None:
    work = Work(seconds=60.0, rows=600, tokens=6000)
    alone = cost(tmp_path, ScoreLog(tmp_path), work, SECONDS)
    assert alone["eval_seconds"] == 35 and not {"cross_validation_seconds", "seeds_seconds", "panel_seconds"} & alone.keys()
    for number in range(3):
        write_run(tmp_path / "folds", str(number), page=None)
    write_run(tmp_path / "seeds", "43", page=None, report={"cost": {"total_seconds": 20.0}})
    write_run(tmp_path / "seeds", "44", page=None, finished=False)
    found = cost(tmp_path, ScoreLog(tmp_path), work, SECONDS, PanelRecord(seconds=4.0))
    assert (found["cross_validation_seconds"], found["seeds_seconds"], found["panel_seconds"]) == (360, 20, 4)
    assert found["eval_seconds"] == 15, "what seeds took is not judging"
    said = dict(cost_lines(found))
    assert said["of which cross-validation"] == "6 min 0 s" and said["of which further seeds"] == "20 s"
    shares = [share.label for share in time_shares(found)]
    assert shares == [
        "training 1 min 0 s (6%)",
        "evaluation 15 s (2%)",
        "cross-validation 6 min 0 s (36%)",
        "further seeds 20 s (2%)",
        "the rest 9 min 5 s (54%)",
    ]


@pytest.mark.parametrize(
    "spent", [{}, {"total_seconds": 10.0, "train_seconds": 5.0}, {"train_seconds": 5.0, "eval_seconds": 1.0}]
)
def test_what_was_not_measured_is_not_drawn(spent: dict[str, float]) -> None:
    assert time_shares(spent) == []
    assert time_shares({"total_seconds": 10.0, "train_seconds": 9.0, "eval_seconds": 2.0}) == []
