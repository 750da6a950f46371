"""A run that was stopped goes on in the same dashboard: every step once, nothing lost that is on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.forked import ForkServer
from tests.support.wandb_readback import (
    clean,
    dev_rows,
    expected_summary,
    history,
    inspect,
    records,
    sessions,
    shown_dev_rows,
    wandb,
)
from tests.support.wandb_server import WandbServer
from tests.train.tracking.conftest import write_data
from train.errors import TrackingError
from train.tracking.logbook import last_step

NAME = "run_name=stopped"


@pytest.fixture(scope="module")
def continued(server: ForkServer, arguments: list[str], home: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run folder of a run that Ctrl-C stopped after its first checkpoint, and that was then resumed."""
    folder = tmp_path_factory.mktemp("continued")
    write_data(folder)
    run = folder / "checkpoints" / "stopped"
    stopped = server.run([*arguments, NAME], folder, environment=home, interrupt_when=str(run / "checkpoint-4"))
    assert stopped["code"] == 130, stopped["output"]
    done = server.run(["train", "--resume", str(run)], folder, environment=home)
    assert done["code"] == 0, done["output"]
    return run


def test_each_session_says_how_it_ended(continued: Path) -> None:
    first, second = map(inspect, sessions(continued))
    assert (first["exit_code"], first["summary"]["outcome"]) == (130, "interrupted")
    assert (second["exit_code"], second["summary"]["outcome"]) == (0, "finished")
    assert first["run_id"] == second["run_id"]


def test_every_step_is_in_exactly_one_session(continued: Path) -> None:
    first, second = map(history, sessions(continued))
    assert [step for step, _ in (*first, *second)] == list(range(13))
    assert 4 <= len(first) < 13
    assert shown_dev_rows([*first, *second]) == dev_rows(continued)


def test_sync_puts_the_sessions_together(continued: Path, home: dict[str, str]) -> None:
    server = WandbServer()
    try:
        wandb("sync", continued / "wandb", environment=os.environ | home | server.environment())
        (run,) = server.runs.values()
        both = [row for folder in sessions(continued) for row in history(folder)]
        assert [(row["_step"], clean(row)) for row in run.history] == both
        expected = expected_summary(json.loads((continued / "report.json").read_text(encoding="utf-8")))
        assert {name: run.summary.get(name) for name in expected} == expected
        assert run.exit_code == 0
        report = [name for name, found in server.artifacts.items() if found["type"] == "report"]
        assert server.files[f"artifact/{report[0]}/report.json"] == (continued / "report.json").read_bytes()
    finally:
        server.close()


@pytest.mark.slow
def test_a_kill_leaves_no_step_twice(server: ForkServer, arguments: list[str], home: dict[str, str], tmp_path: Path) -> None:
    write_data(tmp_path)
    # dies while it saves the second checkpoint, whose scores it had reported; goes on from the first
    killed = server.run([*arguments, NAME], tmp_path, environment=home, save=2, files=1)
    assert killed["code"] == -9
    run = tmp_path / "checkpoints" / "stopped"
    done = server.run(["train", "--resume", str(run)], tmp_path, environment=home)
    assert done["code"] == 0, done["output"]
    first, second = map(history, sessions(run))
    steps = [step for step, _ in (*first, *second)]
    assert steps == sorted(set(steps)) and steps[-1] == 12
    assert shown_dev_rows([*first, *second]) == dev_rows(run)
    assert len({record["run_id"] for folder in sessions(run) for record in records(folder, "run")}) == 1


@pytest.mark.slow
def test_what_began_offline_goes_on_offline(
    server: ForkServer, arguments: list[str], home: dict[str, str], tmp_path: Path
) -> None:
    write_data(tmp_path)
    run = tmp_path / "checkpoints" / "stopped"
    server.run([*arguments, NAME], tmp_path, environment=home, interrupt_when=str(run / "checkpoint-4"))
    there = WandbServer()
    try:
        done = server.run(["train", "--resume", str(run)], tmp_path, environment=home | there.environment())
        assert done["code"] == 0 and "offline (as it began)" in done["output"], done["output"]
        assert not there.runs
    finally:
        there.close()


def test_last_step_passes_over_a_broken_end(continued: Path, tmp_path: Path) -> None:
    whole = next(sessions(continued)[1].glob("*.wandb")).read_bytes()
    assert last_step(continued / "wandb") == 12
    folder = tmp_path / "offline-run-20260101_000000-abc"
    folder.mkdir()
    (folder / "run-abc.wandb").write_bytes(whole[:-2000])
    assert 4 < last_step(tmp_path) < 12
    (folder / "run-abc.wandb").write_bytes(b"")
    assert last_step(tmp_path) == -1
    assert last_step(tmp_path / "nothing") == -1


def test_last_step_says_when_it_cannot_read(tmp_path: Path) -> None:
    file = tmp_path / "run-20260101_000000-abc" / "run-abc.wandb"
    file.mkdir(parents=True)  # a folder cannot be read as a file
    with pytest.raises(TrackingError, match=r"run-abc\.wandb.*cannot be read"):
        last_step(tmp_path)
