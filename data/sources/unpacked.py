"""Limits of what is unpacked: a small file can be made that unpacks to more than a computer holds."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from data.errors import DataError

MOST_RATIO = 200
"""Times its packed size that a file may have unpacked. Tables of texts reach 3 to 20, sheets of repeated numbers up to 100."""
FREE_BYTES = 64 * 2**20
"""Unpacked bytes up to which the ratio is not looked at."""
MOST_BYTES = 2 * 2**30
"""Unpacked bytes of a workbook, or of a JSON file that is read whole."""
PIECE = 2**20
DECLARATIONS = tuple(text.encode(code) for text in ("<!DOCTYPE", "<!ENTITY") for code in ("utf-8", "utf-16-le", "utf-16-be"))
"""How XML declares entities, which no spreadsheet program does; they can be made to unpack, too."""
FORMULAS = (b"<f>", b"<f ", b":f>", b":f ")
"""How a cell of a sheet begins its formula, with the usual names or with a prefix."""


def too_much(unpacked: int, packed: int) -> bool:
    """Tell whether so many bytes out of a packed file are more than a table of texts has."""
    return unpacked > FREE_BYTES and unpacked > MOST_RATIO * packed


class LimitedUnpacking(io.RawIOBase):
    """Bytes that are unpacked from `file`, up to the limits.

    Raises:
        DataError: on reading beyond a limit.
    """

    def __init__(self, file: IO[bytes] | gzip.GzipFile, path: Path, shown: str) -> None:
        super().__init__()
        self._file, self._shown = file, shown
        self._packed, self._unpacked = path.stat().st_size, 0

    def readable(self) -> bool:
        """See the base class."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """See the base class."""
        piece = self._file.read(len(buffer))
        self._unpacked += len(piece)
        if too_much(self._unpacked, self._packed):
            what = f"the compressed file unpacks to more than {MOST_RATIO} times its size, which texts never do"
            raise DataError(what, where=self._shown, hint="unpack it by hand and look at what it holds: zcat FILE | head -c 1000")
        buffer[: len(piece)] = piece
        return len(piece)


def check_workbook(file: IO[bytes], shown: str) -> bool:
    """Refuse a workbook that unpacks to too much, or whose XML declares entities; tell whether it has formulas.

    Raises:
        DataError: it does, or it is no ZIP archive.
    """
    hint = "save the sheet as CSV (UTF-8)"
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
            unpacked, packed = sum(part.file_size for part in parts), sum(part.compress_size for part in parts)
            if unpacked > MOST_BYTES:
                raise DataError(f"the workbook unpacks to {unpacked / 2**30:.1f} GiB; 2 are read", where=shown, hint=hint)
            if too_much(unpacked, packed):
                what = f"the workbook unpacks to {unpacked // max(packed, 1):,} times its size, which texts never do"
                raise DataError(what, where=shown, hint=hint)
            formulas = False
            for part in parts:
                if not part.filename.lower().endswith((".xml", ".rels")):
                    continue
                declares, has_formulas = _holds(archive, part, DECLARATIONS, FORMULAS)
                formulas = formulas or has_formulas
                if declares:
                    what = f"its part {part.filename!r} declares XML entities, which no workbook needs"
                    raise DataError(what, where=shown, hint=hint)
            return formulas
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise DataError(f"not a readable workbook ({error})", where=shown, hint=f"save it again as .xlsx, or {hint}") from None
    finally:
        file.seek(0)


def _holds(archive: zipfile.ZipFile, part: zipfile.ZipInfo, *wanted: Sequence[bytes]) -> list[bool]:
    """Tell for each group of words whether a part has one of them."""
    overlap = max(len(word) for words in wanted for word in words)
    found, last = [False] * len(wanted), b""
    with archive.open(part) as content:
        while piece := content.read(PIECE):
            text = last + piece
            found = [had or any(word in text for word in words) for had, words in zip(found, wanted, strict=True)]
            last = piece[-overlap:]
    return found
