"""A run without a key: everything in the run folder, read back by wandb's own reader."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.forked import ForkServer
from tests.support.wandb_readback import (
    dev_rows,
    expected_summary,
    history,
    inspect,
    quoting,
    records,
    sessions,
    shown_dev_rows,
    wandb,
)
from tests.train.tracking.conftest import write_data


@pytest.fixture(scope="module")
def finished(
    server: ForkServer, arguments: list[str], home: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """Run folder and output of a finished run."""
    folder = tmp_path_factory.mktemp("offline")
    write_data(folder)
    settings = ["run_name=first", "tracking.group=nightly", "tracking.tags=[small, test]", "tracking.project=quick"]
    done = server.run([*arguments, *settings], folder, environment=home)
    assert done["code"] == 0, done["output"]
    return folder / "checkpoints" / "first", done["output"]


@pytest.fixture(scope="module")
def rows(finished: tuple[Path, str]) -> list[tuple[int, dict[str, Any]]]:
    return history(sessions(finished[0])[0])


def test_the_commands_that_are_told_work(finished: tuple[Path, str]) -> None:
    run, output = finished
    look = re.findall(r"wandb leet ([^`]+)`", output)
    assert len(look) == 2 and look[0] == look[1]
    place = run.parents[1] / shlex.split(look[0])[0]
    assert "state    finished" in wandb("leet", "inspect", "--summary", place)
    upload = re.findall(r"wandb sync ([^`]+)`", output)
    assert "Would sync 1 run(s)" in wandb("sync", "--dry-run", upload[0], cwd=run.parents[1])


def test_config_and_environment_are_there(finished: tuple[Path, str]) -> None:
    run, _ = finished
    seen = inspect(run / "wandb")
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    assert seen["config"] == {**config, "environment": environment}
    assert (seen["name"], seen["project"], seen["tags"]) == ("first", "quick", ["small", "test"])
    assert records(run / "wandb", "run")[0]["run_group"] == "nightly"


def test_training_figures_by_optimiser_step(rows: list[tuple[int, dict[str, Any]]]) -> None:
    steps = [step for step, _ in rows]
    assert steps == list(range(13))  # twelve steps are logged one by one, and the base stands at 0
    assert rows[0][1].keys() == {name for name in rows[0][1] if name.startswith("dev")}
    for _, row in rows[1:]:
        assert row["train/loss"] > 0 and row["train/grad_norm"] > 0 and row["train/peak_memory_mb"] > 50
        # 7 rows a batch with 16 tokens each at most: speeds of the same interval, so their quotient is a count of tokens a row
        assert 5 < row["train/tokens_per_second"] / row["train/rows_per_second"] < 40
        own = [name for name in row if name.startswith("train/loss/")]
        assert len(own) == 1 and row[own[0]] == pytest.approx(row["train/loss"], rel=1e-5)  # one batch a step, of one data set
    assert {name for _, row in rows for name in row if name.startswith("train/loss/")} == {
        "train/loss/pairs",
        "train/loss/scored",
    }
    rates = [row["train/learning_rate"] for _, row in rows[1:]]
    assert max(rates) == pytest.approx(3e-3) and rates[0] == 0 and rates[-1] < max(rates)


def test_dev_scores_stand_beside_the_base(finished: tuple[Path, str], rows: list[tuple[int, dict[str, Any]]]) -> None:
    expected = dev_rows(finished[0])
    assert list(expected) == [0, 4, 8, 12]
    assert shown_dev_rows(rows) == expected


def test_the_summary_is_the_report(finished: tuple[Path, str]) -> None:
    run, _ = finished
    seen = inspect(run / "wandb")
    expected = expected_summary(json.loads((run / "report.json").read_text(encoding="utf-8")))
    assert {name: seen["summary"].get(name) for name in expected} == expected
    assert (seen["summary"]["outcome"], seen["exit_code"], seen["state"]) == ("finished", 0, "finished")


def test_table_and_artifact(finished: tuple[Path, str]) -> None:
    run, _ = finished
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    session = sessions(run)[0]
    (table,) = [json.loads(path.read_text()) for path in (session / "files" / "media" / "table").glob("results_*.json")]
    found = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [(row["dataset"], row["delta"], row["ci_low"], row["ci_high"], row["verdict"]) for row in found] == [
        (result["name"], result["delta"], *result["ci95"], result["verdict"]) for result in report["datasets"]
    ]
    (artifact,) = [found for found in records(session, "artifact") if found["type"] == "report"]
    assert artifact["name"] == "first-report"
    content = {entry["path"]: entry for entry in artifact["manifest"]["contents"]}
    assert content.keys() == {"report.json", "report.html"}
    for entry in content.values():  # the files lie in the run folder, as announced
        staged = Path(entry["local_path"])
        assert staged.is_relative_to(run / "wandb")
        assert b64encode(hashlib.md5(staged.read_bytes(), usedforsecurity=False).digest()).decode() == entry["digest"]
    assert Path(content["report.json"]["local_path"]).read_bytes() == (run / "report.json").read_bytes()
    page = Path(content["report.html"]["local_path"]).read_text(encoding="utf-8")
    assert "first" in page and f"{report['datasets'][0]['tuned']:.3f}" in page


def test_no_text_and_nothing_about_the_person_is_in_it(finished: tuple[Path, str]) -> None:
    run, _ = finished
    assert quoting(run / "wandb") == []
    kept = [path for path in quoting(run) if path.parent != run / "reference"]  # which stays on the machine, as they do
    assert sorted(kept) == [run / "report.html", run / "run.log"] and kept != quoting(run)  # it finds texts where they are
    for session in sessions(run):
        assert sorted(path.name for path in (session / "files").iterdir()) == ["media"]  # no code, patch, packages, console
    described = records(run / "wandb", "run")[0]
    assert not {"host", "git", "program"} & described.keys()
    assert {found["type"] for found in all_records(run)} == {
        "header",
        "run",
        "telemetry",
        "summary",
        "history",
        "artifact",
        "files",
        "exit",
    }


def all_records(run: Path) -> list[dict[str, Any]]:
    lines = wandb("leet", "inspect", "--json", run / "wandb").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


def test_texts_when_asked_for(server: ForkServer, arguments: list[str], home: dict[str, str], tmp_path: Path) -> None:
    texts = write_data(tmp_path)
    done = server.run([*arguments, "run_name=open", "tracking.log_texts=true"], tmp_path, environment=home)
    assert done["code"] == 0, done["output"]
    run = tmp_path / "checkpoints" / "open"
    (artifact,) = [found for found in records(run / "wandb", "artifact") if found["type"] == "report"]
    page = next(entry["local_path"] for entry in artifact["manifest"]["contents"] if entry["path"] == "report.html")
    assert Path(page).read_bytes() == (run / "report.html").read_bytes()
    tables = [json.loads(path.read_text()) for path in (sessions(run)[0] / "files" / "media" / "table").rglob("*.json")]
    examples = [table for table in tables if "query" in table["columns"] or "sentence1" in table["columns"]]
    cells = {cell for table in examples for row in table["data"] for cell in row if isinstance(cell, str)}
    assert examples and cells & set(texts)


def test_without_tracking_wandb_is_not_imported(
    server: ForkServer, arguments: list[str], home: dict[str, str], tmp_path: Path
) -> None:
    write_data(tmp_path)
    variables = {"WANDB_MODE": "online", "WANDB_API_KEY": "k" * 40, "WANDB_BASE_URL": "http://127.0.0.1:9", "WANDB_PROJECT": "p"}
    quiet = [*arguments[:-1], "tracking=none", "training.max_steps=2", "run_name=x"]
    done = server.run(quiet, tmp_path, environment=home | variables, fault=["forbid_wandb"])
    assert done["code"] == 0, done["output"]
    assert not (tmp_path / "checkpoints" / "x" / "wandb").exists()
    # the same guard does notice an import
    assert server.run([*quiet, "tracking=wandb", "run_name=y"], tmp_path, environment=home, fault=["forbid_wandb"])["code"] == 97


def test_the_end_of_wandbs_own_process_is_not_the_end_of_the_run(
    server: ForkServer, arguments: list[str], home: dict[str, str], tmp_path: Path
) -> None:
    write_data(tmp_path)
    done = server.run([*arguments, "run_name=x"], tmp_path, environment=home, fault=["kill_wandb_in_step", 5])
    assert done["code"] == 0, done["output"]
    assert (tmp_path / "checkpoints" / "x" / "report.json").is_file()
    assert "Traceback" not in done["output"]
    (line,) = [line for line in done["output"].splitlines() if "the run continues" in line]
    assert line.startswith("tracking: figures could not be reported")
    assert "tracking: wandb offline; incomplete: figures" in done["output"]
