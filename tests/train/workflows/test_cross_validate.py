"""Cross-validation: when it is done, what it pools, and that it goes on where it was stopped."""

from __future__ import annotations

import dataclasses
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from data.prepared import PreparedDataset
from data.schema import Recognised, RowKind
from tests.support.forked import ForkServer
from train.config.load import load_config
from train.config.schema import TrainSettings
from train.errors import Diverged
from train.evaluate.luck import Luck, with_luck
from train.evaluate.results import BaseContract
from train.evaluate.statistics import compare_means
from train.plan.folds import folds_wanted
from train.runs.finished import Values
from train.runs.folder import RunFolder
from train.workflows.cross_validate import _forget_if_base, cross_validate, pooled, pooled_slices, with_one_base


def prepared(kind: RowKind, train: int, test: int) -> PreparedDataset:
    table = Dataset.from_dict({"row": ["x"] * train})
    counts = {"rows_test": test, "queries_test": test}
    return PreparedDataset("d", "d.csv", kind, {"train": table}, None, [], counts, "0", Recognised(kind))


def wanted(test: int, train: int = 1000, kind: RowKind = RowKind.PAIR, sets: int = 1, **changes: Any) -> tuple[int, str | None]:
    config = TrainSettings.model_validate({"data": "d.csv", "evaluation": changes})
    return folds_wanted(config, {str(i): prepared(kind, train, test) for i in range(sets)})


def test_few_labels_are_cross_validated() -> None:
    assert wanted(300) == (0, None)
    assert wanted(299) == (5, "test has only 299 queries: cross-validation in 5 parts follows the run")
    assert wanted(20, kind=RowKind.SCORED, folds=3)[0] == 3
    assert wanted(20, cross_validation="off") == (0, None)
    assert wanted(20, sets=2) == (0, None)
    assert wanted(5000, cross_validation="always") == (5, None)
    folds, why = wanted(20, train=3000)
    assert folds == 0 and why is not None and "evaluation.cross_validation=always" in why


@pytest.mark.parametrize(
    ("rows", "kind", "folds"),
    [(10, RowKind.SCORED, 2), (14, RowKind.SCORED, 2), (20, RowKind.SCORED, 4), (6, RowKind.SCORED, 2), (4, RowKind.PAIR, 4)],
)
def test_a_handful_of_rows_is_dealt_to_fewer_parts(rows: int, kind: RowKind, folds: int) -> None:
    assert wanted(2, train=rows, kind=kind)[0] == folds


def test_a_test_that_the_person_gave_decides_alone() -> None:
    given = {"d": replace(prepared(RowKind.PAIR, 100, 20), given_test=True)}
    folds, why = folds_wanted(TrainSettings.model_validate({"data": "d.csv"}), given)
    assert folds == 0 and why is not None and "always judges rows of train," in why
    asked = TrainSettings.model_validate({"data": "d.csv", "evaluation": {"cross_validation": "always"}})
    assert folds_wanted(asked, given) == (5, None)


def test_a_trial_and_a_part_are_not_cross_validated() -> None:
    few = {"d": prepared(RowKind.PAIR, 100, 20)}
    assert folds_wanted(TrainSettings.model_validate({"data": "d.csv", "training": {"max_steps": 5}}), few) == (0, None)
    part = {"datasets": [{"source": "d.csv"}], "split": {"folds": 5, "fold": 1}}
    assert folds_wanted(TrainSettings.model_validate({"data": part}), few) == (0, None)


def test_queries_of_all_parts_count_alike() -> None:
    parts = [
        Values(["a", "b"], [0.0, 0.5], [1.0, 0.5], [None, None], [None, None]),
        Values(["c"], [0.2], [0.8], [None], [None]),
    ]
    found = pooled(parts, seed=0, resamples=200)
    assert found.n == 3
    assert found.base == pytest.approx(0.7 / 3) and found.tuned == pytest.approx(2.3 / 3)


def test_group_zero_of_a_part_is_not_group_zero_of_another() -> None:
    base, tuned, gold = np.random.default_rng(7).random((3, 2, 20))
    names, own = [str(i) for i in range(20)], [0] * 5 + [1] * 5 + [None] * 10  # two groups and ten that stand alone
    parts = [Values(names, list(b), list(t), [None] * 20, own) for b, t in zip(base, tuned, strict=True)]
    whole = np.array([0] * 5 + [1] * 5 + [*range(2, 12)] + [12] * 5 + [13] * 5 + [*range(14, 24)])
    expected = compare_means(base.ravel(), tuned.ravel(), seed=3, resamples=300, groups=whole)
    assert pooled(parts, seed=3, resamples=300) == replace(expected, unit="group") and expected.groups == 24
    parts = [Values(names, list(b), list(t), list(g), own) for b, t, g in zip(base, tuned, gold, strict=True)]
    found = pooled(parts, seed=3, resamples=300)
    assert (found.n, found.groups) == (40, 24) and found != pooled(
        [dataclasses.replace(part, group=[None] * 20) for part in parts], seed=3, resamples=300
    )


def test_taught_and_new_documents_of_all_parts_are_as_much_in_doubt_as_the_whole() -> None:
    """With items as units and without luck, 15% of slices of equal models were called improved."""
    generator = np.random.default_rng(5)
    parts = []
    for part in range(5):
        document = np.repeat(np.arange(16), 5)
        gains = generator.normal(0, 0.2, 16)[document] + generator.normal(0, 0.05, 80)
        names, texts = [f"{part} {i}" for i in range(80)], [(f"{part} d{one}",) for one in document]
        none, taught = [None] * 80, [bool(one % 2) for one in document]
        parts.append(Values(names, [0.0] * 80, list(gains), none, none, taught=taught, shared=texts))
    slices = pooled_slices(parts, Luck(), seed=3, resamples=300)
    assert [(one.name, one.n, one.groups) for one in slices] == [("taught", 200, 40), ("new", 200, 40)]
    taught = np.array([one for part in parts for one in part.taught], dtype=bool)
    tuned = np.array([value for part in parts for value in part.tuned])
    together = compare_means(np.zeros(200), tuned[taught], seed=3, resamples=300, groups=np.repeat(np.arange(40), 5))
    alone = compare_means(np.zeros(200), tuned[taught], seed=3, resamples=300)
    assert slices[0].ci95 == with_luck(together, Luck().variance([40] * 5)).ci95
    assert np.ptp(slices[0].ci95) > 1.7 * np.ptp(alone.ci95), "a fifth of the witnesses"


@settings(max_examples=20, deadline=None)
@drawn(st.integers(0, 1000))
def test_the_scale_of_a_part_does_not_matter(seed: int) -> None:
    """Cosines of another model may all be higher: what counts is the order within each part."""
    random = np.random.default_rng(seed)
    gold = random.random((3, 30))
    base, tuned = gold + random.normal(0, 1, gold.shape), gold + random.normal(0, 0.3, gold.shape)

    def parts(stretch: list[float], shift: list[float]) -> list[Values]:
        moved = [a * t + b for a, t, b in zip(stretch, tuned, shift, strict=True)]
        names = [str(i) for i in range(30)]
        return [Values(names, list(b), list(t), list(g), [None] * 30) for b, t, g in zip(base, moved, gold, strict=True)]

    plain = pooled(parts([1, 1, 1], [0, 0, 0]), seed=1, resamples=200)
    assert pooled(parts([0.1, 2, 5], [0.9, -3, 0]), seed=1, resamples=200) == plain
    own = [spearmanr(t, g).statistic for t, g in zip(tuned, gold, strict=True)]
    assert plain.tuned == pytest.approx(np.mean(own))


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory, work: Path, server: ForkServer) -> tuple[Path, dict[str, Any]]:
    """The folder and the answer of a run on 60 scored pairs in three parts."""
    folder = tmp_path_factory.mktemp("folds")
    for name in ("scored.csv", "tiny"):
        source = work / name
        shutil.copytree(source, folder / name) if source.is_dir() else shutil.copy(source, folder / name)
    words = [
        "train",
        "--data",
        "scored.csv",
        "run_name=crossed",
        "model.name=tiny",
        "model.device=cpu",
        "training.precision=fp32",
    ]
    words += [
        "training.epochs=1",
        "training.evaluations=1",
        "evaluation.folds=3",
        "evaluation.resamples=200",
        "evaluation.panel=off",
        "--verbose",
    ]
    done = server.run(words, folder)
    assert done["code"] == 0, done["output"]
    return folder / "checkpoints" / "crossed", done


def test_a_run_with_few_labels(crossed: tuple[Path, dict[str, Any]]) -> None:
    run, done = crossed
    assert "then 3 more runs (cross-validation)" in done["output"]
    report = json.loads((run / "report.json").read_text())
    found = report["datasets"][0]["cross_validation"]
    parts = [json.loads((run / "folds" / f"part-{i}" / "report.json").read_text()) for i in (1, 2, 3)]
    assert found["folds"] == 3 and found["n"] == sum(part["datasets"][0]["n"] for part in parts) == 60
    assert found["ci95"][0] <= found["delta"] <= found["ci95"][1]
    assert (found["luck_sd"], found["luck_correlation"], found["luck_seeds"]) == (0.011, 0.5, None)
    assert found["item_ci95"][0] > found["ci95"][0] and found["item_ci95"][1] < found["ci95"][1]
    assert found["kept_base"] == sum(part["selection"].get("lost", False) for part in parts)
    assert all(part["selection"]["share"] > 0 for part in parts), "what was trained is judged"
    assert report["verdict"] == found["verdict"]  # it counts, and not that of the dozen of pairs in test
    assert "cross-validated Spearman" in " ".join(done["output"].split())
    page = (run / "report.html").read_text()
    assert "scored, all 3 parts" in page and "scored, test alone" in page
    left = {path.name for path in (run / "folds").rglob("*")}
    assert not left & {"model", "report.html", ".cache"} and not [name for name in left if name.startswith("checkpoint-")]


def test_a_dry_run_tells_of_the_runs_that_would_follow(crossed: tuple[Path, dict[str, Any]], server: ForkServer) -> None:
    words = ["train", "--data", "scored.csv", "--dry-run", "model.name=tiny", "model.device=cpu", "training.precision=fp32"]
    done = server.run([*words, "evaluation.folds=4"], crossed[0].parent.parent)
    assert done["code"] == 0 and "then 4 more runs (cross-validation)" in done["output"], done["output"]


def test_parts_that_are_finished_are_not_run_again(crossed: tuple[Path, dict[str, Any]], server: ForkServer) -> None:
    run, _ = crossed
    before = json.loads((run / "report.json").read_text())["datasets"][0]["cross_validation"]
    (run / "report.json").unlink()
    shutil.rmtree(run / "folds" / "part-3")
    times = {i: (run / "folds" / f"part-{i}" / "report.json").stat().st_mtime_ns for i in (1, 2)}
    done = server.run(["train", "--resume", str(run)], run.parent.parent)
    assert done["code"] == 0, done["output"]
    assert "part 3 of 3" in done["output"] and "part 1 of 3" not in done["output"]
    assert times == {i: (run / "folds" / f"part-{i}" / "report.json").stat().st_mtime_ns for i in (1, 2)}
    assert json.loads((run / "report.json").read_text())["datasets"][0]["cross_validation"] == before


def test_rows_that_cannot_be_dealt_into_parts_cost_the_run_nothing(
    crossed: tuple[Path, dict[str, Any]], server: ForkServer
) -> None:
    """Four groups of rows stay whole: they make a train, a dev and a test, but no five parts."""
    folder = crossed[0].parent.parent
    lines = [f"a red thing {i},the thing {i} that is red,{i % 5 / 4},g{i % 4}" for i in range(60)]
    (folder / "grouped.csv").write_text("sentence1,sentence2,score,group\n" + "\n".join(lines) + "\n", encoding="utf-8")
    words = ["train", "--data", "grouped.csv", "run_name=grouped", "model.name=tiny", "model.device=cpu"]
    settings = [
        "training.precision=fp32",
        "training.epochs=1",
        "evaluation.resamples=200",
        "data.split.dev=0.2",
        "evaluation.panel=off",
    ]
    done = server.run([*words, *settings], folder)
    assert done["code"] == 0, done["output"]
    assert "there is no cross-validation: grouped.csv: the rows are in 4 groups" in done["output"], done["output"]
    report = json.loads((folder / "checkpoints" / "grouped" / "report.json").read_text())
    assert report["datasets"][0]["cross_validation"] is None and report["verdict"] == report["datasets"][0]["verdict"]


def test_a_part_whose_training_does_not_converge_costs_the_run_nothing(
    crossed: tuple[Path, dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load_config(crossed[0] / "config.yaml")

    def train(part: TrainSettings) -> None:
        raise Diverged("the loss became nan before step 3", hint="lower training.learning_rate")

    (tmp_path / "run").mkdir()
    assert cross_validate(config, tmp_path / "run", 3, train) is None
    said = capsys.readouterr().out
    assert "there is no cross-validation: the loss became nan" in said and "lower training.learning_rate" in said


def test_a_part_that_judged_the_base_itself_is_trained_again(crossed: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    """Earlier versions left such parts; they say nothing about what training makes."""
    part = tmp_path / "part-1"
    shutil.copytree(crossed[0] / "folds" / "part-1", part)
    _forget_if_base(RunFolder(part))
    report = json.loads((part / "report.json").read_text())
    (part / "report.json").write_text(json.dumps(report | {"selection": {"step": 4, "share": 0.0}}))
    _forget_if_base(RunFolder(part))
    assert not part.exists()


def test_all_parts_are_compared_with_the_base_under_one_contract() -> None:
    """The better on each part's own items is the luckier in each: 0.56 standard errors a part, with equal contracts."""
    draw = np.random.default_rng(0)
    shipped, run = draw.normal(0.5, 0.1, (2, 40, 30))
    parts, contracts = [], []
    for one, other in zip(shipped, run, strict=True):
        first = bool(one.mean() > other.mean())
        base, aside = (one, other) if first else (other, one)
        parts.append(Values([str(i) for i in range(30)], [*base], [*base], [None] * 30, [None] * 30, other_base=[*aside]))
        both = (("as shipped", one.mean(), first), ("under the run's prompts", other.mean(), not first))
        contracts.append(tuple(BaseContract(name=n, value=v, decides=d, as_shipped=n == "as shipped") for n, v, d in both))
    found = with_one_base(parts, contracts)
    better = shipped if shipped.mean() > run.mean() else run
    assert all(part.base == pytest.approx([*values]) for part, values in zip(found, better, strict=True))
    assert np.mean([part.base for part in parts]) > np.mean([part.base for part in found]) + 0.005
    assert with_one_base(parts, [()] * len(parts)) == parts
