"""Which languages the texts of a column are in, by a sample (py3langid, 97 languages, offline)."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from data.splits.scripts import UNSPACED

if TYPE_CHECKING:
    from datasets import Dataset
    from py3langid.langid import LanguageIdentifier

SAMPLE = 500
"""Texts of a column that are examined, evenly spread over the rows."""
FEWEST_LETTERS, MOST_CHARACTERS = 20, 400
"""Shorter texts do not show their language; of longer ones the beginning is enough."""
UNSPACED_WEIGHT = 3
"""Letters that a sign of a script without blanks counts for: a Chinese one says as much as a short word, and others show by
themselves which language it is."""
LETTERS = 0.7
"""Share of letters and blanks below which a text is no prose (code, numbers, formulas)."""
SURE, SURE_UNSPACED = 0.95, 0.85
"""Probability from which on a text counts; lower in scripts without blanks: a few signs hardly tell Japanese from Chinese."""
ENOUGH = 30
"""Texts that must have told their language for a column to have any."""


def languages(table: Dataset, column: str) -> dict[str, float]:
    """Return the share of each language (ISO 639-1) among the texts of a column that tell one, the most frequent first.

    Empty where too few texts do.

    Raises:
        OSError: the model of the languages cannot be unpacked (it goes through a temporary file).
    """
    return languages_of(table.select(_spread(len(table)))[column])


def languages_of(texts: Sequence[str]) -> dict[str, float]:
    """Return the same of texts in memory.

    Raises:
        OSError: as `languages` does.
    """
    found = Counter(language for row in _spread(len(texts)) if (language := language_of(texts[row])) is not None)
    total = found.total()
    return {language: round(count / total, 4) for language, count in found.most_common()} if total >= ENOUGH else {}


def _spread(count: int) -> list[int]:
    """Return at most `SAMPLE` rows, evenly spread."""
    rows: list[int] = np.unique(np.linspace(0, max(count - 1, 0), min(SAMPLE, count)).astype(np.int64)).tolist()
    return rows


def language_of(text: str) -> str | None:
    """Return the language of a text (ISO 639-1); None where it does not tell one, or is no prose.

    Raises:
        OSError: as `languages` does.
    """
    text = text[:MOST_CHARACTERS]
    return _language(text) if _is_prose(text) else None


def _is_prose(text: str) -> bool:
    # the vowel signs of Indic scripts are marks, not letters
    letters = sum(unicodedata.category(sign)[0] in "LM" for sign in text)
    weight = letters + (UNSPACED_WEIGHT - 1) * len(UNSPACED.findall(text))
    return weight >= FEWEST_LETTERS and letters + sum(sign.isspace() for sign in text) >= LETTERS * len(text)


def _language(text: str) -> str | None:
    language, probability = _identifier().classify(text)
    return str(language) if probability >= (SURE_UNSPACED if UNSPACED.search(text) else SURE) else None


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
