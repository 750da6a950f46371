"""Cells as programs print what is no text: R's vectors, Python's bytes, LangChain's documents; several texts in one cell.

What can be read with certainty is read; the rest is refused, since a text with the marks of a program in it would be trained.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data.sources.shapes.literals import STRING

VECTOR = re.compile(rf"c\((\s*{STRING}\s*(?:,\s*{STRING}\s*)*)\)", re.DOTALL)
BYTES = re.compile(r"b(['\"]).*\1", re.DOTALL)
PRINTED = re.compile(r"page_content=(['\"])(.*)\1(?:\s+metadata=\{.*\})?", re.DOTALL)
"""LangChain's document as text, in which quotes are left as they are."""
SHOWN = re.compile(r"\[?Document\(page_content=(['\"])(.*)\1(?:,\s*metadata=\{.*\})?\)\]?", re.DOTALL)
"""The same as Python shows it, for texts with a quote that was not escaped."""
CALL = re.compile(r"\[?\s*\w+\((?:.*\W)?(?:page_content|text)=.*\)\s*\]?", re.DOTALL)
"""One object, or a list of objects, as Python shows it."""
CONTENT = ("page_content", "text")
COLLECTION = re.compile(r"(?:WrappedArray|ArraySeq|ArrayBuffer|ListBuffer|Vector|List|Buffer|Set)\(.*\)", re.DOTALL)
PHP = re.compile(r"a:\d+:\{.*\}", re.DOTALL)
BARE = re.compile(r"\[[^\s\[\]][^\[\]]*[^\s\[\]]\]", re.DOTALL)
"""A list without quotes. A blank after the bracket is left to commands: [ -f x ]."""
ESCAPE = re.compile(r"\\[nrtu\"/\\]")
QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass(frozen=True)
class Spelling:
    """One way to write what is no text.

    Attributes:
        name: of what it spells, for messages.
        is_one: tells whether a cell looks like it.
        read: returns the text, or the texts, of a cell, None where it cannot; None where that is never certain.
    """

    name: str
    is_one: Callable[[str], bool]
    read: Callable[[str], object] | None = None


def _value(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _vector(text: str) -> object:
    """Return the texts of `c("a", "b")`."""
    found = VECTOR.fullmatch(text.strip())
    return None if found is None else _value(f"[{found[1]}]")


def _decoded(text: str) -> object:
    """Return the text of `b'…'`."""
    found = _value(text.strip())
    try:
        return found.decode("utf-8") if isinstance(found, bytes) else None
    except UnicodeDecodeError:
        return None


def _contents(text: str) -> object:
    """Return the content of a document, or of each of a list of documents, as Python prints or shows these."""
    if (printed := PRINTED.fullmatch(text.strip())) is not None:
        return printed[2]
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        shown = SHOWN.fullmatch(text.strip())
        return None if shown is None or text.count("page_content=") > 1 else shown[2]
    if isinstance(node, ast.List):
        texts = [_content(item) for item in node.elts]
        return None if None in texts else texts
    return _content(node)


def _content(node: ast.expr) -> str | None:
    if not isinstance(node, ast.Call):
        return None
    found = {keyword.arg: keyword.value for keyword in node.keywords}
    value = next((found[key] for key in CONTENT if key in found), None)
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def _unquoted(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_bare(text: str) -> bool:
    return BARE.fullmatch(text) is not None and ", " in text and _unquoted(text) is None


def _is_documents(text: str) -> bool:
    if PRINTED.fullmatch(text) is not None:
        return True
    return CALL.fullmatch(text) is not None and ("page_content=" in text or _contents(text) is not None)


def _fits(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


SPELLINGS = (
    Spelling("vectors of R", _fits(re.compile(r"c\(\s*[\"'].*\)", re.DOTALL)), _vector),
    Spelling("bytes as Python shows them", _fits(BYTES), _decoded),
    Spelling("documents as Python shows them", _is_documents, _contents),
    Spelling("arrays as Spark shows them", _fits(COLLECTION)),
    Spelling("serialised PHP", _fits(PHP)),
    Spelling("lists without quotes", _is_bare),
)
JSON_TEXTS = Spelling("JSON strings", _fits(QUOTED), _unquoted)


def spelling_of(cells: Sequence[str], share: float) -> Spelling | None:
    """Return what nearly all of some cells spell; None where they are texts."""
    few = len(cells) * share
    stripped = [cell.strip() for cell in cells]
    for spelling in SPELLINGS if cells else ():
        likely = spelling.is_one(stripped[0]) or spelling.is_one(stripped[-1])
        if likely and sum(map(spelling.is_one, stripped)) >= few:
            return spelling
    if cells and all(map(JSON_TEXTS.is_one, stripped)) and any(map(ESCAPE.search, stripped)):
        return JSON_TEXTS if all(isinstance(_unquoted(cell), str) for cell in stripped) else None
    return None


SEPARATORS = (
    ("|||", 0.3, False),
    ("[SEP]", 0.3, False),
    ("<sep>", 0.3, False),
    ("###", 0.9, True),
    ("||", 0.5, True),
    ("|", 0.5, True),
    ("\n- ", 0.9, True),
    (";", 0.9, True),
)
"""What stands between several texts of a cell, in which share of the cells, and whether the column must have a plural name."""


def separator_of(cells: Sequence[str], *, plural: bool) -> str | None:
    """Return what stands between the texts of nearly all cells; None where a cell is one text."""
    for sign, share, only_plural in SEPARATORS:
        if plural or not only_plural:
            several = [cell for cell in cells if _is_several(cell, sign)]
            if several and len(several) >= max(2, share * len(cells)):
                return sign
    return None


def _is_several(cell: str, sign: str) -> bool:
    texts = cell.strip().removeprefix("- ").split(sign)
    return len(texts) > 1 and all(len(text.split()) > 1 for text in texts)
