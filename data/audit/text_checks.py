"""Findings about the texts themselves: signs that are wrong, lengths, languages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from data.audit.row_checks import few, found_rows
from data.audit.scan import Scan, Sign
from data.audit.suspicions import NEARLY_ALL
from data.findings import A_FEW, Finding, Severity
from data.prepared import PreparedDataset

LONG_WORDS = 350
"""Words above which most encoders cut a text off (512 tokens)."""
ENDLESS = 100_000
"""Characters of a text that no model reads to its end."""
SOME_TAGS = 0.1
"""Share of the rows with HTML below which that is no warning: it may be what they are about. Below `A_FEW` it is nothing."""
FEWEST_TAGGED = 3
"""Rows with HTML below which it is no warning either, whatever their share of a tiny split."""
OTHER_LANGUAGE = 0.05
"""Share of the texts in another language from which on a column has several."""


class _Broken(NamedTuple):
    sign: Sign
    code: str
    what: str
    few: bool
    """Whether a few of them are no more than a note."""


_BROKEN = (
    _Broken(Sign.CONTROL, "text.control", "a text with control characters", few=True),
    _Broken(Sign.MOJIBAKE, "text.mojibake", "a text that was read in the wrong encoding (mojibake)", few=True),
    _Broken(Sign.LOST, "text.lost", "a text with letters that were lost in decoding (U+FFFD)", few=True),
    _Broken(Sign.PLACEHOLDER, "text.placeholder", "a text that stands for a missing one (such as nan, null, n/a)", few=False),
    _Broken(Sign.WORDLESS, "text.wordless", "a text without a letter or digit", few=False),
)


def text_findings(data: PreparedDataset, seen: Mapping[str, Scan], *, in_words: bool) -> list[Finding]:
    """Return findings about signs and, by words where no tokenizer counts, about lengths."""
    found: list[Finding] = []
    for name, table in data.splits.items():
        scanned = seen[name]
        for broken in _BROKEN:
            mask = np.any(scanned.has(broken.sign), axis=0)
            found += found_rows(broken.code, broken.what, name, table, mask, severity=few(mask) if broken.few else None)
        lists = np.any([one for one in scanned.has(Sign.LISTED) if one.mean() < NEARLY_ALL], axis=0)
        if lists.mean() >= A_FEW:
            found += found_rows("text.listed", "a list that was written as one text, unlike in other rows", name, table, lists)
        tagged = np.any(scanned.has(Sign.HTML), axis=0)
        if tagged.mean() >= A_FEW:
            rare = Severity.INFO if tagged.mean() < SOME_TAGS or tagged.sum() < FEWEST_TAGGED else None
            found += found_rows("text.html", "a text with tags or entities of HTML", name, table, tagged, severity=rare)
        if in_words:
            what = f"rows with a text of more than {LONG_WORDS} words, which may be cut off"
            found += found_rows("text.long", what, name, table, np.any(scanned.words > LONG_WORDS, axis=0))
        what = f"a text of more than {ENDLESS:,} characters, of which a model reads only the beginning"
        found += found_rows("text.endless", what, name, table, np.any(scanned.characters > ENDLESS, axis=0))
    return found


def language_findings(spoken: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[Finding]:
    """Return columns in several languages, and columns or splits in different ones.

    Args:
        spoken: share of each language by split and column, see `data.audit.languages`.
    """
    found: list[Finding] = []
    main: dict[str, list[str]] = {}
    for split, columns in spoken.items():
        for column, shares in columns.items():
            several = [f"{language} {share:.0%}" for language, share in shares.items() if share >= OTHER_LANGUAGE]
            if len(several) > 1:
                what = f"{split}: languages of {column} ({', '.join(several)}, of the texts examined)"
                found.append(Finding("language.mix", what, len(several), split=split))
            if shares:
                main.setdefault(next(iter(shares)), []).append(f"{split} {column}")
    if len(main) > 1:
        what = "most texts are in different languages: " + "; ".join(
            f"{one} in {', '.join(where)}" for one, where in main.items()
        )
        found.append(Finding("language.differs", what, len(main)))
    return found
