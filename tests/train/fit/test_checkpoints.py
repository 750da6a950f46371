"""Checkpoints: complete or absent."""

from __future__ import annotations

from pathlib import Path

from train.fit.checkpoints import STAGING, clear_staging, keep_only, last_checkpoint, list_checkpoints, publish


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
