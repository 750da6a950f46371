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
from data.sources.columns.label_names import Says, denies, is_loose, names_a_person, names_an_average, names_the_opposite, says
from data.sources.columns.roles import Family, Roles, setting
from data.sources.columns.score_column import ColumnScan
from data.sources.columns.score_range import KNOWN_RANGES, excerpt
from data.sources.columns.truth_words import truth_among, truth_of
from data.sources.columns.verdict_words import INFERENCE_WORDS, Speaks, are_of_something_else, may_be_topics, speaks

FREQUENT = 0.05
"""Share of the rows that each of two values has at least, where nothing but the values tells of classes."""

NEARLY_ALL = 0.8
"""Share of the rows that classes under an unknown name cover at least."""
MOST_VERDICTS, MOST_GRADES = 7, 11
"""Distinct words, and whole numbers, that a column of an unknown name may hold for it to be taken for a verdict on the pair."""
HIGHEST_GRADE = 10


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
        numbers = self.found.numbers.count + self.found.with_comma.count + self.found.percent.count
        if numbers > 0 and numbers >= self.found.filled / 2:
            return True
        return truth_of(self.found.words) is not None and self.found.has_room_for_truth()

    @property
    def is_class(self) -> bool:
        """Tell whether the cells are a few words."""
        return not self.is_number and self.found.holds_classes()

    @property
    def of_inference(self) -> bool:
        """Tell whether the cells are classes of natural language inference."""
        return len(INFERENCE_WORDS & self.found.words.keys()) >= 2

    @property
    def speaks(self) -> Speaks:
        """Return what the words say that the cells are."""
        return speaks(self.found.words) if not self.found.numbers.count else Speaks.NOTHING

    def looks_like_classes(self) -> bool:
        """Tell whether the cells alone are those of a column of classes: a few words, in nearly all rows."""
        words = self.found.words
        return (
            self.found.holds_classes()
            and 2 <= len(words) <= MOST_VERDICTS
            and sum(words.values()) >= NEARLY_ALL * self.found.rows
            and sum(count >= FREQUENT * self.found.rows for count in words.values()) >= 2
            and not are_of_something_else(words)
            and not names_a_person(self.column)
        )

    def looks_like_grades(self) -> bool:
        """Tell whether the cells alone are those of grades: fractions, percentages or a few whole numbers on a usual scale."""
        found = self.found
        scores = next((one for one in (found.numbers, found.with_comma, found.percent) if one.count), found.numbers)
        if scores.count < NEARLY_ALL * found.rows or scores.low == scores.high or found.words:
            return False
        if found.points or found.with_comma.count or found.percent.count:
            return scores.low >= -1 and scores.high <= HIGHEST_GRADE / 2
        values = scores.values
        return (
            values is not None
            and scores.low >= -1
            and scores.high <= HIGHEST_GRADE
            and len(values) <= min(MOST_GRADES, scores.count / 2)
            and sum(count >= FREQUENT * found.rows for count in values.values()) >= 2
        )

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
    if roles.kind is RowKind.TUPLE or roles.score_given:
        return {}
    named = {column: says(column) for column in roles.ignored}
    return {column: found for column, found in named.items() if found >= (Says.GRADE if roles.texts_given else Says.MAYBE)}


def unnamed(roles: Roles) -> dict[str, Says]:
    """Return the columns without a role that may hold a verdict by their values alone, with what their names say."""
    if roles.kind is not RowKind.PAIR:
        return {}
    most = Says.MAYBE if roles.texts_given else Says.NOTHING
    return {column: found for column in roles.ignored if (found := says(column)) <= most}


def is_told_by_values(one: Candidate, roles: Roles) -> bool:
    """Tell whether the values of a column make it a candidate though its name does not."""
    if one.speaks is Speaks.OF_THE_PAIR:
        return True
    if one.speaks is Speaks.POLAR and is_loose(one.column):
        return roles.family is not Family.LAST_RESORT
    if roles.texts_given or one.says is Says.OTHER:
        return False
    if one.says_it_by_values():
        return True
    return roles.family is Family.PAIRED and (one.looks_like_classes() or one.looks_like_grades())


def choose(roles: Roles, candidates: Sequence[Candidate], location: str) -> tuple[str | None, list[str]]:
    """Return the column that holds the scores of what were taken for pairs, if there is one, and what the user should know.

    Raises:
        DataError: a column holds classes, several may be the score, or it cannot be known whether one is.
    """
    if roles.texts_given:
        return None, [passed_over(one) for one in candidates if _is_verdict(one)]
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
    topics = [one for one in classes if is_topic(one, roles)]
    if len(topics) < len(classes):
        raise refuse_classes(classes, roles, location, [one.column for one in sure if one.found.lists])
    notes += [passed_over(one) for one in topics]
    for one in sure:
        if one.found.lists > one.found.filled / 2 and roles.family is Family.PAIRED:
            raise refuse_lists(one, roles, location)
    doubtful = [one for one in candidates if one not in sure and _is_doubtful(one, roles)]
    doubtful.sort(key=lambda one: not names_an_average(one.column))
    for one in doubtful:
        if _must_be_settled(one, roles):
            raise _doubtful(one, roles, location, [other.column for other in doubtful if other is not one])
        notes.append(f"column {one.column!r} is not used; if it says whether the two texts belong together: {_as_score(one)}")
    return None, notes


def passed_over(one: Candidate) -> str:
    """Return what is said of a column that is surely one of labels, and is not used."""
    if one.found.lists:
        return (
            f"column {one.column!r} is not used (lists such as {excerpt(one.found.first_list)}): all texts are trained as pairs"
        )
    return f"column {one.column!r} is not used ({_values(one.found)}): all rows are trained as pairs"


def is_topic(one: Candidate, roles: Roles) -> bool:
    """Tell whether the words under the name of a label are rather topics of the texts than verdicts on the pair."""
    if not one.is_class and one.speaks is not Speaks.POLAR:
        return False
    if roles.score_given or not one.found.holds_classes() or roles.family is Family.PAIRED:
        return False
    if roles.family is Family.LAST_RESORT:
        return one.speaks is not Speaks.OF_THE_PAIR
    return may_be_topics(one.found.words)


def _is_verdict(one: Candidate) -> bool:
    """Tell whether a column beside texts that the user names is surely one of grades or classes."""
    if one.speaks >= Speaks.POLAR:
        return True
    several = len(one.found.words) > 1 or one.found.numbers.low < one.found.numbers.high or one.found.percent.count
    return one.says is Says.GRADE and bool(one.found.lists or (several and (one.is_number or one.is_class)))


def _is_sure(one: Candidate, roles: Roles) -> bool:
    return one.says is Says.GRADE and roles.family is not Family.LAST_RESORT


def _is_doubtful(one: Candidate, roles: Roles) -> bool:
    """Tell whether the cells may be grades or classes of the pair though the name does not say so."""
    if one.speaks is Speaks.OF_THE_PAIR:
        return True
    if one.speaks is Speaks.POLAR and is_loose(one.column) and roles.family is not Family.LAST_RESORT:
        return True
    if one.says is Says.OTHER:
        return False
    paired = roles.family is Family.PAIRED
    if one.is_class:
        return paired and len(one.found.words) > 1 and (one.says is Says.MAYBE or one.looks_like_classes())
    if one.says is Says.NOTHING:
        return one.is_number and (one.says_it_by_values() or (paired and one.looks_like_grades()))
    scores = one.found.numbers
    return one.fits_a_scale and (not scores.count or scores.low < scores.high)


def _must_be_settled(one: Candidate, roles: Roles) -> bool:
    """Tell whether the user must say what a doubtful column is: unlike pairs might be trained as if they belonged together."""
    if roles.family is Family.PAIRED or one.speaks is Speaks.OF_THE_PAIR:
        return True
    return roles.family is Family.USUAL and (one.speaks is Speaks.POLAR or denies(one.column))


def _as_score(one: Candidate) -> str:
    """Return the settings that take a column for the score, with the direction turned where its name says so."""
    if not names_the_opposite(one.column):
        return setting("score", one.column)
    return f"{setting('score', one.column)} data.score_range={_turned(one)}"


def _turned(one: Candidate) -> str:
    """Return the range of values that are high for texts that have nothing in common."""
    scores = one.found.numbers if one.found.numbers.count else one.found.with_comma
    return f"[{max(scores.high, 1):g},{min(scores.low, 0):g}]" if scores.count else "[1,0]"


def refuse_lists(one: Candidate, roles: Roles, location: str) -> DataError:
    """Return the error that the cells of a column of labels hold lists."""
    return DataError(
        f"each cell is a list of labels ({excerpt(one.found.first_list)}), and no label of the row",
        where=f'{location}, column "{one.column}"',
        hint="write one row for each text with its own label; or, to train on all texts as if they belonged together,"
        f" {roles.as_pairs()}",
    )


def refuse_blank(column: str, roles: Roles, location: str) -> DataError:
    """Return the error that the column that should tell whether two equal texts belong together says nothing."""
    return DataError(
        f"column {column!r} is blank in all rows, so that it is not known whether their texts belong together",
        where=location,
        hint=f"fill it in; or, if they do, train on them as pairs: {roles.as_pairs()}",
    )


def _doubtful(one: Candidate, roles: Roles, location: str, others: Sequence[str]) -> DataError:
    """Return the error that a column may be a verdict on the pair; `others` are further ones that may."""
    if one.is_class:
        return refuse_classes([one], roles, location, others)
    beside = f"; {', '.join(map(repr, others))} may, too" if others else ""
    otherwise = f"otherwise, to train on all rows as pairs, {roles.as_pairs()}"
    if names_the_opposite(one.column):
        return DataError(
            f"column {one.column!r} seems to say how far the two texts are from each other ({_values(one.found)}){beside}",
            where=location,
            hint=f"to train on it set {_as_score(one)} (the largest possible distance first); {otherwise}",
        )
    true = next((one.found.spelt[word] for word, value in (truth_of(one.found.words) or {}).items() if value == 1), None)
    meant = "higher" if true is None or one.found.numbers.count else repr(true)
    return DataError(
        f"column {one.column!r} may say how well the two texts belong together ({_values(one.found)}); its name does not tell"
        f"{beside}",
        where=location,
        hint=f"if {meant} means that they do: {_as_score(one)}; {otherwise}",
    )


def _values(found: ColumnScan) -> str:
    scores = next((one for one in (found.numbers, found.with_comma, found.percent) if one.count), found.numbers)
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
    elif both := truth_among(first.found.words):
        read = " and ".join(f"{first.found.spelt[word]!r} as {value:g}" for word, value in both.items())
        ways.append(f"to read {read} and leave out the others {setting('score', first.column)} data.bad_rows=drop")
    else:
        ways.append(f"or name a column of numbers: {setting('score', 'NAME')}")
    ways.insert(1, f"to train on one class alone keep only its rows: {_filter(first, location, numbers=numbers)}")
    return DataError(what, where=f'{location}, column "{first.column}"', hint="; ".join(ways))


READERS: Mapping[str, tuple[str, str]] = {
    ".csv": ("read_csv({}, sep=None, engine='python')", "to_csv('{}.csv', index=False)"),
    ".tsv": (r"read_csv({}, sep='\t')", "to_csv('{}.csv', index=False)"),
    ".jsonl": ("read_json({}, lines=True)", "to_json('{}.jsonl', orient='records', lines=True)"),
    ".parquet": ("read_parquet({})", "to_parquet('{}.parquet')"),
}
"""How pandas reads and writes a file, by its suffix."""

SAME = (
    *("entail", "duplicate", "paraphrase", "same", "equivalent", "exact", "positive", "relevant", "related", "similar", "yes"),
    *("support", "accept", "correct", "match", "identical", "pass", "good", "thumbs_up", "highly relevant"),
)
"""What the name of a class begins with whose texts belong together."""

QUOTED = '"$`\\!'
"""What a shell understands between double quotes."""


def _filter(one: Candidate, location: str, *, numbers: bool) -> str:
    """Return the command that writes the rows of one class to a file of their own, of one that means the same if there is one."""
    same = next((one.found.spelt[word] for word in one.found.words if word.startswith(SAME)), "CLASS")
    wanted = "CLASS" if numbers else repr(same)
    body = f"t[t[{one.column!r}] == {wanted}].drop(columns={one.column!r})"
    return command(location, body, "one") or f"those with {one.column} = {wanted}"


def command(location: str, body: str, name: str) -> str | None:
    """Return the command that reads a file as the table `t` and writes what `body` makes of it; None where it is no such file.

    Args:
        location: of the file.
        body: Python that ends in a table.
        name: of the file that is written, without the suffix.
    """
    reader = next((READERS[suffix] for suffix in READERS if location.endswith(suffix)), None)
    if reader is None:
        return None
    read, write = reader[0].format(repr(location)), reader[1].format(name)
    program = f"import pandas; t = pandas.{read}; {body}.{write}"
    return "python -c " + (shlex.quote(program) if any(sign in program for sign in QUOTED) else f'"{program}"')
