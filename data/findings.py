"""What the audit may find: one rule a kind of finding, with a stable code, and the finding itself.

Findings name rows (file and line), never texts, so that `audit.json` can be shown around.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypedDict

EXAMPLES = 5
"""Rows named with each finding."""


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    """Training on this data stops there."""
    WARNING = "warning"
    """Most likely a mistake, or something that falsifies the result."""
    INFO = "info"
    """Worth knowing."""


class Done(StrEnum):
    """What was done about it."""

    KEPT = "kept"
    DROPPED = "dropped"
    MASKED = "masked"
    """Such rows never serve as each other's negatives."""


class Rule(NamedTuple):
    """What holds for every finding of one code."""

    severity: Severity
    hint: str
    """What the user can do."""
    strict: bool = False
    """Whether `data.strict` makes a failure of it."""


A_FEW = 0.02
"""Share of the rows below which broken texts are worth a note but no warning: hardly any collection is free of them."""

_LEAK = "no model may be judged on what it was trained on: check how the splits were made; data.leaks=keep keeps such rows"
_MASK = "nothing to do: rows that share a text are never used as each other's negatives"
_BROKEN = "read the file in the encoding it was written in, and save it as UTF-8 (the ftfy package repairs single texts)"

RULES = {
    # the same text on both sides of a split
    "leak.pair": Rule(Severity.WARNING, _LEAK, strict=True),
    "leak.query": Rule(Severity.WARNING, _LEAK, strict=True),
    "leak.near_pair": Rule(Severity.WARNING, f"{_LEAK}; data.near sets how similar texts must be to count as the same", True),
    "leak.near_query": Rule(Severity.WARNING, f"{_LEAK}; data.near sets how similar texts must be to count as the same", True),
    "leak.document": Rule(
        Severity.INFO, "nothing to do if documents are shared by nature; else split by document (column `group`)"
    ),
    "leak.sentence": Rule(
        Severity.INFO, "nothing to do, or split by sentence (a column `group`): scores on unseen sentences may be lower"
    ),
    # rows that say the same
    "duplicate.pair": Rule(Severity.INFO, "remove the copies if they are unintended: each one counts in training"),
    "duplicate.near": Rule(Severity.INFO, "remove the copies if they are unintended: each one counts in training"),
    "duplicate.document": Rule(
        Severity.INFO, "merge equal documents: only the judged one counts as found, so no model can reach 1"
    ),
    "group.positive": Rule(Severity.INFO, _MASK),
    "group.query": Rule(Severity.INFO, _MASK),
    "group.near": Rule(
        Severity.INFO, "merge texts that say the same thing: otherwise they may be used as each other's negatives"
    ),
    # the two sides of a row
    "pair.equal": Rule(Severity.WARNING, "remove such rows: nothing can be learnt from them", strict=True),
    "pair.quoted": Rule(
        Severity.WARNING, "remove the query from its document, or use queries as people would ask them: a word search finds these"
    ),
    "pair.low_score": Rule(Severity.WARNING, "correct the score: equal texts are as similar as can be", strict=True),
    "columns.swapped": Rule(
        Severity.WARNING, "name the columns: data.columns.anchor=QUERY data.columns.positive=DOCUMENT", strict=True
    ),
    "columns.number": Rule(
        Severity.WARNING, "name the columns that hold texts (data.columns.anchor=…, data.columns.positive=…)", strict=True
    ),
    "columns.reference": Rule(
        Severity.ERROR, "give the texts themselves, or set data.literal=true if people do search for these as they stand", True
    ),
    "columns.code": Rule(
        Severity.WARNING, "give the texts themselves, or set data.literal=true if people do search for these as they stand"
    ),
    "columns.address": Rule(
        Severity.WARNING, "fetch the pages and give their texts, or set data.literal=true if people do search for the addresses"
    ),
    "columns.listed": Rule(
        Severity.ERROR,
        'write the lists as JSON Lines, as in {"query": "…", "pos": ["…", "…"]}, or set data.literal=true if the text'
        " is meant as it stands, brackets included",
        True,
    ),
    "text.listed": Rule(
        Severity.WARNING,
        "write one text a row, or lists in all rows and as JSON; brackets and quotes are trained on otherwise",
        True,
    ),
    "columns.alike": Rule(
        Severity.WARNING, "check whether the right column was read: what all texts have in common tells nothing apart"
    ),
    "row.swapped": Rule(Severity.WARNING, "exchange query and document in these rows, or remove them", strict=True),
    "negative.positive": Rule(Severity.WARNING, "choose another negative or remove the row: this one is correct", strict=True),
    "negative.elsewhere": Rule(Severity.WARNING, "choose another negative: by another row this one is correct", strict=True),
    # scores
    "score.conflict": Rule(Severity.WARNING, "keep one score per pair, or their mean", strict=True),
    "score.same": Rule(Severity.WARNING, "add pairs with other scores: there is little to learn from these"),
    "score.constant": Rule(
        Severity.WARNING, "add pairs with other scores: where all are equal there is nothing to rank", strict=True
    ),
    "score.two_valued": Rule(
        Severity.INFO, "if 1 means that the texts belong together, training on those rows alone, as pairs, may work better"
    ),
    "score.saturated": Rule(Severity.WARNING, "check the scale (data.score_range=[LOW,HIGH]): most scores lie at its end"),
    # the texts
    "load.error": Rule(Severity.ERROR, "", strict=True),
    "row.bad": Rule(Severity.ERROR, "correct the rows, or leave them out: data.bad_rows=drop", strict=True),
    "text.control": Rule(
        Severity.WARNING, "remove the control characters: the tokenizer drops them or turns them into noise", True
    ),
    "text.mojibake": Rule(Severity.WARNING, _BROKEN, strict=True),
    "text.lost": Rule(Severity.WARNING, f"letters are lost (U+FFFD): {_BROKEN}", strict=True),
    "text.placeholder": Rule(Severity.WARNING, "remove such rows: the text stands for a missing one", strict=True),
    "text.html": Rule(
        Severity.WARNING,
        "take the tags out (as with BeautifulSoup's get_text), or leave them if what is searched later holds them, too",
    ),
    "text.wordless": Rule(Severity.INFO, "remove such rows if they are unintended: the text has neither a letter nor a digit"),
    "text.long": Rule(Severity.INFO, "nothing to do, or split long documents: a model reads only the beginning"),
    "text.endless": Rule(Severity.WARNING, "split the text: a model reads only the beginning"),
    "text.truncated": Rule(
        Severity.INFO, "raise model.max_tokens if the model can read more (slower), or split long documents into passages"
    ),
    "text.mostly_cut": Rule(
        Severity.WARNING, "split the documents into passages, or choose a model that reads more: most texts are cut"
    ),
    "language.mix": Rule(Severity.INFO, "nothing to do if that is intended; else choose a base model that knows these languages"),
    "language.unknown": Rule(Severity.INFO, "make room in the folder for temporary files, where the language model is unpacked"),
    "language.differs": Rule(Severity.INFO, "choose a multilingual base model: queries and documents are in different languages"),
    # what is there to judge
    "test.small": Rule(Severity.WARNING, "add test rows"),
}
"""Rule by code. Codes are added, never renamed."""


class FindingRecord(TypedDict):
    """A finding in audit.json; `mend` is the old name of `hint`."""

    severity: str
    what: str
    count: int
    examples: list[str]
    code: str
    split: str | None
    distinct: int | None
    share: float | None
    counterparts: list[str]
    done: str
    mend: str
    hint: str
    strict: bool


@dataclass(frozen=True)
class Finding:
    """Something that the audit found.

    Attributes:
        code: key of `RULES`.
        what: a sentence for the user, without number and rows.
        count: rows (or texts, as the sentence says) that it is about.
        total: of how many; None where that has no meaning.
        split: where; None for the whole data set.
        examples: row ids (file and line), at most `EXAMPLES`.
        counterparts: for each example the row that it repeats or clashes with; empty where there is none.
        done: what was done about it.
        severity: the rule's, unless said otherwise.
        distinct: texts (or pairs of texts) that the rows hold, where copies may be among them.
        hint: what the user can do, the rule's unless said otherwise.
    """

    code: str
    what: str
    count: int
    total: int | None = None
    split: str | None = None
    examples: Sequence[str] = ()
    counterparts: Sequence[str] = ()
    done: Done = Done.KEPT
    severity: Severity | None = None
    distinct: int | None = None
    hint: str | None = None

    def __post_init__(self) -> None:
        if self.severity is None:
            object.__setattr__(self, "severity", RULES[self.code].severity)

    def as_json(self) -> FindingRecord:
        """Return the record for audit.json. Fields are added, never renamed."""
        rule = RULES[self.code]
        return {
            "severity": str(self.severity),
            "what": self.what,
            "count": int(self.count),
            "examples": list(self.examples),
            "code": self.code,
            "split": self.split,
            "distinct": self.distinct,
            "share": None if not self.total else round(self.count / self.total, 6),
            "counterparts": list(self.counterparts),
            "done": str(self.done),
            "mend": rule.hint if self.hint is None else self.hint,
            "hint": rule.hint if self.hint is None else self.hint,
            "strict": rule.strict,
        }


UNREADABLE = "load.error"
"""Code of the finding that a data set cannot be loaded."""


def finding_words(finding: Mapping[str, Any]) -> str:
    """Return one line about a finding as audit.json has it: what, how many, what was done, for instance where.

    >>> finding_words({"what": "train: equal texts", "count": 2, "examples": ["a.csv:3", "a.csv:9"], "share": 0.5})
    'train: equal texts: 2 (50%), for instance a.csv:3, a.csv:9'
    """
    if finding.get("code") == UNREADABLE:  # about the data set as a whole, which there is nothing to count in
        return str(finding["what"]) + "".join(f" ({place})" for place in finding["examples"] if place not in finding["what"])
    others = finding.get("counterparts") or []
    rows = [
        f"{row} (as {other})" if other else row
        for row, other in zip(finding["examples"], [*others, *[""] * EXAMPLES], strict=False)
    ]
    share, distinct = finding.get("share"), finding.get("distinct")
    copies = "" if distinct in (None, finding["count"]) else f", {distinct:,} distinct"
    part = (
        ""
        if share is None
        else f" ({share:.0%})"
        if share >= 0.095
        else f" ({share:.1%})"
        if share >= 0.0005
        else " (under 0.1%)"
    )
    done = {"dropped": ", dropped", "masked": ", kept apart"}.get(finding.get("done", ""), "")
    return f"{finding['what']}: {finding['count']:,}{part}{copies}{done}" + (f", for instance {', '.join(rows)}" if rows else "")
