"""Runs that an older revision made, see `tests/data/run_of_3ff2293`: this one resumes, judges, diffs and lists them."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.forked import ForkServer
from tests.train.conftest import as_json

OLDER = Path(__file__).parents[1] / "data" / "run_of_3ff2293"
FINISHED, UNFINISHED = "checkpoints/finished", "checkpoints/unfinished"
SETTINGS = [
    "model.name=tiny",
    "model.device=cpu",
    "training.precision=fp32",
    "training.max_steps=8",
    "training.batch_size=8",
    "training.learning_rate=1e-2",
    "training.evaluations=2",
    "evaluation.resamples=200",
]
"""Of both runs."""


@pytest.fixture
def older(in_tmp: Path) -> Path:
    """The working directory: a copy of what the older revision left."""
    shutil.copytree(OLDER, in_tmp, dirs_exist_ok=True)
    return in_tmp


@pytest.fixture(scope="module")
def resumed(server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory in which the unfinished run was resumed to its end, and the same run was made by this revision."""
    folder = tmp_path_factory.mktemp("older")
    shutil.copytree(OLDER, folder, dirs_exist_ok=True)
    as_then = "data.split.least_dev=0"  # a small dev was not enlarged
    for words in (["--resume", UNFINISHED], ["--data", "pairs.csv", *SETTINGS, as_then, "run_name=fresh"]):
        done = server.run(["train", *words], folder)
        assert done["code"] == 0, done["output"]
        assert ("step 4 of 8: dev" in done["output"]) == (words[0] != "--resume"), "resumed from step 4"
    return folder / "checkpoints"


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def dev_scores(run: Path) -> dict[int, float]:
    return {line["step"]: line["dev"] for line in map(json.loads, (run / "scores.jsonl").read_text().splitlines())}


def digest(run: Path) -> str:
    return hashlib.sha256((run / "model" / "model.safetensors").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["unfinished", "fresh"])
def test_the_run_resumed_and_the_run_made_again_end_as_the_older_revision_did(resumed: Path, name: str) -> None:
    ours, theirs = resumed / name, resumed / "finished"
    assert dev_scores(ours) == pytest.approx(dev_scores(theirs))
    ((found,), (expected,)) = (read(run / "report.json")["datasets"] for run in (ours, theirs))
    assert found["test_sha256"] == expected["test_sha256"] and found["verdict"] == expected["verdict"]
    for key in ("n", "base", "tuned", "ci95", "p_value"):
        assert found[key] == pytest.approx(expected[key]), key
    assert expected.keys() <= found.keys(), "fields are added, never renamed"
    if digest(resumed / "fresh") == digest(theirs):  # a processor that computes the same bits
        assert digest(ours) == digest(theirs)


def test_what_was_resumed_is_whole(resumed: Path) -> None:
    run = resumed / "unfinished"
    assert (run / "report.html").is_file() and (run / "per_query.parquet").is_file() and (run / "checkpoint-8").is_dir()
    assert [line["step"] for line in map(json.loads, (run / "scores.jsonl").read_text().splitlines())] == [0, 4, 8]


def test_the_finished_run_is_judged_on_the_rows_that_it_was_not_trained_on(
    older: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "tiny", FINISHED, "--data", "pairs.csv", "model.device=cpu", "evaluation.resamples=200"]
    (found,), (expected,) = as_json(capfd, *words)["datasets"], read(older / FINISHED / "report.json")["datasets"]
    assert (found["split"], found["n"], found["test_sha256"]) == ("test", expected["n"], expected["test_sha256"])
    then = expected["metrics"]["ndcg@10"]
    assert {key: found["metrics"]["ndcg@10"][key] for key in then} == pytest.approx(then)


def test_the_older_run_is_compared_with_one_of_this_revision(
    resumed: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(resumed.parent)
    (found,) = as_json(capfd, "diff", "finished", "fresh")["datasets"]
    tuned = read(resumed / "finished" / "report.json")["datasets"][0]["tuned"]
    assert found["base"] == pytest.approx(tuned) and found["delta"] == pytest.approx(0)


def test_both_are_on_the_page_over_all_runs(older: Path, server: ForkServer) -> None:
    done = server.run(["report"], older)
    assert done["code"] == 0 and "2 runs: 1 finished, 1 not finished" in done["output"], done["output"]
    page = (older / "checkpoints" / "index.html").read_text(encoding="utf-8")
    assert "unfinished" in page and "--resume" in page


def test_the_older_files_hold_no_path_of_the_machine_that_made_them() -> None:
    files = [path for path in OLDER.rglob("*") if path.is_file()]
    assert len(files) > 30 and sum(path.stat().st_size for path in files) < 110_000
    for path in files:
        assert not any(place in path.read_bytes() for place in (b"/tmp/", b"/work/", b"/root/", b"/home/")), path
