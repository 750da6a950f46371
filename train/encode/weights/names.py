"""What a model is called on the Hub, told from any spelling of the folder that it lies in."""

from __future__ import annotations

import os
import re
from pathlib import Path

CACHED = re.compile(r"(?:^|/)models--([^/]+?)--([^/]+?)(?:/snapshots/[^/]+)?$")
"""A folder in the Hub's cache."""
COPIED = re.compile(r"(?:^|/)(intfloat|baai|mixedbread-ai|nomic-ai|sentence-transformers)(?:--|__|_)([^/]+)$", re.IGNORECASE)
"""A folder that was named after owner and name; of owners whose models are known here, lest `my_bge-base-en` be taken for one."""


def names_of(name: str) -> tuple[str, ...]:
    """Return the names by which a model may be known, the most telling first.

    A slash at the end, `.`, `..`, `~`, backslashes, links, a `model/` folder inside and the Hub's cache make no difference.

    Args:
        name: a Hub id or a folder, as the user wrote it.
    """
    written = [name.replace("\\", "/")]
    folder = folder_of(name)
    if folder is not None:
        written += [os.path.normpath(Path.cwd() / folder), str(folder.resolve())]  # a link has a name, too
    found: list[str] = []
    for one in (word.rstrip("/").removesuffix("/model") for word in written):
        known = CACHED.search(one) or COPIED.search(one)
        found += [f"{known[1]}/{known[2]}"] if known else []
        found.append(one)
    return tuple(dict.fromkeys(found))


def folder_of(name: str) -> Path | None:
    """Return the folder that a name stands for, also if it is written as on Windows; None where there is none."""
    for word in dict.fromkeys((name, name.replace("\\", "/"))):
        folder = Path(word).expanduser()
        if folder.is_dir():
            return folder
    return None
