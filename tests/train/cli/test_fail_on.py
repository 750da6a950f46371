"""`--fail-on`, and `diff` of runs that were trained: exit codes of real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from tests.conftest import ROOT
from tests.support.forked import ForkServer
from tests.support.handmade import retrieval, write_run
from tests.train.conftest import FILES, RESAMPLES, as_json, evaluate, report_of
from train.evaluate.statistics import compare_means

# --fail-on


@pytest.mark.parametrize(
    ("models", "condition", "code"),
    [
        (("tiny", "ruined"), "worse", 3),
        (("tiny", "ruined"), "unproven", 3),
        (("ruined", "tiny"), "unproven", 0),
        (("tiny", "tiny"), "worse", 0),
        (("tiny", "tiny"), "unproven", 3),
    ],
)
def test_fail_on_of_evaluate(
    server: ForkServer, work: Path, tmp_path: Path, models: tuple[str, str], condition: str, code: int
) -> None:
    out = tmp_path / "out"
    done = evaluate(server, work, *models, "--data", "pairs.csv", "--fail-on", condition, "--output", str(out))
    assert done["code"] == code, done["output"]
    assert {path.name for path in out.iterdir()} == FILES, "everything is written all the same"
    assert (f"error: --fail-on {condition}: the verdict is" in done["output"]) == (code == 3)


def test_fail_on_speaks_on_standard_error(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from train.cli.app import main

    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "tiny", "ruined", "-d", "pairs.csv", "--json", "--fail-on", "regressed", "model.device=cpu", RESAMPLES])
    printed = capfd.readouterr()
    assert stop.value.code == 3 and json.loads(printed.out)["verdict"] == "regressed"
    assert "--fail-on worse: the verdict is worse. ruined is worse than tiny on pairs" in printed.err


def test_fail_on_of_train_leaves_a_finished_run(server: ForkServer, work: Path, tmp_path: Path) -> None:
    still = ["model.device=cpu", "training.precision=fp32", "training.max_steps=2", "training.learning_rate=1e-12", RESAMPLES]
    words = ["train", "--data", str(work / "pairs.csv"), f"model.name={work / 'tiny'}", "run_name=x", *still]
    done = server.run([*words, "--fail-on", "no_evidence"], tmp_path)
    run = tmp_path / "checkpoints" / "x"
    assert done["code"] == 3 and "--fail-on unproven: the verdict is unproven" in done["output"], done["output"]
    assert report_of(run)["verdict"] == "no_evidence" and (run / "model" / "modules.json").is_file()
    (run / "report.json").unlink()
    assert server.run(["train", "--resume", "checkpoints/x", "--fail-on", "regressed"], tmp_path)["code"] == 0
    (run / "report.json").unlink()
    assert server.run(["train", "--resume", "checkpoints/x", "--fail-on", "no_evidence"], tmp_path)["code"] == 3


@pytest.mark.parametrize(("condition", "code"), [("regressed", 3), ("no_evidence", 3), (None, 0)])
def test_fail_on_of_diff(server: ForkServer, tmp_path: Path, condition: str | None, code: int) -> None:
    write_run(tmp_path / "checkpoints" / "a", {"faq": retrieval([0.9, 0.8, 1.0, 0.7, 0.9, 0.8, 1.0, 0.6])})
    write_run(tmp_path / "checkpoints" / "b", {"faq": retrieval([0.1, 0.2, 0.3, 0.1, 0.0, 0.2, 0.4, 0.1])})
    option = [] if condition is None else ["--fail-on", condition]
    done = server.run(["diff", "a", "b", *option], tmp_path)
    assert done["code"] == code and "Verdict: b is worse than a on faq" in done["output"], done["output"]
    assert server.run(["diff", "b", "a", *option], tmp_path)["code"] == 0


# diff of runs that were trained


def test_two_trained_runs_are_compared_though_one_was_given_fewer_rows(
    here: Path, runs: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = as_json(capfd, "diff", "first", "second")
    (result,) = found["datasets"]
    values = []
    for name in ("first", "second"):
        table = pq.read_table(runs / name / "per_query.parquet").to_pylist()
        values.append({row["item"]: row["tuned"] for row in table if row["metric"] == "ndcg@10"})
    items = list(values[0])
    expected = compare_means(*(np.array([one[item] for item in items]) for one in values), seed=0)
    assert (result["delta"], tuple(result["ci95"]), result["p_value"]) == (expected.delta, expected.ci95, expected.p_value)
    assert [(one["key"], one["base"], one["tuned"]) for one in found["config"]] == [
        ("data.datasets.0.max_rows", None, 40),
        ("training.max_steps", 4, 2),
    ]
    assert found["labels"] == {"base": "first", "tuned": "second"} and found["base_model"] == []


def test_a_run_says_when_it_was_finished_and_keeps_gold_scores(server: ForkServer, work: Path, tmp_path: Path) -> None:
    words = [
        "train",
        "--data",
        str(work / "split"),
        f"model.name={work / 'tiny'}",
        "run_name=x",
        "training.max_steps=2",
        RESAMPLES,
    ]
    done = server.run([*words, "model.device=cpu", "training.precision=fp32"], tmp_path)
    assert done["code"] == 0, done["output"]
    run = tmp_path / "checkpoints" / "x"
    finished = datetime.fromisoformat(report_of(run)["finished_at"])
    assert finished.utcoffset() == timedelta(0) and finished.microsecond == 0
    assert timedelta(seconds=-1) <= datetime.now(UTC) - finished < timedelta(minutes=10)
    table = pq.read_table(run / "per_query.parquet").to_pydict()
    rows = (work / "split" / "test.csv").read_text().splitlines()[1:]
    assert table["gold"] == [float(row.rsplit(",", 1)[1]) for row in rows]
    assert report_of(run)["datasets"][0]["tuned"] == pytest.approx(stats.spearmanr(table["gold"], table["tuned"]).statistic)


@pytest.mark.slow
def test_fail_on_through_the_launcher_fails_too(work: Path, tmp_path: Path) -> None:
    launcher = Path(sys.executable).with_name("accelerate")
    still = ["model.device=cpu", "training.precision=fp32", "training.max_steps=2", "training.learning_rate=1e-12", RESAMPLES]
    words = ["--data", str(work / "pairs.csv"), f"model.name={work / 'tiny'}", "run_name=x", f"output_dir={tmp_path}", *still]
    launch = [str(launcher), "launch", "--quiet", "--cpu", str(ROOT / "train" / "run.py")]
    done = subprocess.run(
        [*launch, *words, "--fail-on", "no_evidence"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    # Accelerate's launcher turns every exit code of its programs into 1; the words are what tells it from a crash
    assert done.returncode == 1 and "--fail-on unproven: the verdict is unproven" in done.stderr, done.stdout + done.stderr
    assert report_of(tmp_path / "x")["verdict"] == "no_evidence"
