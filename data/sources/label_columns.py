"""Grades and classes beside two texts: whether a column that no role was found for says how well the texts belong together.

Unlike pairs that are trained as if they belonged together teach the opposite of what was meant. So what is surely a score is
used, what is surely a class is refused, and what may be either is refused or, where the texts are a query and a document, said.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.errors import DataError
from data.schema import RowKind
from data.sources.label_names import Says, names_a_distance, says
from data.sources.roles import Family, Roles, setting
from data.sources.score_column import ColumnScan
from data.sources.score_range import KNOWN_RANGES
from data.sources.truth_words import truth_of

INFERENCE_WORDS = frozenset({"entailment", "entails", "entailed", "contradiction", "contradicts", "neutral", "not_entailment"})
"""Classes of natural language inference; two of them in a column leave no doubt."""

FREQUENT = 0.05
"""Share of the rows that each of two values has at least, where nothing but the values tells of classes."""


@dataclass(frozen=True)
class Candidate:
    """A column without a role that may hold grades or classes.

    Attributes:
        column: its name.
        says: what the name says.
        found: what its cells hold.
    """

    column: str
    says: Says
    found: ColumnScan

    @property
    def is_number(self) -> bool:
        """Tell whether the cells are numbers, or words for true and false."""
        numbers = self.found.numbers.count + self.found.with_comma.count
        return (numbers > 0 and numbers >= self.found.filled / 2) or (truth_of(self.found.words) is not None and not numbers)

    @property
    def is_class(self) -> bool:
        """Tell whether the cells are a few words."""
        return not self.is_number and self.found.holds_classes()

    @property
    def of_inference(self) -> bool:
        """Tell whether the cells are classes of natural language inference."""
        return len(INFERENCE_WORDS & self.found.words.keys()) >= 2

    @property
    def fits_a_scale(self) -> bool:
        """Tell whether the numbers lie in a range that is recognised."""
        scores = self.found.numbers
        return self.is_number and (
            not scores.count or any(low <= scores.low and scores.high <= high for low, high in KNOWN_RANGES)
        )

    def says_it_by_values(self) -> bool:
        """Tell whether the values alone are those of a grade or class: two of them, each frequent."""
        if self.of_inference:
            return True
        counts = self.found.numbers.values if self.found.numbers.count else self.found.words
        if counts is None or len(counts) != 2 or self.found.lists or self.found.with_comma.count:
            return False
        if self.found.numbers.count and (self.found.words or set(counts) not in ({0.0, 1.0}, {-1.0, 1.0})):
            return False
        if not self.found.numbers.count and truth_of(self.found.words) is None:
            return False
        return min(counts.values()) >= FREQUENT * self.found.rows


def candidates_by_name(roles: Roles) -> dict[str, Says]:
    """Return the columns without a role whose names say that they may hold grades or classes."""
    if roles.texts_given or roles.kind is RowKind.TUPLE or roles.score_given:
        return {}
    named = {column: says(column) for column in roles.ignored}
    return {column: found for column, found in named.items() if found >= Says.MAYBE}


def unnamed(roles: Roles) -> list[str]:
    """Return the columns without a role whose names say nothing."""
    if roles.texts_given or roles.kind is not RowKind.PAIR:
        return []
    return [column for column in roles.ignored if says(column) is Says.NOTHING]


def choose(roles: Roles, candidates: Sequence[Candidate], location: str) -> tuple[str | None, list[str]]:
    """Return the column that holds the scores of what were taken for pairs, if there is one, and what the user should know.

    Raises:
        DataError: a column holds classes, several may be the score, or it cannot be known whether one is.
    """
    sure = [one for one in candidates if _is_sure(one, roles)]
    if (blank := [one for one in sure if not one.found.filled]) and roles.family is Family.PAIRED:
        raise refuse_blank(blank[0].column, roles, location)
    notes = [f"column {one.column!r} is blank in all rows: it is passed over" for one in blank]
    numbers = [one for one in sure if one.is_number]
    classes = [one for one in sure if one.is_class and (roles.family is Family.PAIRED or len(one.found.words) > 1)]
    if len(numbers) > 1:
        names = [one.column for one in numbers]
        hint = f"say which: {setting('score', names[0])}; or, to train on all rows as pairs, {roles.as_pairs()}"
        raise DataError(f"{len(names)} columns could be the score: {', '.join(map(repr, names))}", where=location, hint=hint)
    if numbers:
        return numbers[0].column, notes
    if classes:
        raise refuse_classes(classes, roles, location, [one.column for one in sure if one.found.lists])
    for one in candidates:
        if one in sure or not _is_doubtful(one, roles):
            continue
        if roles.family is Family.PAIRED or one.of_inference:
            raise _doubtful(one, roles, location)
        notes.append(
            f"column {one.column!r} is not used; if it says whether the two texts belong together: {setting('score', one.column)}"
        )
    return None, notes


def _is_sure(one: Candidate, roles: Roles) -> bool:
    return one.says is Says.GRADE and roles.family is not Family.LAST_RESORT


def _is_doubtful(one: Candidate, roles: Roles) -> bool:
    """Tell whether the cells may be grades or classes of the pair though the name does not say so."""
    if one.is_class:
        named = one.says is Says.MAYBE and roles.family is Family.PAIRED and len(one.found.words) > 1
        return named or one.of_inference
    if one.says is Says.NOTHING:
        return one.is_number and one.says_it_by_values()
    scores = one.found.numbers
    return one.fits_a_scale and (not scores.count or scores.low < scores.high)


def refuse_blank(column: str, roles: Roles, location: str) -> DataError:
    """Return the error that the column that should tell whether two equal texts belong together says nothing."""
    return DataError(
        f"column {column!r} is blank in all rows, so that it is not known whether their texts belong together",
        where=location,
        hint=f"fill it in; or, if they do, train on them as pairs: {roles.as_pairs()}",
    )


def _doubtful(one: Candidate, roles: Roles, location: str) -> DataError:
    if one.is_class:
        return refuse_classes([one], roles, location)
    if names_a_distance(one.column):
        scores = one.found.numbers
        scale = f"[{max(scores.high, 1):g},{min(scores.low, 0):g}]"
        return DataError(
            f"column {one.column!r} seems to say how far the two texts are from each other ({_values(one.found)})",
            where=location,
            hint=f"to train on it set {setting('score', one.column)} data.score_range={scale} (the largest possible distance"
            f" first); otherwise, to train on all rows as pairs, {roles.as_pairs()}",
        )
    return DataError(
        f"column {one.column!r} may say how well the two texts belong together ({_values(one.found)}); its name does not tell",
        where=location,
        hint=f"if higher means that they do: {setting('score', one.column)}; otherwise, to train on all rows as pairs,"
        f" {roles.as_pairs()}",
    )


def _values(found: ColumnScan) -> str:
    scores = found.numbers
    return found.classes() if not scores.count or scores.values else f"numbers in {scores.low:g}..{scores.high:g}"


def refuse_classes(
    columns: Sequence[Candidate], roles: Roles, location: str, beside: Sequence[str] = (), *, numbers: bool = False
) -> DataError:
    """Return the error that a column holds classes rather than grades, with the ways out.

    Args:
        columns: that hold them.
        roles: of the other columns.
        location: of the data.
        beside: other columns that seem to hold labels.
        numbers: the classes are written as numbers, and may be grades.
    """
    first = columns[0]
    others = [one.column for one in columns[1:]] + list(beside)
    what = f"the values are classes: {first.found.classes()}"
    if numbers:
        what = f"the labels look like classes, of which the direction cannot be known: {first.found.classes()}"
    if others:
        what += f"; {', '.join(map(repr, others))} may be labels, too"
    ways = [f"to train on all rows as pairs set {roles.as_pairs()}"]
    if numbers:
        low, high = first.found.numbers.low, first.found.numbers.high
        scale = "" if (low, high) in KNOWN_RANGES else f" data.score_range=[{low:g},{high:g}]"
        ways.insert(0, f"if higher means more similar set {setting('score', first.column)}{scale}")
    else:
        ways.append(f"or name a column of numbers: {setting('score', 'NAME')}")
    ways.insert(1, f"to train on one class alone keep only its rows: {_filter(first, location, numbers=numbers)}")
    return DataError(what, where=f'{location}, column "{first.column}"', hint="; ".join(ways))


READERS: Mapping[str, tuple[str, str]] = {
    ".csv": ("read_csv({}, sep=None, engine='python')", "to_csv('one.csv', index=False)"),
    ".tsv": (r"read_csv({}, sep='\t')", "to_csv('one.csv', index=False)"),
    ".jsonl": ("read_json({}, lines=True)", "to_json('one.jsonl', orient='records', lines=True)"),
    ".parquet": ("read_parquet({})", "to_parquet('one.parquet')"),
}
"""How pandas reads and writes a file, by its suffix."""

SAME = ("entail", "duplicate", "paraphrase", "same", "equivalent", "exact", "positive", "relevant", "related", "similar", "yes")
"""What the name of a class begins with whose texts belong together."""

QUOTED = '"$`\\!'
"""What a shell understands between double quotes."""


def _filter(one: Candidate, location: str, *, numbers: bool) -> str:
    """Return the command that writes the rows of one class to a file of their own, of one that means the same if there is one."""
    same = next((one.found.spelt[word] for word in one.found.words if word.startswith(SAME)), "CLASS")
    wanted = "CLASS" if numbers else repr(same)
    reader = next((READERS[suffix] for suffix in READERS if location.endswith(suffix)), None)
    if reader is None:
        return f"those with {one.column} = {wanted}"
    read, write = (part.format(repr(location)) for part in reader)
    program = f"import pandas; t = pandas.{read}; t[t[{one.column!r}] == {wanted}].drop(columns={one.column!r}).{write}"
    return "python -c " + (shlex.quote(program) if any(sign in program for sign in QUOTED) else f'"{program}"')
