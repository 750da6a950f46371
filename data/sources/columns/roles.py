"""The columns of one source by role."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from data.schema import Recognised, RowKind
from data.sources.columns.label_names import names_classes


class Family(StrEnum):
    """What the names of the two text columns say about them."""

    PAIRED = "paired"
    """They are two equal texts; without a score beside them it is not known whether they belong together."""
    USUAL = "usual"
    """A query and a text that belongs to it."""
    LAST_RESORT = "last resort"
    """They may be something else, see `LAST_RESORT_NAMES`."""


@dataclass(frozen=True)
class Roles:
    """The columns of one source by role. `first` and `second` are anchor and positive, or the two sentences of a score."""

    kind: RowKind
    first: str
    second: str
    negatives: tuple[str, ...] = ()
    score: str | None = None
    group: str | None = None
    split: str | None = None
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    score_may_be_class: bool = False
    """Whether `score` was found by a name that classes have, too ("label"): its values may be classes."""
    score_given: bool = False
    """Whether the config names the column of scores."""
    texts_given: bool = False
    """Whether the config names anchor and positive: what stands beside them is then left alone."""
    marks: tuple[str, ...] = ()
    """What is read otherwise than version 0.1 read it, as a part of fingerprints."""
    family: Family = Family.PAIRED
    inference: bool = False
    """Whether the texts are premise and hypothesis, of which a label 0 may mean that the one follows from the other."""

    def used(self) -> list[str]:
        """Return every column that has a role, in a fixed order."""
        optional = [self.score, self.group, self.split]
        return [self.first, self.second, *self.negatives, *(c for c in optional if c is not None)]

    def needed(self) -> list[str]:
        """Return the columns that every file must have."""
        return [self.first, self.second, *self.negatives, *([self.score] if self.score else [])]

    def as_pairs(self) -> str:
        """Return the settings that train on the two texts alone, whatever stands beside them."""
        return f"{setting('anchor', self.first)} {setting('positive', self.second)}"

    def with_score(self, column: str) -> Roles:
        """Return the roles with a column of scores that was not used before."""
        return replace(
            self,
            kind=RowKind.SCORED,
            score=column,
            ignored=tuple(name for name in self.ignored if name != column),
            notes=(*self.notes, score_note(column, self.as_pairs())),
            score_may_be_class=names_classes(column),
            marks=(*self.marks, f"score {column}"),
        )

    def without_score(self) -> Roles:
        """Return the roles of pairs, for a column that was taken for the score by its name and is none."""
        column = str(self.score)
        notes = tuple(note for note in self.notes if note != score_note(column, self.as_pairs()))
        return replace(
            self, kind=RowKind.PAIR, score=None, ignored=(*self.ignored, column), notes=notes, score_may_be_class=False
        )

    def recognised(self, score_range: tuple[float, float] | None = None, notes: Sequence[str] = ()) -> Recognised:
        """Return the same facts in the form that is printed."""
        scored = self.kind is RowKind.SCORED
        roles: dict[str, Sequence[str]] = {
            "sentence1" if scored else "anchor": [self.first],
            "sentence2" if scored else "positive": [self.second],
        }
        if self.negatives:
            roles["negative"] = list(self.negatives)
        for role in ("score", "group", "split"):
            if (column := getattr(self, role)) is not None:
                roles[role] = [column]
        return Recognised(self.kind, roles, self.ignored, score_range, (*self.notes, *notes))


def setting(role: str, column: str) -> str:
    """Return the words of a command line that give a column a role."""
    return f"data.columns.{role}={shlex.quote(column)}"


def score_note(column: str, as_pairs: str) -> str:
    """Return what is said where a column of scores was found by its name, with the way back."""
    return f"column {column!r} makes these scored pairs; to train on the pairs alone set {as_pairs}"
