"""Checkpoints and run folders: complete or absent, best and last kept, later scores forgotten on resume."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.storage import write_json
from train.errors import RunError
from train.fit.checkpoints import STAGING, clear_staging, keep_only, last_checkpoint, list_checkpoints, publish
from train.runs.folder import create_run, open_run
from train.runs.score_log import ScoreLog


def stage(run: Path, step: int, content: str = "weights") -> None:
    folder = run / STAGING / f"checkpoint-{step}" / "1_Pooling"
    folder.mkdir(parents=True)
    (folder.parent / "model.safetensors").write_text(content)
    (folder / "config.json").write_text("{}")


def test_only_published_checkpoints_count(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    stage(tmp_path, 90)
    (tmp_path / "checkpoint-final").mkdir()
    assert last_checkpoint(tmp_path) is None
    publish(tmp_path, 90)
    stage(tmp_path, 100)
    publish(tmp_path, 100)
    assert list(list_checkpoints(tmp_path)) == [90, 100]  # by number: 100 comes after 90
    assert last_checkpoint(tmp_path) == (100, tmp_path / "checkpoint-100")


def test_publishing_a_step_again_replaces_it(tmp_path: Path) -> None:
    for content in ("old", "new"):
        stage(tmp_path, 5, content)
        publish(tmp_path, 5)
    assert (tmp_path / "checkpoint-5" / "model.safetensors").read_text() == "new"
    clear_staging(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint-5"]


def test_keep_only(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        stage(tmp_path, step)
        publish(tmp_path, step)
    keep_only(tmp_path, {1, 3})
    assert list(list_checkpoints(tmp_path)) == [1, 3]


def test_the_score_log_keeps_one_line_a_step_and_forgets_what_a_kill_undid(tmp_path: Path) -> None:
    log = ScoreLog(tmp_path / "scores.jsonl")
    for step, dev in ((0, 0.5), (10, 0.6), (20, 0.8), (30, 0.8), (40, 0.7)):
        log.add({"step": step, "dev": dev})
    assert log.best() == {"step": 20, "dev": 0.8}  # the earliest of equals
    assert log.without_improvement() == 2
    log.forget_after(20)
    log.add({"step": 20, "dev": 0.55})
    again = ScoreLog(tmp_path / "scores.jsonl")
    assert [(line["step"], line["dev"]) for line in again.lines] == [(0, 0.5), (10, 0.6), (20, 0.55)]
    assert again.best() == {"step": 10, "dev": 0.6}
    assert ScoreLog(tmp_path / "none.jsonl").best() is None


def test_the_base_is_never_the_best_checkpoint(tmp_path: Path) -> None:
    log = ScoreLog(tmp_path / "scores.jsonl")
    log.add({"step": 0, "dev": 0.9})
    log.add({"step": 5, "dev": 0.1})
    assert log.best() == {"step": 5, "dev": 0.1}


def test_an_existing_run_is_not_overwritten(tmp_path: Path) -> None:
    create_run(tmp_path, "mine")
    with pytest.raises(RunError, match=r"exists already\n.*--resume .*mine.*run_name="):
        create_run(tmp_path, "mine")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot be made.*\n.*output_dir"):
        create_run(tmp_path / "file", "mine")


def test_a_run_folder_appears_with_its_first_files_or_not_at_all(tmp_path: Path) -> None:
    def full_disk(folder: Path) -> None:
        (folder / "config.yaml").touch()
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match=r"mine cannot be made \(No space left on device\)"):
        create_run(tmp_path, "mine", full_disk)
    assert list(tmp_path.iterdir()) == []
    create_run(tmp_path, "mine", lambda folder: (folder / "config.yaml").touch())
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["config.yaml"]


def test_what_cannot_be_resumed_says_why(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not a run folder"):
        open_run(tmp_path / "nothing")
    run = create_run(tmp_path, "done")
    (run / "config.yaml").touch()
    with pytest.raises(RunError, match=r"it has no environment\.json"):
        open_run(run)
    (run / "environment.json").touch()
    assert open_run(run) == run
    write_json(run / "report.json", {})
    with pytest.raises(RunError, match="finished already"):
        open_run(run)
    with pytest.raises(RunError, match="runs there: done"):
        open_run(tmp_path / "dnoe")
