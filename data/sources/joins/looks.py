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
    if isinstance(value, float) and value.is_integer():  # as pandas writes whole numbers beside an empty cell
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip()


def cells(value: object) -> list[str]:
    """Return the names that a cell holds: it may be a list, or several ids with signs between them ("d1, d7", "['d1']")."""
    if isinstance(value, list):
        return [one for item in value if (one := cell(item))]
    found = cell(value)
    if not found:
        return []
    listed = (found[0], found[-1]) == ("[", "]")
    parts = [part for part in BETWEEN.split(found[1:-1] if listed else found) if part]
    if listed:
        parts = [part.strip("'\"") for part in parts]
    return parts if len(parts) > (0 if listed else 1) and all(_is_id(part) for part in parts) else [found]


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


WHOLE, LEADING = re.compile(r"(\d+)[.,]0+"), re.compile(r"0+(?=\d+$)")
RUNNING = re.compile(r"([a-z][a-z0-9]*(?:[-_:.#/][a-z0-9]+)*?[-_:.#/]?)(\d{1,12})")
DENSE = 4
"""Running numbers leave out less than this many for each that they use."""


def bare(name: str) -> str:
    """Return an id without what programs change in it: case, the zeros before a number, and ".0" behind it.

    >>> bare("KB-1"), bare("0007"), bare("12.0"), bare("doc_0034")
    ('kb-1', '7', '12', 'doc_0034')
    """
    whole = WHOLE.fullmatch(name)
    return LEADING.sub("", name if whole is None else whole[1], count=1).casefold()


def are_nothing_but_ids(values: Iterable[str]) -> bool:
    """Tell whether ids can be no texts that people search for, as product codes may be: UUIDs, digests, and one word in small
    letters with running numbers."""
    listed = list(values)
    if any(sum(form.fullmatch(v) is not None for v in listed) >= MOST * len(listed) for form in ID_FORMS[3:]):
        return True
    found = [match for value in listed if (match := RUNNING.fullmatch(value))]
    numbers = {int(match[2]) for match in found}
    one = len({match[1] for match in found}) == 1 and len(found) == len(listed)
    return one and max(numbers) - min(numbers) < DENSE * len(numbers)


def are_ids(values: Iterable[str]) -> bool:
    """Tell whether nearly all cells have one and the same form of an id."""
    listed = list(values)
    return bool(listed) and any(sum(form.fullmatch(v) is not None for v in listed) >= MOST * len(listed) for form in ID_FORMS)
