"""What a cell looks like: a text, an id, or the name of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable

TEXT_SUFFIXES = (".md", ".markdown", ".txt", ".html", ".htm", ".rst")
"""Suffixes of files that are one text."""

FILE_NAME = re.compile(r"[^*?<>|\"\n\r\t]{1,250}\.(?:md|markdown|txt|html?|rst)", re.IGNORECASE)
NAME = re.compile(r"\S{1,250}")
"""A cell of one word, as ids are."""

ID_FORMS = (
    re.compile(r"\d{1,20}"),
    re.compile(r"[A-Za-z]{1,12}[-_:.#/]?\d{1,12}"),
    re.compile(r"(?:[A-Za-z]{1,20}[-_:.#/]){1,4}\d{1,12}"),
    re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"),
    re.compile(r"(?=[a-f]*\d)[0-9a-f]{16,64}"),
)
"""What ids look like: 12, d12, doc_0034, shop/doc-34, a UUID, a hash."""

BETWEEN = re.compile(r"\s*[,;|]\s*|\s+")
"""What stands between several ids in a cell."""

MOST = 0.9
"""Share of the values that must be alike for a column to count as one of ids or of names of files."""


def cell(value: object) -> str | None:
    """Return what may name a document: a text or a whole number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip()


def cells(value: object) -> list[str]:
    """Return the names that a cell holds: it may be a list, or several ids with signs between them ("d1, d7")."""
    if isinstance(value, list):
        return [one for item in value if (one := cell(item))]
    found = cell(value)
    if not found:
        return []
    parts = [part for part in BETWEEN.split(found) if part]
    return parts if len(parts) > 1 and all(_is_id(part) for part in parts) else [found]


def _is_id(part: str) -> bool:
    return any(form.fullmatch(part) for form in ID_FORMS[1:]) or (is_file_name(part) and NAME.fullmatch(part) is not None)


def is_file_name(value: str) -> bool:
    """Tell whether a cell is the name or path of a file of texts, and no command or address."""
    return FILE_NAME.fullmatch(value) is not None and "://" not in value and not value.startswith(("www.", "-"))


def could_be_names(values: Iterable[str]) -> bool:
    """Tell whether it is worth looking up cells: most are one word, or name a file."""
    found = [NAME.fullmatch(value) is not None or is_file_name(value) for value in values]
    return bool(found) and sum(found) >= MOST * len(found)


def are_file_names(values: Iterable[str]) -> bool:
    """Tell whether nearly all cells are names of files of texts, without blanks."""
    found = [is_file_name(value) and NAME.fullmatch(value) is not None for value in values]
    return bool(found) and sum(found) >= MOST * len(found)


def are_ids(values: Iterable[str]) -> bool:
    """Tell whether nearly all cells have one and the same form of an id."""
    listed = list(values)
    return bool(listed) and any(sum(form.fullmatch(v) is not None for v in listed) >= MOST * len(listed) for form in ID_FORMS)
