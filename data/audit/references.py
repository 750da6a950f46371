"""Texts that stand for other texts: names of files, ids. Trained on as they are they give a score that looks plausible.

Product codes, commands, names and web addresses may well be what people search for, so only what is hardly ever a text of its own
counts: the name of a file of texts, a UUID or digest, and a running number behind a word for "document".
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection

FILE = re.compile(
    r"[^\s<>|*?\"']+\.(?:md|markdown|txt|text|rst|html?|pdf|docx?|odt|rtf|epub|pptx?|xlsx?|tex|ipynb)", re.IGNORECASE
)
"""The name or path of a file that holds a text. A file of code may be what is looked for, and has none of these suffixes."""
DIGEST = re.compile(
    r"\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?|(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{16,128}",
    re.IGNORECASE,
)
"""A UUID, or 16 and more hexadecimal digits."""
NUMBERED = re.compile(
    r"((?:doc(?:ument)?|passage|psg|par(?:agraph)?|text|txt|chunk|page|art(?:icle)?|faq|kb|q(?:uery|uestion)?|a(?:ns(?:wer)?)?"
    r"|d|p|id|item|row|sec(?:tion)?|ctx|context|node|ticket|case)(?:[-_:#/.]?id)?[-_:#/.]?)(\d{1,9})(?:[-_:#/.]\d{1,9})*",
    re.IGNORECASE,
)
"""A running number behind a word for a document; [1] is the word, [2] the number."""
LONGEST = 200
"""Characters; what is longer is a text."""
SPARSE = 4
"""Running numbers leave out less than this many for each that they use; a maker's codes jump about."""


def may_refer(text: str) -> bool:
    """Tell whether a single text looks like a reference.

    >>> may_refer("guides/wifi.md"), may_refer("doc_0034"), may_refer("cat notes.txt"), may_refer("DR-1842")
    (True, True, False, False)
    """
    return len(text) <= LONGEST and any(pattern.fullmatch(text) for pattern in (FILE, DIGEST, NUMBERED))


def kind_of_references(texts: Collection[str]) -> str | None:
    """Return what some distinct texts are, in words, if all of them that look like references are of one form; else None.

    Args:
        texts: that `may_refer`.
    """
    if all(FILE.fullmatch(text) for text in texts):
        return "the name of a file"
    if all(DIGEST.fullmatch(text) for text in texts):
        return "an id (hexadecimal digits)"
    found = [match for text in texts if (match := NUMBERED.fullmatch(text))]
    if len(found) < len(texts):
        return None
    prefixes = Counter(match[1] for match in found)
    numbers = {int(match[2]) for match in found}
    running = max(numbers) - min(numbers) < SPARSE * len(numbers)
    return "an id (a running number)" if len(prefixes) == 1 and running else None
