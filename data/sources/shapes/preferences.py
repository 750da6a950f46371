"""Rows of preferences, as DPO and others train on: `prompt`, `chosen` and `rejected`, or a response beside a rejected one."""

from __future__ import annotations

from data.sources.columns.column_roles import ANCHOR_NAMES, ANSWER_NAMES, NEGATIVE, POSITIVE_NAMES, plain
from data.sources.shapes.form import Look
from data.sources.shapes.wrapped import NamedShape

KINDS = ("", "response", "responses", "answer", "answers", "output", "completion", "text", "document", "passage")
REJECTED = frozenset(f"{word}{kind}" for word in ("rejected", "dispreferred") for kind in KINDS)
CHOSEN = frozenset(f"{word}{kind}" for word in ("chosen", "preferred") for kind in KINDS)
ASKED = ("prompt", "instruction", "input")
"""What the prompt is called beside them."""
DISTINCT = 0.5
"""Share of the cells that differ where they are texts; those of a verdict ("rejected": "yes") do not."""


def find(look: Look) -> NamedShape | None:
    """Return which columns are the query, the text that was chosen and the one that was rejected."""
    called = {plain(column): column for column in look.columns}
    rejected = [column for name, column in called.items() if name in REJECTED and _holds_texts(look, column)]
    if len(rejected) != 1 or look.named or any(NEGATIVE.fullmatch(name) for name in called):
        return None
    names = {rejected[0]: "negative"}
    chosen = [column for name, column in called.items() if name in CHOSEN and _holds_texts(look, column)]
    if len(chosen) == 1 and not called.keys() & {*POSITIVE_NAMES, *ANSWER_NAMES}:
        names[chosen[0]] = "positive"
        asked = next((called[name] for name in ASKED if name in called), None)
        if asked is not None and not called.keys() & {*ANCHOR_NAMES}:
            names[asked] = "anchor"
    others = [column for column in look.columns if column not in names]
    return None if set(names.values()) & set(others) else NamedShape(look.columns, names)


def _holds_texts(look: Look, column: str) -> bool:
    cells = [cell for _, cell in look.cells(column)]
    if not cells or not all(isinstance(cell, str) or _is_list_of_texts(cell) for cell in cells):
        return False
    different = set(map(str, cells))
    return len(different) >= DISTINCT * len(cells) and (len(different) > 2 or all(" " in text.strip() for text in different))


def _is_list_of_texts(cell: object) -> bool:
    return isinstance(cell, list) and all(isinstance(item, str) for item in cell)
