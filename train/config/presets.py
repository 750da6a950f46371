"""Models by short names: configs/models/ has a file for each, with what its vectors need and where that is written."""

from __future__ import annotations

from pathlib import Path

from train.config.packaged import config_file, packaged

FOLDER = packaged("models")
SUFFIXES = (".yaml", ".yml")


def preset_file(word: str) -> Path | None:
    """Return the file with a `model:` section that a word names: the name of one in configs/models/ (`scibert`), or a path,
    which need not exist."""
    if word.endswith(SUFFIXES):
        return config_file(Path(word).expanduser())
    return next((path for path in presets() if path.stem.lower() == word.lower()), None)


def presets() -> list[Path]:
    """Return the files of all presets, sorted by name."""
    return sorted(FOLDER.glob("*.yaml"))
