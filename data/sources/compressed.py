"""Files that gzip has compressed, as large exports often are: read as what they hold, with nothing unpacked on disk."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from data.errors import DataError
from data.foreign_errors import NO_GZIP
from data.sources.unpacked import LimitedUnpacking

GZIP = ".gz"
BUFFER = 2**18
LINED = (".csv", ".tsv", ".json", ".jsonl", ".ndjson")
"""Suffixes of the files that may be compressed: those which are read line by line."""


def is_compressed(path: Path) -> bool:
    """Tell whether the name says that a file is compressed and can be read so: "pairs.jsonl.gz"."""
    return path.suffix.lower() == GZIP and Path(path.stem).suffix.lower() in LINED


def kind_of(path: Path) -> str:
    """Return the suffix, in lower case, that says what a file holds.

    >>> kind_of(Path("a/pairs.JSONL.gz")), kind_of(Path("pairs.csv")), kind_of(Path("pairs.gz"))
    ('.jsonl', '.csv', '.gz')
    """
    return Path(path.stem if is_compressed(path) else path.name).suffix.lower()


def stem_of(path: Path) -> str:
    """Return the name without what says how the file is written.

    >>> stem_of(Path("a/train.jsonl.gz")), stem_of(Path("train.v2.csv"))
    ('train', 'train.v2')
    """
    return Path(path.stem).stem if is_compressed(path) else path.stem


@contextmanager
def opened(path: Path, shown: str) -> Iterator[IO[bytes] | io.BufferedReader]:
    """Return the bytes of a file, unpacked where it is compressed.

    Raises:
        DataError: a compressed file is damaged, or unpacks to more than a table does.
    """
    if not is_compressed(path):
        with path.open("rb") as file:
            yield file
        return
    try:
        with gzip.open(path, "rb") as unpacked:
            yield io.BufferedReader(LimitedUnpacking(unpacked, path, shown), BUFFER)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        hint = "download or compress it again; `gzip -t FILE` tests one"
        if NO_GZIP.said_by(error):
            what, hint = "its name ends in .gz, but it is not compressed with gzip", f"take .gz off its name, or {hint}"
        elif isinstance(error, EOFError):
            what = "the compressed file ends too early"
        else:
            what = f"the compressed file is damaged: {error}"
        raise DataError(what, where=shown, hint=hint) from None
