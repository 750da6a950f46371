"""A folder of files of one text each as a table: a row a file, with its path as id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.errors import DataError
from data.sources.compressed import kind_of
from data.sources.joins.looks import TEXT_SUFFIXES
from data.sources.joins.text_files import MOST_ENTRIES, MOST_LEVELS, check_size, files_below
from data.sources.readers import READERS, Reader, Row, readable


class FolderReader(Reader):
    """Every .md, .txt, .html and .rst file below a folder, in order of their paths. HTML is read without its tags."""

    unit = "file"

    def __init__(self, path: Path, shown: str) -> None:
        super().__init__(path, shown)
        with readable(path, self.place):
            tables = sorted(p.name for p in path.iterdir() if kind_of(p) in READERS and not p.name.startswith("."))
        if tables:
            hint = f"name one of them: {path / tables[0]}; of a BEIR folder its corpus.jsonl"
            raise DataError(f"this is a folder with tables ({', '.join(tables[:5])})", where=self.place, hint=hint)
        self.files = files_below(path)
        self.paths = sorted(self.files.sizes)
        if not self.paths:
            raise DataError(
                f"this is a folder without files of text ({' '.join(TEXT_SUFFIXES)})",
                where=self.place,
                hint="name a folder that has some, or a file",
            )
        if not self.files.complete:
            raise DataError(
                f"more than {MOST_ENTRIES:,} entries, or more than {MOST_LEVELS} levels: not all of the folder would be read",
                where=self.place,
                hint='name a folder in it, or write the texts into one file, {"id": "...", "text": "..."} per line',
            )
        check_size(iter(self.files.sizes.values()), self.place)
        self.notes.append(f"{shown}: {len(self.paths):,} files of text, each a text with its path as id")

    def columns(self) -> list[str]:
        """Return the two columns."""
        return ["id", "text"]

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """Yield the files."""
        for number, path in enumerate(self.paths, start=1):
            yield number, {"id": path, "text": self.files.text(path)}

    def where(self, number: int, column: str | None = None) -> str:
        """Return the path of a file for a message."""
        return str(self.path / self.paths[number - 1])

    def digest(self) -> bytes:
        """Return the SHA-256 of all paths and contents."""
        whole = hashlib.sha256()
        for path in self.paths:
            whole.update(f"\0{path}\0".encode("utf-8", "surrogatepass") + self.files.digest(path))
        return whole.digest()
