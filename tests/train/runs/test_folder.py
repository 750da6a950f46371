"""A run folder appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from train.errors import RunError
from train.runs.folder import RunFolder, create_run


def test_an_existing_run_is_not_overwritten(tmp_path: Path) -> None:
    create_run(tmp_path, "mine")
    with pytest.raises(RunError, match=r"already exists\n.*--resume .*mine.*run_name="):
        create_run(tmp_path, "mine")
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot be created.*\n.*output_dir"):
        create_run(tmp_path / "file", "mine")


def test_a_run_folder_appears_with_its_first_files_or_not_at_all(tmp_path: Path) -> None:
    def full_disk(folder: Path) -> None:
        RunFolder(folder).config.touch()
        raise OSError(28, "No space left on device")

    with pytest.raises(RunError, match=r"mine cannot be created \(No space left on device\)"):
        create_run(tmp_path, "mine", full_disk)
    assert list(tmp_path.iterdir()) == []
    create_run(tmp_path, "mine", lambda folder: RunFolder(folder).config.touch())
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["config.yaml"]


def test_a_part_of_a_cross_validation_keeps_its_scores_only(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    for folder in (run.model, tmp_path / "checkpoint-4", tmp_path / "checkpoint-4" / "deep"):
        folder.mkdir()
    for file in (run.config, run.environment, run.report, run.page, run.per_query, run.scores):
        file.touch()
    run.keep_scores_only()
    kept = {run.config, run.environment, run.report, run.per_query, run.scores}
    assert set(tmp_path.iterdir()) == kept and run.is_run and run.is_finished and run.has_training
