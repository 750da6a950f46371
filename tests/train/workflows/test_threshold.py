"""`embed-tune threshold` on a real run: searches and scored pairs, by hand from the files; what has changed is refused."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import embed_tune
from data.errors import DataError
from tests.train.conftest import as_json
from train.errors import ConfigError, ModelError
from train.resolve.threshold import ThresholdRequest, ThresholdTask
from train.runs.thresholds import outdated_note, read_thresholds, threshold_sentences
from train.workflows.threshold import choose_for_run

pytestmark = pytest.mark.slow

COLOURS = ["red", "green", "blue", "black", "white", "grey", "brown", "pink"]
THINGS = ["car", "house", "tree", "river", "cloud", "stone", "bird", "fish", "door", "lamp"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A run on 240 pairs and 240 scored pairs."""
    folder, rng = tmp_path_factory.mktemp("threshold"), random.Random(1)
    draws = [(rng.choice(COLOURS), rng.choice(THINGS), i) for i in range(240)]
    pairs = [f"which {a} {b} number {i}?,the {b} that is {a} {i}" for a, b, i in draws]
    (folder / "pairs.csv").write_text("question,answer\n" + "\n".join(pairs) + "\n", encoding="utf-8")
    scored = [f"a {a} {b} {i},{f'the {b} {i}' if i % 2 else f'{rng.choice(THINGS)} or {i * 7}'},{i % 2 * 5}" for a, b, i in draws]
    (folder / "scored.csv").write_text("sentence1,sentence2,score\n" + "\n".join(scored) + "\n", encoding="utf-8")
    embed_tune.fine_tune(
        [folder / "pairs.csv", folder / "scored.csv"],
        model=tiny_model,
        output_dir=folder,
        name="first",
        settings={
            "model.device": "cpu",
            "training.max_steps": 2,
            "training.precision": "fp32",
            "training.interpolation": False,
            "training.learning_rate": 1e-3,
            "evaluation.resamples": 100,
            "evaluation.references": "off",
            "data.split.dev": 0.3,
            "data.split.test": 0.3,
        },
    )
    return folder / "first"


def chosen(run: Path, precision: float, **given: Any) -> Any:
    return choose_for_run(ThresholdTask.of(ThresholdRequest(run, precision, **given)))


def test_a_search_by_hand_from_the_files_of_the_run(run: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = as_json(capfd, "threshold", str(run), "--precision", "0.5")
    one = found["threshold"]
    assert (found["use"], found["dataset"], one["similarity"], one["share_asked"]) == ("search", "pairs", "cosine", None)
    assert read_thresholds(run / "model").thresholds[0].model_dump(mode="json") == one  # type: ignore[union-attr]
    assert found["file"] == str(run / "model/threshold.json")
    table = pq.read_table(run / "per_query.parquet").to_pandas()
    rows = table[(table["dataset"] == "pairs") & (table["metric"] == "ndcg@10")]
    first, right = rows[["relevant_tuned", "wrong_tuned"]].max(axis=1), rows["rank_tuned"] == 1
    taken = first >= one["threshold"]
    test = one["test"]
    assert (test["n"], test["right"], test["taken"], test["taken_right"]) == (72, right.sum(), taken.sum(), (taken & right).sum())
    assert 10 <= taken.sum() < 72, "the threshold decides something"
    assert test["precision"]["value"] == pytest.approx(right[taken].mean())
    assert one["dev"]["precision"]["value"] >= 0.5
    base = one["base"]
    assert base["threshold"] != one["threshold"]
    nearest = rows[["relevant_base", "wrong_base"]].max(axis=1)
    assert base["test"]["taken"] == (nearest >= base["threshold"]).sum()
    assert base["tuned"]["taken"] == (first >= base["threshold"]).sum(), "the tuned model at the base's threshold"


def test_scored_pairs_by_hand_and_both_uses_beside_the_weights(run: Path) -> None:
    chosen(run, 0.5)
    found = chosen(run, 0.7, use="duplicates", match_from=4.0)
    one = found.threshold
    table = pq.read_table(run / "per_query.parquet").to_pandas()
    rows = table[table["dataset"] == "scored"]
    taken, right = rows["tuned"] >= one.threshold, rows["gold"] >= 0.8
    assert (one.test.taken, one.test.right, one.test.taken_right) == (taken.sum(), right.sum(), (taken & right).sum())
    assert (one.match_from, one.scale, one.use) == (4.0, (0.0, 5.0), "duplicates")
    record = read_thresholds(run / "model")
    assert record is not None and [each.use for each in record.thresholds] == ["search", "duplicates"]
    card = (run / "model/README.md").read_text(encoding="utf-8")
    assert (
        all(sentence in card for sentence in threshold_sentences(run / "model")) and card.count("take two texts for a match") == 1
    )
    again = chosen(run, 0.6, use="duplicates")
    record = read_thresholds(run / "model")
    assert record is not None and record.of("duplicates") == again.threshold, "the new one takes the place of the old one"
    assert "Thresholds move when a model is trained" in str(again) and len(again.to_pandas()) == 2


def test_a_card_that_somebody_wrote_stays(run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    moved = shutil.copytree(run, tmp_path / "first")
    (moved / "model/README.md").write_text("mine", encoding="utf-8")
    assert chosen(moved, 0.5).file is not None and "is left as it is" in capfd.readouterr().out
    assert (moved / "model/README.md").read_text(encoding="utf-8") == "mine"


def test_what_is_out_of_reach_is_said_without_a_figure_and_changes_no_record(run: Path) -> None:
    chosen(run, 0.5)
    before = (run / "model/threshold.json").read_bytes()
    found = chosen(run, 0.99)
    assert (found.threshold, found.file) == (None, None) and found.to_dict()["threshold"] is None
    assert str(found).startswith("No threshold: dev is too small to show a precision of 0.99") and found.to_pandas().empty
    assert "none reaches a precision of 0.9 on dev" in " ".join(str(chosen(run, 0.9)).split())
    assert (run / "model/threshold.json").read_bytes() == before


def test_the_threshold_goes_to_the_hub_with_the_model_and_other_weights_are_told_apart(run: Path, tmp_path: Path) -> None:
    chosen(run, 0.5)
    copy = shutil.copytree(run / "model", tmp_path / "model")
    record = read_thresholds(copy)
    assert record is not None and record.model_sha256 is not None
    assert outdated_note(copy, record.model_sha256) is None and outdated_note(tmp_path, "0" * 64) is None
    assert "was chosen for other weights" in str(outdated_note(copy, "0" * 64))
    text = (copy / "threshold.json").read_text(encoding="utf-8")
    assert "which" not in text and str(run) not in text, "no texts and no places"
    (copy / "threshold.json").write_text("{", encoding="utf-8")
    assert "threshold.json cannot be read" in str(outdated_note(copy, None))


def test_evaluate_warns_of_a_threshold_for_other_weights(run: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    chosen(run, 0.5)
    copy = shutil.copytree(run / "model", tmp_path / "model")
    words = {"data": run.parent / "pairs.csv", "output_dir": tmp_path, "settings": {"model.device": "cpu"}}
    embed_tune.evaluate(copy, **words, progress=print)  # type: ignore[arg-type]
    assert "was chosen for other weights" not in capfd.readouterr().out
    record = json.loads((copy / "threshold.json").read_text(encoding="utf-8"))
    (copy / "threshold.json").write_text(json.dumps(record | {"model_sha256": "0" * 64}), encoding="utf-8")
    embed_tune.evaluate(copy, **words, progress=print)  # type: ignore[arg-type]
    assert "was chosen for other weights" in capfd.readouterr().out


def test_changed_data_is_refused_and_a_base_that_is_gone_is_said(run: Path, tmp_path: Path, tiny_model: Path) -> None:
    moved = shutil.copytree(run, tmp_path / "first")
    record = json.loads((moved / "environment.json").read_text(encoding="utf-8"))
    record["model"]["sha256"] = "0" * 64
    (moved / "environment.json").write_text(json.dumps(record), encoding="utf-8")
    found = chosen(moved, 0.5)
    assert found.threshold.base is None and found.notes == (
        "the base is not here as it was, so it is not told how the threshold moved",
    )
    record["data"]["pairs"] = "0" * 64
    (moved / "environment.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(DataError, match=r"it has changed since(.|\n)*put the old data back"):
        chosen(moved, 0.5)


def test_a_search_leaves_out_what_does_not_reach_the_threshold(run: Path, tmp_path: Path) -> None:
    kept = chosen(run, 0.5).threshold.threshold
    documents = [f"the {b} that is {a} {i}" for i, (a, b) in enumerate(zip(COLOURS, THINGS, strict=False))]
    made = embed_tune.embed(run / "model", documents, out=tmp_path / "v.parquet", settings={"model.device": "cpu"})
    queries = ["which red car number 0?", "x"]
    words = {"settings": {"model.device": "cpu"}, "output_dir": tmp_path}
    every = embed_tune.search(made, queries, **words)  # type: ignore[arg-type]
    near = embed_tune.search(made, queries, min_similarity="model", **words)  # type: ignore[arg-type]
    assert near.min_similarity == kept
    for one, all_of_it in zip(near.queries, every.queries, strict=True):
        assert one.hits == tuple(hit for hit in all_of_it.hits if hit.score >= kept)
        left_out = [hit.score for hit in all_of_it.hits if hit.score < kept]
        assert one.nearest == (left_out[0] if left_out else None)
    none = embed_tune.search(made, queries[:1], min_similarity=1.5, **words)  # type: ignore[arg-type]
    assert none.queries[0].hits == () and "nothing is near enough: all have less than 1.5" in str(none)
    assert none.to_dict()["queries"][0]["nearest_left_out"] == every.queries[0].hits[0].score
    with pytest.raises(ConfigError, match="share of equal bits"):
        embed_tune.search(made, queries, min_similarity=0.5, method="ubinary", **words)  # type: ignore[arg-type]
    (run / "model/threshold.json").unlink()
    with pytest.raises(ModelError, match="has no threshold for searches"):
        embed_tune.search(made, queries, min_similarity="model", **words)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"is no similarity"):
        embed_tune.search(made, queries, min_similarity="run", **words)  # type: ignore[arg-type]


def test_from_python(run: Path) -> None:
    found = embed_tune.open_run(run).threshold(0.5)
    assert found.threshold is not None and np.isclose(found.threshold.precision_asked, 0.5)
