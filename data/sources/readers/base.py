"""What all readers share: lines of a file with their numbers, and places for messages."""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from data.errors import DataError
from data.sources.compressed import opened
from data.sources.foreign import refuse_foreign
from data.sources.readers.encodings import likely, of_zeros

Row = tuple[int, Mapping[str, object]]
"""Number of the line or row (from 1) and the values by column."""

ARRAY = "[]"
"""The column of rows that are arrays without names; `data.sources.shapes` says what they hold."""

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def _utf8_hint(encoding: str) -> str:
    command = f"`iconv -f {encoding} -t UTF-8 OLD > NEW`"
    return f'save the file as UTF-8 (in a spreadsheet: "CSV UTF-8"), or convert it, for instance with {command}'


UTF8_HINT = _utf8_hint("WINDOWS-1252")


@contextmanager
def readable(path: Path, shown: str) -> Iterator[None]:
    """Turn what the operating system says about `path` into a `DataError`."""
    try:
        yield
    except PermissionError:
        hint = f"allow it: {_permission(path)} (or ask the owner)"
        raise DataError("may not be read: permission denied", where=shown, hint=hint) from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", where=shown, hint="look at the path and the disk") from None


def _permission(path: Path) -> str:
    """Return the command that gives the right to read `path`: to the first folder on the way that is closed, or to itself."""
    for folder in reversed(path.parents):
        if not os.access(folder, os.X_OK):
            return f"chmod u+rx {folder}"
    return f"chmod u+rx {path}" if os.path.isdir(path) else f"chmod u+r {path}"  # noqa: PTH112 (Path.is_dir may raise here)


def lines(path: Path, shown: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 file with their numbers from 1, line ends included; a byte-order mark is left out.

    Read as bytes, so that an encoding error can name its line and byte.
    """
    with readable(path, shown), opened(path, shown) as file:
        yield from decoded(file, shown)


def decoded(file: Iterable[bytes], shown: str) -> Iterator[tuple[int, str]]:
    """Yield lines of bytes as `lines` gives them."""
    numbered = iter(file)
    first = next(numbered, b"")
    if first.startswith(UTF32):
        raise DataError("the file is UTF-32, not UTF-8", where=shown, hint=_utf8_hint("UTF-32"))
    if first.startswith(UTF16):
        yield from _from_utf16(chain([first], numbered), shown)
        return
    offset = 0
    for number, raw in enumerate(chain([first] if first else [], numbered), start=1):
        yield number, _decoded(raw, number, offset, shown)
        offset += len(raw)


def _from_utf16(file: Iterable[bytes], shown: str) -> Iterator[tuple[int, str]]:
    """Yield lines of UTF-16, which its byte-order mark tells; they were cut at bytes that need not be line ends."""
    decoder = codecs.getincrementaldecoder("utf-16")()
    number, rest = 1, ""
    try:
        for text in chain(map(decoder.decode, file), (decoder.decode(b"", final=True) for _ in (0,))):
            *whole, rest = (rest + text).split("\n")
            for line in whole:
                yield number, f"{line}\n"
                number += 1
    except UnicodeDecodeError as error:
        hint = "save the file as UTF-8"
        raise DataError(f"not UTF-16: {error.reason}", where=f"{shown}, line {number}", hint=hint) from None
    if rest:
        yield number, rest


def _decoded(raw: bytes, number: int, offset: int, shown: str) -> str:
    if number == 1:
        refuse_foreign(raw, shown)
        raw = raw.removeprefix(codecs.BOM_UTF8)
    if b"\0" in raw:
        if (encoding := of_zeros(raw)) is not None:
            what = f"not UTF-8: probably {encoding} without a byte-order mark"
            raise DataError(what, where=f"{shown}, line {number}", hint=_utf8_hint(encoding))
        what = f"the line contains a NUL byte, at position {offset + raw.index(0)} of the file"
        hint = "remove it: `tr -d '\\000' < OLD > NEW`; where every other byte is NUL the file is UTF-16: save it as UTF-8"
        raise DataError(what, where=f"{shown}, line {number}", hint=hint)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"not UTF-8: byte 0x{raw[error.start]:02x} at position {offset + error.start} of the file"
        raise DataError(what, where=f"{shown}, line {number}", hint=_utf8_hint(likely(raw))) from None


class Reader:
    """One file. `shown` is its name in row ids and notes, `place` its path for errors, `unit` what its rows are counted in.

    `on_bad` gets the errors of rows that cannot be read, if the others can; without it the first of them is an error.
    """

    unit = "line"
    keep_blank = False
    """Whether rows without any value stand for something: where each row must keep its place they do."""
    on_bad: Callable[[DataError], None] | None = None

    def __init__(self, path: Path, shown: str) -> None:
        self.path, self.shown, self.place = path, shown, str(path)
        self.notes: list[str] = []

    def columns(self) -> list[str]:
        """Return the names of the columns. Raises `DataError` where the file is empty or broken."""
        raise NotImplementedError

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the rows in file order; each has at least those of `columns` that the row has a value for."""
        raise NotImplementedError

    def _bad(self, error: DataError) -> None:
        if self.on_bad is None:
            raise error
        self.on_bad(error)

    def where(self, number: int, column: str | None = None) -> str:
        """Return the place of a row for a message."""
        place = f"{self.place}, {self.unit} {number}"
        return place if column is None else f'{place}, column "{column}"'

    def digest(self) -> bytes:
        """Return the SHA-256 of the content."""
        with readable(self.path, self.place), self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()


class TextReader(Reader):
    """A file that is read as text; one in UTF-16 is read, and said to be that."""

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(path, shown)
        with readable(path, self.place), opened(path, self.place) as file:
            if file.read(2) in UTF16:
                self.notes.append(f"{shown}: read as UTF-16")
