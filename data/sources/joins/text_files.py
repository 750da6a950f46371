"""Files of one text each below a folder: found within limits, and read as texts."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path

from data.errors import DataError
from data.sources.joins.looks import TEXT_SUFFIXES
from data.sources.readers import lines, readable
from data.sources.readers.base import UTF8_HINT

CHARSET = re.compile(rb"<meta[^>]{0,200}charset=[\"']?([\w-]{2,40})", re.IGNORECASE)

OTHER_FORMS = (".pdf", ".doc", ".docx", ".odt", ".rtf", ".epub", ".pptx", ".ppt")
"""Suffixes of files of which the text is often kept in a file of the same name."""
MOST_ENTRIES = 10_000
"""Entries of folders that are looked at for files of texts."""
MOST_LEVELS = 4
"""Levels of folders below the first that are looked at."""
MOST_BYTES = 2 * 2**20
"""Bytes of one file: more is no document that a model could read, and likely something else."""
MOST_BYTES_IN_ALL = 512 * 2**20


@dataclass
class TextFiles:
    """The files below a folder by their path in it. Links are not followed, so nothing outside is read.

    Attributes:
        folder: that was looked through.
        sizes: bytes by path ("docs/wifi.md").
        complete: whether all of it was looked at.
    """

    folder: Path
    sizes: dict[str, int] = field(default_factory=dict)
    complete: bool = True

    def named(self, name: str, stems: bool) -> list[str]:
        """Return the paths that end in a name or path ("wifi.md", "docs/wifi.md"), or else those of files of this stem."""
        return self._by_end.get(name) or (self._by_stem.get(name, []) if stems else [])

    def nearest(self, path: str) -> str | None:
        """Return the only file that a path means but for case, or of which it names another form ("wifi.pdf" for wifi.txt)."""
        stem, dot, suffix = path.casefold().rpartition(".")
        if not dot or f".{suffix}" not in (*TEXT_SUFFIXES, *OTHER_FORMS):
            return None
        found = self._by_folded_stem.get(stem, [])
        same = [one for one in found if one.casefold().endswith(f".{suffix}")]
        return next(iter(same or (found if f".{suffix}" in OTHER_FORMS else [])), None) if len(same or found) == 1 else None

    @cached_property
    def _by_folded_stem(self) -> Mapping[str, list[str]]:
        """Paths by each end of theirs without suffix, in small letters."""
        found: dict[str, list[str]] = {}
        for path in self.sizes:
            parts = path.casefold().rpartition(".")[0].split("/")
            for start in range(len(parts)):
                found.setdefault("/".join(parts[start:]), []).append(path)
        return found

    @cached_property
    def _by_end(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.sizes:
            parts = path.split("/")
            for start in range(1, len(parts)):
                found.setdefault("/".join(parts[start:]), []).append(path)
            if len(parts) == 1:
                found.setdefault(path, []).append(path)
        return found

    @cached_property
    def _by_stem(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.sizes:
            found.setdefault(Path(path).stem, []).append(path)
        return found

    def text(self, path: str) -> str:
        """Return the text of a file; of HTML what a browser would show. Raises `DataError` where it cannot be read."""
        return file_text(self.folder / path)

    def digest(self, path: str) -> bytes:
        """Return the SHA-256 of a file."""
        place = self.folder / path
        with readable(place, str(place)), place.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()


def files_below(folder: Path) -> TextFiles:
    """Return the files of texts below a folder, in order of their paths; hidden ones and links are passed over."""
    found = TextFiles(folder)
    seen, level = 0, [folder]
    for _ in range(MOST_LEVELS + 1):
        below: list[Path] = []
        for place in level:
            with readable(place, str(place)):
                entries = sorted(os.scandir(place), key=lambda entry: entry.name)
            for entry in entries:
                seen += 1
                if seen > MOST_ENTRIES:
                    found.complete = False
                    return found
                if entry.name.startswith(".") or entry.is_symlink():
                    continue
                if entry.is_dir(follow_symlinks=False):
                    if os.access(entry.path, os.R_OK | os.X_OK):
                        below.append(Path(entry.path))
                elif entry.name.lower().endswith(TEXT_SUFFIXES) and entry.is_file(follow_symlinks=False):
                    found.sizes[Path(entry.path).relative_to(folder).as_posix()] = entry.stat(follow_symlinks=False).st_size
        level = below
    found.complete = not level
    return found


def file_text(path: Path) -> str:
    """Return the text of one file.

    Raises:
        DataError: it is too large, or not UTF-8.
    """
    with readable(path, str(path)):
        size = path.stat().st_size
    if size > MOST_BYTES:
        raise DataError(
            f"the file has {size / 2**20:.1f} MB, more than the {MOST_BYTES // 2**20} MB that one document may have",
            where=str(path),
            hint="cut it into files of one passage each",
        )
    if path.suffix.lower() in (".html", ".htm"):
        return html_text(_page(path))
    return "".join(line for _, line in lines(path, str(path))).strip()


def _page(path: Path) -> str:
    """Return a page as it is written, in UTF-8 or in the encoding that it names."""
    with readable(path, str(path)):
        content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    named = CHARSET.search(content[:1024])
    for encoding in ("utf-8", named[1].decode("ascii") if named else "utf-8"):
        with suppress(UnicodeDecodeError, LookupError):
            return content.decode(encoding)
    raise DataError("the page is not UTF-8, and names no other encoding", where=str(path), hint=UTF8_HINT)


def check_size(paths: Iterator[int], where: str) -> None:
    """Refuse files that are more in all than are read."""
    if (total := sum(paths)) > MOST_BYTES_IN_ALL:
        raise DataError(
            f"the files have {total / 2**20:.0f} MB in all, more than the {MOST_BYTES_IN_ALL // 2**20} MB that are read",
            where=where,
            hint='write the texts into one file of documents, {"_id": "...", "text": "..."} per line',
        )


LEFT_OUT = frozenset({"script", "style", "template", "noscript", "head"})
BLOCKS = frozenset(
    {
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "br",
            "dd",
            "details",
            "div",
            "dl",
            "dt",
            "figure",
            "footer",
            "form",
            "h1",
        ),
        *("h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "summary"),
        *("table", "td", "th", "tr", "ul"),
    }
)


class _Shown(HTMLParser):
    """Collects what a browser shows: the title, and texts outside of scripts and styles."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.left_out: list[str] = []
        self.in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_title = tag == "title"
        if tag == "body":  # a head that is never closed ends here
            self.left_out.clear()
        elif tag in LEFT_OUT:
            self.left_out.append(tag)
        elif tag in BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "title":
            self.in_title = False
            self.parts.append("\n")
        elif tag in self.left_out:
            del self.left_out[self.left_out.index(tag) :]
        elif tag in BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self.in_title or not self.left_out:
            self.parts.append(data)


def html_text(page: str) -> str:
    """Return the text of a page, without tags, scripts and styles.

    >>> html_text("<title>Pumps</title><style>p {}</style><p>Oil &amp; water<p>do <b>not</b> mix")
    'Pumps\\nOil & water\\ndo not mix'
    """
    parser = _Shown()
    parser.feed(page)
    parser.close()
    found = (" ".join(line.split()) for line in "".join(parser.parts).split("\n"))
    return "\n".join(line for line in found if line)
