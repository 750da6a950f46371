"""What every part of the project agrees on about data: row kinds, columns, ids, errors.

A source yields `sentence_transformers.InputExample` objects (through `make_example`), one a row, lazily. They are
streamed into Arrow (see `data.arrow`) and from there on every consumer reads the columns named here. This is the only
module that knows `InputExample`, which upstream marks deprecated.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sentence_transformers import InputExample


SPLITS = ("train", "dev", "test")
"""The three splits, in the order in which they are used."""

UNSPLIT = "all"
"""The name under which a source gives rows that belong to no split yet."""


class RowKind(StrEnum):
    """What one training row holds; the loss and the metric follow from it."""

    SCORED = "scored"
    """Two texts and a similarity in 0..1."""
    PAIR = "pair"
    """An anchor (query) and a text that belongs to it (positive)."""
    TUPLE = "tuple"
    """An anchor, a positive and one or more hard negatives."""


@dataclass(frozen=True)
class RowId:
    """Where a row came from and which query and document it is about.

    `row` is for people ("train.csv:12"). `query_id` and `document_id` join rows that speak of the same text: the
    source's own ids where it has them, otherwise `text_id` of the text. `group` names rows that must stay on one side of
    a split ("" when the source says nothing).
    """

    row: str
    query_id: str = ""
    document_id: str = ""
    group: str = ""

    def guid(self) -> str:
        """Return the id as one string, for `InputExample.guid`. Tabs in its parts, which only user text holds, become blanks."""
        return "\t".join(part.replace("\t", " ") for part in (self.row, self.query_id, self.document_id, self.group))

    @classmethod
    def parse(cls, guid: str) -> RowId:
        """Read what `guid` wrote."""
        return cls(*guid.split("\t"))


@dataclass(frozen=True)
class Document:
    """One text of a search corpus."""

    id: str
    text: str


@dataclass(frozen=True)
class Recognised:
    """How a source was understood; printed before anything else happens.

    `roles` maps a role (`anchor`, `positive`, `negative`, `sentence1`, `sentence2`, `score`, `group`, `split`) to the
    column or columns it was found in, `ignored` are columns not used, `first_values` what stands in some of them, which is said
    and recorded nowhere, `score_range` is the range that the scores were
    read in (low, high; distances have the larger first), before they were brought to 0..1.
    """

    kind: RowKind
    roles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ignored: Sequence[str] = ()
    score_range: tuple[float, float] | None = None
    notes: Sequence[str] = ()
    first_values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Say the recognition in words, one fact a line."""
        out = [f"row kind: {self.kind.value}"]
        for role, columns in self.roles.items():
            out.append(f"{', '.join(columns)} -> {role}")
        if self.ignored:
            out.append(f"not used: {', '.join(map(self._with_values, self.ignored))}")
        if self.score_range is not None:
            low, high = self.score_range
            distances = f"distances ({low:g} for nothing in common, {high:g} for the same meaning)"
            out.append(f"scores read as {distances if low > high else f'{low:g}..{high:g}'} and brought to 0..1")
        out.extend(self.notes)
        return out

    def _with_values(self, column: str) -> str:
        values = self.first_values.get(column)
        return f"{column} ({', '.join(values)})" if values else column


class Source(Protocol):
    """Anything that can yield rows. Reading is lazy: `examples` may be called several times; each call reads again."""

    name: str
    """Short name of the data set; also the key of its loss, its sampler and its scores."""
    location: str
    """Where it comes from, for people (a path, a Hub id, `python_api`)."""
    recognised: Recognised

    def splits(self) -> tuple[str, ...]:
        """Return names out of `SPLITS`, or `(UNSPLIT,)` when the source has no splits, or both kinds never together."""

    def examples(self, split: str) -> Iterator[InputExample]:
        """Yield the rows of one split, in file order. Raises `DataError` on the first bad row."""

    def documents(self) -> Iterator[Document] | None:
        """Return the search corpus, or None where the source has none (it is then built from the rows)."""

    def fingerprint(self) -> str:
        """Return the SHA-256 over the content and over every option that changes the rows."""


def make_example(row: RowId, texts: Sequence[str], label: float = 1.0) -> InputExample:
    """Return an `InputExample` that carries its `RowId` in `guid`. `label` is a score in 0..1 or a relevance grade."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import InputExample

    return InputExample(guid=row.guid(), texts=list(texts), label=label)


SCORED_COLUMNS = ("row", "group", "sentence1", "sentence2", "score")
PAIR_COLUMNS = ("row", "group", "query_id", "document_id", "grade", "anchor", "positive")
"""Columns of the Arrow tables; a tuple has `negative_1`, `negative_2`, … after these."""


def text_columns(columns: Sequence[str]) -> list[str]:
    """Return the columns of a row table that hold texts for the model, in the order in which losses expect them."""
    fixed = [c for c in ("sentence1", "sentence2", "anchor", "positive") if c in columns]
    return fixed + [c for c in columns if c.startswith("negative_")]


def normalise_text(text: str) -> str:
    """Return the form under which two texts count as the same: NFKC, case-folded, white space collapsed."""
    if not text.isascii():  # NFKC changes nothing in ASCII, and most calls are for ASCII
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.split()).casefold()


def text_id(text: str) -> str:
    """Return a 16-digit hexadecimal id of the normalised text (64 bits of SHA-256)."""
    return hashlib.sha256(normalise_text(text).encode("utf-8", "surrogatepass")).hexdigest()[:16]
