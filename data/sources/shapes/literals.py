"""Lists and objects that were written as text: by JSON, by Python, by NumPy."""

from __future__ import annotations

import ast
import json
import re

LONGEST = 200_000
"""Characters of a cell that is parsed as Python; JSON has no limit but that of its depth."""

STRING = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
ITEM = re.compile(rf"\s*(?:np\.str_\(({STRING})\)|({STRING}))(\s*,)?", re.DOTALL)
"""A text of a list, and the comma behind it, which NumPy leaves out."""
ARRAY = re.compile(r"array\((.*?)(?:,\s*dtype=[^)\]]*)?\)", re.DOTALL)
OBJECTS = re.compile(r"\{|[\[(]\s*[\[{(]")
"""How an object begins, or a list of objects or lists."""
CLOSING = {"[": "]", "{": "}", "(": ")"}
SERIAL = re.compile(r"""\[\s*\{\s*['"]|\[['"]|\{['"]|\(['"]|array\(\[|\[np\.""")
"""How a list of texts or an object begins. A blank after the bracket is left to commands: [ "$a" = "b" ]."""


def is_bracketed(text: str) -> bool:
    """Tell whether a text stands in brackets."""
    text = text.strip()
    return len(text) > 1 and (CLOSING.get(text[0]) == text[-1] or text.startswith("array(["))


def seems_written(text: str) -> bool:
    """Tell whether a text begins and ends as a list of texts or an object does.

    >>> seems_written("['a', 'b"), seems_written("['a' b]"), seems_written("[ -f x ]"), seems_written("[PART] a")
    (False, True, False, False)
    """
    return is_bracketed(text) and SERIAL.match(text.strip()) is not None


def parse(text: str) -> list[object] | dict[object, object] | None:
    """Return the list of texts or objects, or the object, that a text is; None where it is neither.

    >>> parse('["a", "b"]'), parse("['a' 'b']"), parse("['it''s']"), parse("[1, 2]"), parse('{"text": "a"}')
    (['a', 'b'], ['a', 'b'], None, None, {'text': 'a'})
    """
    text = text.strip()
    if not is_bracketed(text):
        return None
    found = _json(text)
    if found is None and len(text) <= LONGEST:
        found = _python(text) if OBJECTS.match(text) else _texts(text)
    if isinstance(found, set) or (found is None and text[0] == "{" and len(text) <= LONGEST):
        found = _texts(f"[{text[1:-1]}]") or None  # a set of Python, or an array of PostgreSQL, in its order
    if isinstance(found, tuple):
        found = list(found)
    if isinstance(found, dict):
        return found or None
    if isinstance(found, list) and all(isinstance(item, str | dict | list) for item in found):
        return found
    return None


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _python(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _texts(text: str) -> list[object] | None:
    """Return a list of texts as Python or NumPy prints it. Python itself would join texts without a comma between them."""
    if (inner := ARRAY.fullmatch(text)) is not None:
        text = inner[1].strip()
    if CLOSING.get(text[:1]) != text[-1:]:
        return None
    body = text[1:-1]
    items: list[object] = []
    commas: list[bool] = []
    position = 0
    while position < len(body.rstrip()):
        match = ITEM.match(body, position)
        if match is None or (items and not commas[-1] and not body[position].isspace()):
            return None
        items.append(_python(match[1] or match[2]))
        commas.append(bool(match[3]))
        position = match.end()
    between = set(commas[:-1])
    return items if len(between) < 2 and all(isinstance(item, str) for item in items) else None
