"""One look at every text of a split: how long it is, and what is wrong with its signs."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from data.arrow import batches_of
from data.audit.references import may_refer
from data.schema import normalise_text, text_columns
from data.sources.cells import PLACEHOLDERS

if TYPE_CHECKING:
    from datasets import Dataset

CACHED_TEXTS = 20_000
"""Texts of which is remembered what was seen: judged documents recur."""
LOOKED_AT = 100_000
"""Characters of a text that are examined; all are counted."""
NUMBER = re.compile(r"[-+]?\d[\d.,]*\s*%?")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")
"""Control characters but for tab, line feed, carriage return and next line, which are white space."""
LOST = "\ufffd"
"""What a decoder puts where it could not read a letter."""
WORDY = re.compile(r"\w")
HTML = re.compile(
    r"</(?:p|div|span|a|li|ul|ol|td|tr|table|b|i|strong|em|h[1-6]|code|pre)>|<(?:br|hr)\s*/?>|<p>"
    r"|&(?:nbsp|amp|quot|lt|gt|apos|#\d{2,5}|#x[0-9a-f]{2,4});",
    re.IGNORECASE,
)
"""Tags and entities of a web page as they are left where its text was taken out carelessly."""
NUMPY_LIST = re.compile(r"\[\s*(?:'[^']*'|\"[^\"]*\")(?:\s+(?:'[^']*'|\"[^\"]*\"))+\s*\]")
"""Texts in quotes with blanks between them."""
MOST_PARSED = 20_000
"""Characters of a text that is tried as a list."""


class Sign(IntFlag):
    """What is peculiar about a text."""

    NUMBER = 1
    CONTROL = 2
    MOJIBAKE = 4
    LOST = 8
    PLACEHOLDER = 16
    WORDLESS = 32
    QUESTION = 64
    """It ends with a question mark, which is not wrong."""
    HTML = 128
    REFERENCE = 256
    """It looks like the name of a file or an id (see `data.audit.references`)."""
    LISTED = 512
    """It is a list of texts, written as one."""


@dataclass(frozen=True)
class Scan:
    """What a look at each text of N rows and C text columns told.

    Attributes:
        columns: their names.
        characters: int64 [C, N].
        words: int64 [C, N].
        signs: uint16 [C, N] of `Sign`.
        quoted: bool [N], whether the second text holds the first word for word and more.
    """

    columns: list[str]
    characters: np.ndarray
    words: np.ndarray
    signs: np.ndarray
    quoted: np.ndarray

    def has(self, sign: Sign) -> np.ndarray:
        """Return the mask [C, N] of the texts with this peculiarity."""
        return (self.signs & sign) > 0


def scan(table: Dataset, tick: Callable[[int], None] = lambda rows: None) -> Scan:
    """Read the text columns of `table` once, some thousand rows at a time; `tick` gets the number of rows of each lot."""
    columns = text_columns(table.column_names)
    shape = (len(columns), len(table))
    characters, words = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    signs, quoted = np.zeros(shape, dtype=np.uint16), np.zeros(len(table), dtype=bool)
    look = lru_cache(maxsize=CACHED_TEXTS)(_Look())
    plain = lru_cache(maxsize=CACHED_TEXTS)(lambda text: normalise_text(text[:LOOKED_AT]))
    begin = 0
    for batch in batches_of(table, columns):
        rows = slice(begin, begin + len(batch[0]))
        for place, texts in enumerate(batch):
            seen = [look(text) for text in texts]
            characters[place, rows], words[place, rows], signs[place, rows] = np.array(seen, dtype=np.int64).T
        for offset, (first, second) in enumerate(zip(batch[0], batch[1], strict=True)):
            if len(first) < len(second):
                one, other = plain(first), plain(second)
                quoted[begin + offset] = len(one) < len(other) and one in other
        begin += len(batch[0])
        tick(len(batch[0]))
    return Scan(columns, characters, words, signs, quoted)


class _Look:
    """Characters, words and `Sign`s of one text."""

    def __init__(self) -> None:
        from ftfy.badness import is_bad

        self._is_bad = is_bad

    def __call__(self, text: str) -> tuple[int, int, int]:
        return len(text), len(text.split()), int(self._signs(text[:LOOKED_AT]))

    def _signs(self, text: str) -> Sign:
        found = Sign(0)
        if NUMBER.fullmatch(text):
            found |= Sign.NUMBER
        if text.endswith(("?", "？", "؟")):
            found |= Sign.QUESTION
        if not text.isprintable() and CONTROL.search(text):
            found |= Sign.CONTROL
        if not text.isascii():
            if LOST in text:
                found |= Sign.LOST
            if self._is_bad(text):
                found |= Sign.MOJIBAKE
        if len(text) <= 12 and text.strip().casefold() in PLACEHOLDERS:
            found |= Sign.PLACEHOLDER
        if not WORDY.search(text):
            found |= Sign.WORDLESS
        if ("<" in text or "&" in text) and HTML.search(text):
            found |= Sign.HTML
        if may_refer(text):
            found |= Sign.REFERENCE
        if text[:1] == "[" and text[-1:] == "]" and _is_list_of_texts(text):
            found |= Sign.LISTED
        return found


def _is_list_of_texts(text: str) -> bool:
    """Tell whether a text is a list of texts as JSON, Python or NumPy writes it; a command such as `[ -f x ]` is none."""
    if len(text) > MOST_PARSED:
        return False
    if NUMPY_LIST.fullmatch(text):
        return True
    for parse in (json.loads, ast.literal_eval):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Python's parser warns of backslashes
                found = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return isinstance(found, list) and bool(found) and all(isinstance(one, str) for one in found)
    return False
