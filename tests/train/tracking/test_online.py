"""A run that reports to a server: what arrives there, what does not, and what becomes of the run when the server fails."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support.forked import ForkServer
from tests.support.wandb_readback import clean, dev_rows, expected_summary, shown_dev_rows, wandb
from tests.support.wandb_server import WandbServer
from tests.train.tracking.conftest import MARKER, write_data

HASTE = {"WANDB_INIT_TIMEOUT": "8", "WANDB_FINISH_TIMEOUT": "6", "WANDB_HTTP_TIMEOUT": "4"}


@pytest.fixture
def variables(there: WandbServer, home: dict[str, str]) -> dict[str, str]:
    return home | there.environment(**HASTE)


def report_of(run: Path) -> dict:
    return json.loads((run / "report.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def arrived(
    server: ForkServer, arguments: list[str], home: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, str, WandbServer]]:
    """Run folder and output of a finished run, and the server that it reported to."""
    folder, there = tmp_path_factory.mktemp("online"), WandbServer()
    write_data(folder)
    settings = ["run_name=first", "tracking.entity=team", "tracking.tags=[small]", "tracking.group=nightly"]
    done = server.run([*arguments, *settings], folder, environment=home | there.environment(**HASTE))
    assert done["code"] == 0, done["output"]
    yield folder / "checkpoints" / "first", done["output"], there
    there.close()


def test_a_whole_run_arrives(arrived: tuple[Path, str, WandbServer]) -> None:
    run, output, there = arrived
    ((name, seen),) = there.runs.items()
    assert f"tracking: {there.url}/team/embed-tune/runs/{name}\n" in output
    given = {key: seen.variables[key] for key in ("project", "entity", "displayName", "groupName", "tags", "jobType")}
    assert list(given.values()) == ["embed-tune", "team", "first", "nightly", ["small"], "train"]
    config = {key: value["value"] for key, value in seen.config.items() if key != "_wandb"}
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    assert config == {**yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8")), "environment": environment}
    rows = [(row["_step"], clean(row)) for row in seen.history]
    assert [step for step, _ in rows] == list(range(13))
    assert shown_dev_rows(rows) == dev_rows(run)
    expected = expected_summary(report_of(run))
    assert {key: seen.summary.get(key) for key in expected} == expected
    assert (seen.summary["outcome"], seen.exit_code) == ("finished", 0)
    (report,) = [identity for identity, found in there.artifacts.items() if found["type"] == "report"]
    assert there.artifacts[report]["name"] == "first-report" and there.artifacts[report]["committed"]
    assert there.files[f"artifact/{report}/report.json"] == (run / "report.json").read_bytes()
    assert b"<!DOCTYPE html>" in there.files[f"artifact/{report}/report.html"]


def test_nothing_private_arrives(arrived: tuple[Path, str, WandbServer]) -> None:
    run, output, there = arrived
    everything = b"\n".join(there.received)
    assert MARKER.encode() not in everything and b"dev_base/pairs" in everything
    assert there.key.encode() not in everything and there.key not in output
    for path in run.rglob("*"):
        assert not path.is_file() or there.key.encode() not in path.read_bytes(), path
    (seen,) = there.runs.values()
    assert not {"host", "commit", "repo"} & seen.variables.keys() and seen.variables["program"] == "embed-tune"
    names = {name.split("/", 2)[2] for name in there.files if name.startswith("run/")}
    assert {name for name in names if not name.startswith("media/table/results")} == {"config.yaml", "wandb-summary.json"}


@pytest.mark.slow
def test_a_stopped_run_goes_on_as_the_same_run(
    server: ForkServer, arguments: list[str], there: WandbServer, variables: dict[str, str], tmp_path: Path
) -> None:
    write_data(tmp_path)
    run = tmp_path / "checkpoints" / "stopped"
    stopped = server.run(
        [*arguments, "run_name=stopped"], tmp_path, environment=variables, interrupt_when=str(run / "checkpoint-4")
    )
    assert stopped["code"] == 130, stopped["output"]
    (seen,) = there.runs.values()
    assert (seen.exit_code, seen.summary["outcome"]) == (130, "interrupted")
    done = server.run(["train", "--resume", str(run)], tmp_path, environment=variables)
    assert done["code"] == 0, done["output"]
    (seen,) = there.runs.values()
    rows = [(row["_step"], clean(row)) for row in seen.history]
    assert [step for step, _ in rows] == list(range(13))
    assert shown_dev_rows(rows) == dev_rows(run)
    assert (seen.exit_code, seen.summary["outcome"]) == (0, "finished")


@pytest.mark.slow
def test_a_crash_is_marked_as_failed(
    server: ForkServer, arguments: list[str], there: WandbServer, variables: dict[str, str], tmp_path: Path
) -> None:
    write_data(tmp_path)
    done = server.run(
        [*arguments, "run_name=hot"],
        tmp_path,
        environment=variables,
        fault=["break_loss_in_step", 3],
    )
    assert done["code"] == 2 and "the loss became nan" in done["output"], done["output"]
    (seen,) = there.runs.values()
    assert (seen.exit_code, seen.summary["outcome"]) == (1, "failed")


def test_a_server_that_dies_in_the_middle_costs_nothing_but_the_upload(
    server: ForkServer, arguments: list[str], there: WandbServer, variables: dict[str, str], tmp_path: Path
) -> None:
    write_data(tmp_path)
    streamed = 0

    def fault(what: str) -> int | None:
        nonlocal streamed
        streamed += what.endswith("/file_stream")
        return 503 if streamed > 1 else None  # accepts the beginning

    there.fault = fault
    done = server.run([*arguments, "run_name=lonely"], tmp_path, environment=variables)
    assert done["code"] == 0, done["output"]
    run = tmp_path / "checkpoints" / "lonely"
    assert report_of(run)["verdict"] and (run / "model" / "model.safetensors").is_file()
    (line,) = [line for line in done["output"].splitlines() if "did not take everything" in line]
    assert line.startswith(f"tracking: {there.url} ") and "`wandb sync --include-online checkpoints/lonely/wandb`" in line
    there.fault = lambda what: None
    there.runs.clear()  # a server that was set up anew
    wandb("sync", "--include-online", run / "wandb", environment=os.environ | variables)
    (seen,) = there.runs.values()
    assert [row["_step"] for row in seen.history][:13] == list(range(13))
    expected = expected_summary(report_of(run))
    assert {key: seen.summary.get(key) for key in expected} == expected
    reports = [identity for identity, found in there.artifacts.items() if found["type"] == "report" and found["committed"]]
    assert there.files[f"artifact/{reports[-1]}/report.json"] == (run / "report.json").read_bytes()


@pytest.mark.slow
def test_a_refused_upload_is_said(
    server: ForkServer, arguments: list[str], there: WandbServer, variables: dict[str, str], tmp_path: Path
) -> None:
    write_data(tmp_path)
    there.fault = lambda what: 403 if what.startswith("/storage/artifact") else None
    done = server.run([*arguments, "run_name=x"], tmp_path, environment=variables)
    assert done["code"] == 0, done["output"]
    assert f"tracking: {there.url} did not take everything (HTTP 403); upload it with `wandb sync" in done["output"]
    assert "wandb: " not in done["output"]  # it says nothing of its own
