"""Scripts that are written without blanks between words: which signs are theirs, and what of them counts as a word.

A sign with the vowels, tones and subscripts that combine with it counts as one word, so that a threshold means about the same
as in scripts with blanks. Korean, Ethiopic and Indic scripts have blanks; Tibetan has a sign between its syllables.
"""

from __future__ import annotations

import re
import unicodedata

MIXED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese, with Mon, Shan and Karen
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x1B00, 0x1B7F),  # Balinese
    (0x3005, 0x3007),  # the signs for "again", "closed" and zero among Chinese ones
    (0x3040, 0x312F),  # kana, bopomofo
    (0xA980, 0xA9FF),  # Javanese, more Burmese
    (0xAA60, 0xAADF),  # more Burmese, Tai Viet
)
"""First and last code point of blocks with letters, combining signs, digits and punctuation (Unicode 15.0, Blocks.txt)."""
WHOLE = (
    "\u31a0-\u31bf\u31f0-\u31ff"  # bopomofo, small kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese signs
    "\ua000-\ua4cf"  # Yi
    "\uff66-\uff9f\U0001b000-\U0001b16f"  # kana of half the width, old kana
)
"""Blocks of which every sign counts, as in a regular expression."""
STACKING = "\u1039\u17d2\u1a60"
"""Signs that put the consonant behind them below the one before: Burmese, Khmer, Tai Tham."""


def _signs(kinds: str) -> str:
    """Return the signs of the mixed blocks whose general category begins with one of these letters."""
    codes = (chr(code) for first, last in MIXED for code in range(first, last + 1))
    return "".join(sign for sign in codes if unicodedata.category(sign)[0] in kinds)


_LETTERS = _signs("LS") + "\u3007" + WHOLE
_MARKS = _signs("M")

UNSPACED = re.compile(f"[{_LETTERS}]")
"""A sign of these scripts: letters and syllables, not their digits, punctuation and combining signs."""
UNIT = re.compile(f"[{_LETTERS}](?:[{STACKING}][{_LETTERS}]|[{_MARKS}])*")
"""What counts as a word."""
INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
"""Signs that only say where a line may break, or how letters join; one writer puts them, another does not."""
TSHEG = "\u0f0b"
"""What Tibetan has between syllables (its variant that does not break becomes this one in NFKC)."""
LIKELY = re.compile("[\u0e00-\u1cff\u3000-\U0003ffff]")
"""Where most scripts that are passed over are not, so that they cost little."""


def spaced(text: str) -> str:
    """Return a text, normalised (NFKC), with blanks around all that counts as a word.

    Args:
        text: in any script; one with blanks loses no more than signs that nobody sees.
    """
    text = INVISIBLE.sub("", text)
    return UNIT.sub(r" \g<0> ", text.replace(TSHEG, " ")) if LIKELY.search(text) else text


def mostly_unspaced(text: str) -> bool:
    """Tell whether more than half of what counts as words in a text are signs of these scripts."""
    if text.isascii():
        return False
    units = len(UNIT.findall(text))
    return 2 * units > len(UNIT.sub(r" \g<0> ", text).split())
