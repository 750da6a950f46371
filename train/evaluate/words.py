"""Texts as words, for a search that compares words rather than vectors.

A word is a run of letters and digits (`\\w`) with the signs that combine with them (vowels of Indic scripts, accents), after NFKC
and in lower case. Nothing is stemmed and no word is left out, so that every language is treated alike; where one inflects
much, other forms of a word are other words.

Scripts that put no blanks between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese and others, `data/splits/scripts.py`) have
no words that a pattern could find. Of these every two neighbouring signs count as a word, and a sign alone where it has no
neighbour, as in Lucene's CJKAnalyzer. Korean has blanks; its particles stay on its words.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from data.splits.scripts import INVISIBLE, LIKELY, TSHEG, UNIT, UNSPACED, mostly_unspaced

SAMPLED = 500
"""Texts that are looked at to tell the script of a data set."""

_RUN = re.compile(f"(?:{UNIT.pattern})+")


@cache
def _word() -> re.Pattern[str]:
    """Return the pattern of a word; `\\w` alone would cut Hindi at its vowels, which combine with the consonant before."""
    marks = "".join(chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code))[0] == "M")
    return re.compile(f"(?:\\w[{_ranges(marks)}]*)+")


def _ranges(signs: str) -> str:
    """Return ascending signs as the inside of a class of a regular expression."""
    found: list[list[int]] = []
    for code in map(ord, signs):
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in found)


def note_on_words(dataset: str, texts: Sequence[str]) -> str | None:
    """Return a sentence where most of the first texts of a data set are in scripts without blanks; None where words are words."""
    first = texts[:SAMPLED]
    if 2 * sum(map(mostly_unspaced, first)) <= len(first):
        return None
    return (
        f"Most texts of {dataset} are in a script that puts no blanks between words: "
        "BM25 takes every two neighbouring signs for a word there."
    )


def words_of(text: str) -> list[str]:
    """Return the words of a text in their order, repeated ones as often as they stand there."""
    if text.isascii():
        return re.findall(r"\w+", text.lower())
    text = INVISIBLE.sub("", unicodedata.normalize("NFKC", text).lower())
    if not LIKELY.search(text):
        return _word().findall(text)
    spaced = _RUN.sub(r" \g<0> ", text.replace(TSHEG, " "))
    return [part for word in _word().findall(spaced) for part in _parts(word)]


def _parts(word: str) -> list[str]:
    if not UNSPACED.match(word):
        return [word]
    signs = UNIT.findall(word)
    return ["".join(pair) for pair in pairwise(signs)] or signs
