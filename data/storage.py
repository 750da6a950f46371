"""Files that are complete or absent: written under another name, then renamed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """A folder that is there whole or not at all: filled under another name inside the `with` block, renamed at its end.

    Raises:
        OSError: it cannot be made, or `folder` exists and is not empty.
    """
    staged = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(staged, ignore_errors=True)
    try:
        staged.mkdir(parents=True)
        yield staged
        staged.rename(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: to a temporary name first, then renamed."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        error.filename = str(path)  # a write that fails names no file of its own
        raise


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON, whole or not at all. Numbers that JSON cannot hold (NaN) are an error."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
