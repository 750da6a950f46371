"""Files that come with the program: recipes, presets, prices and facts, in a clone as well as in an installed package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

CONFIGS = "configs"


def packaged(*parts: str) -> Path:
    """Return the path of a file or folder below `configs/` that came with the program; it need not exist.

    A wheel carries the folder inside of `train`; in a clone, also one that is installed as editable, it lies beside `train`.
    """
    train = Path(str(files("train")))
    inside = train / CONFIGS
    return (inside if inside.is_dir() else train.parent / CONFIGS).joinpath(*parts)


def shown(file: Path) -> str:
    """Return the path of a file for the user: that of a packaged one as `configs/…`, wherever it lies."""
    return str(file.relative_to(packaged().parent)) if file.is_relative_to(packaged()) else str(file)


def config_file(path: Path) -> Path:
    """Return the file that `--config` means: the path itself, or the packaged file where only that exists.

    So `--config configs/quick.yaml` works in any folder; a file of the user's takes precedence.
    """
    if path.parts[:1] == (CONFIGS,) and not path.exists() and (found := packaged(*path.parts[1:])).is_file():
        return found
    return path


def packaged_beside(path: Path) -> list[Path]:
    """Return what `--config` finds where `path` would be, besides the files that are there: `configs/…` of packaged files."""
    if path.parts[:1] != (CONFIGS,):
        return []
    return [path.parent / file.name for file in packaged(*path.parent.parts[1:]).glob("*.yaml")]
