"""Single cells of a row: a text, a list of texts, the name of a group; and what to do about one that is none of these."""

from __future__ import annotations

import math
import re
import unicodedata

from data.errors import DataError
from data.sources.columns.score_range import DROP_HINT, excerpt

TEXT_HINT = f"give the text, or {DROP_HINT}"
NUMBER = re.compile(r"\s*[-+]?\d+([.,]\d+)?\s*")
INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
"""Unicode categories of blanks, controls and formats (zero-width space); a text of nothing else is empty."""
PLACEHOLDERS = frozenset(
    {"nan", "null", "none", "n/a", "na", "#n/a", "#ref!", "#value!", "undefined", "<na>", "nil", "[]", "{}", "todo", "tbd"}
)
"""What programs write for a text that is missing."""
WORDS_FOR_NOTHING = frozenset({"nan", "null", "none", "n/a", "na", "#n/a", "<na>", "nil", r"\n", "-", "--", "–", "—"})
"""What pandas, SQL and people write into a column where there is no value."""

TYPE_HINTS = {
    "dict": 'name a column that holds the text itself, or write the text under "text" (and its title under "title")',
    "list": "give one text per row (lists are read for positives and negatives only)",
}
"""What to do with a value that is not a text, by its type."""


def clean_text(value: object, where: str) -> str:
    """Return a text without surrounding white space.

    Raises:
        DataError: missing, empty, not a text, or holding characters that cannot be stored as UTF-8.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):  # which is how pandas writes what is missing
        raise DataError("the text is missing", where=where, hint=TEXT_HINT)
    if isinstance(value, dict):
        keys = ", ".join(repr(str(key)) for key in list(value)[:10])
        hint = f"{TYPE_HINTS['dict']}; or {DROP_HINT}"
        raise DataError(f"the cell holds an object, not a text; its keys are {keys or 'none'}", where=where, hint=hint)
    if not isinstance(value, str):
        what = f"the value {excerpt(value)} is of type {type(value).__name__}, not a text"
        hint = f"{TYPE_HINTS.get(type(value).__name__, 'write it in quotes')}; or {DROP_HINT}"
        raise DataError(what, where=where, hint=hint, plain=f"the value is of type {type(value).__name__}, not a text")
    text = value.strip()
    if not text:
        raise DataError("the text is empty", where=where, hint=TEXT_HINT)
    if not text.isascii():
        if all(unicodedata.category(sign) in INVISIBLE for sign in text):
            raise DataError("the text is empty: it holds invisible characters only", where=where, hint=TEXT_HINT)
        return _storable(text, where)
    return text


def _storable(text: str, where: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        what = f"the text has half of a surrogate pair (U+{ord(text[error.start]):04X}) at character {error.start + 1}"
        raise DataError(what, where=where, hint=TEXT_HINT) from None
    return text


def group_of(value: object, where: str) -> str:
    """Return the group as a text; blank and NaN, which is how Pandas writes what is missing, are no group."""
    missing = value is None or (isinstance(value, float) and math.isnan(value)) or not str(value).strip()
    return "" if missing else _storable(str(value), where)


def texts_of(value: object, where: str, *, blanks: bool = False) -> list[str]:
    """Return a text, or every text of a list; `blanks` may be among them and are passed over."""
    if not isinstance(value, list):
        return [clean_text(value, where)]
    if not value:
        raise DataError("the list of texts is empty", where=where, hint=TEXT_HINT)
    items = [(number, item) for number, item in enumerate(value, start=1) if not (blanks and is_blank(item))]
    return [clean_text(item, f"{where}, item {number}") for number, item in items]


def is_blank(value: object) -> bool:
    """Tell whether a cell holds nothing: no value, NaN (which is how pandas writes that), white space, or only such items."""
    if isinstance(value, list):
        return all(map(is_blank, value))
    return value is None or (isinstance(value, float) and math.isnan(value)) or (isinstance(value, str) and not value.strip())


def is_word_for_nothing(value: object) -> bool:
    """Tell whether a cell holds what is written where there is no value.

    >>> is_word_for_nothing(r"\\N"), is_word_for_nothing(" NULL"), is_word_for_nothing("nothing")
    (True, True, False)
    """
    return isinstance(value, str) and len(value) < 10 and value.strip().casefold() in WORDS_FOR_NOTHING


def counted_rows(number: int) -> str:
    """Return a number of rows in words.

    >>> counted_rows(1), counted_rows(2000)
    ('1 row', '2,000 rows')
    """
    return f"{number:,} row{'s' * (number != 1)}"
