"""Which columns hold a text and its class, by their names and by what they hold; refused where that is not clear."""

from __future__ import annotations

import math
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from data.errors import DataError
from data.sources.columns.column_roles import (
    ANSWER_NAMES,
    GROUP_NAMES,
    POSITIVE_NAMES,
    SCORE_NAMES,
    SPLIT_NAMES,
    plain,
    recognise,
    show,
)
from data.sources.columns.score_range import DROP_HINT, excerpt
from data.sources.columns.truth_words import plain_word, truth_of
from data.sources.table import Table
from data.spec import ColumnSpec

TEXT_NAMES = (
    *("text", "texts", "utterance", "sentence", "content", "query", "question", "message", "comment", "review", "request"),
    *("tweet", "post", "ticket", "input", "document", "body", "description", "headline", "phrase", "title"),
)
CLASS_NAMES = (
    *("class", "classname", "classlabel", "category", "categoryname", "intent", "label", "labelname", "labeltext", "topic"),
    *("tag", "sentiment", "emotion", "genre", "department", "queue", "target"),
    *("classes", "categories", "intents", "labels", "topics", "tags"),
)
"""Usual names of columns, without case and separators."""
NAMED_CLASSES = frozenset({"class", "category", "intent", "topic", "tag", "sentiment", "emotion", "genre", "department", "queue"})
"""Names that say by themselves that a class is meant."""
BESIDE = frozenset(
    {"id", "idx", "index", "no", "nr", "number", "uid", "uuid", "date", "time", "timestamp", "lang", "language", "url"}
)
"""Names of columns that are passed over beside a text and its class."""

HEAD_ROWS = 500
LONGEST_CLASS = 60
"""Characters of most classes at most: what is longer is a text."""
MOST_WORDS = 4
FEWEST_WORDS = 4
"""Words of half of the texts of a pair at least: names beside a text have fewer."""
FILLED = 0.9
"""Share of the rows that have a text of the pair."""
MOST_VERDICTS = 10
"""Different labels of pairs at most: more are classes."""
FEW_ROWS = 20
SHARE = 3
"""So many rows a class, on average, has a column that is offered as one of classes."""
RECURRING = 0.8
"""Share of the rows that must be in classes of two rows or more."""


@dataclass(frozen=True)
class ClassColumns:
    """The columns of text, class, group and split."""

    text: str
    category: str
    group: str | None
    split: str | None
    ignored: tuple[str, ...]

    def used(self) -> list[str]:
        """Return them in a fixed order."""
        return [c for c in (self.text, self.category, self.group, self.split) if c is not None]


def class_columns(tables: Sequence[Table], spec: ColumnSpec) -> ClassColumns | None:
    """Return the columns of rows that are a text and its class; None for other rows.

    Raises:
        DataError: the user names the column of classes, or its name says that it is one, but it cannot be read as such.
    """
    columns, unknown = _possible(tables[0], spec)
    head = None if columns is None else _head(tables)
    if columns is None or head is None:
        return None
    group = spec.group or _only([c for c in columns if plain(c) in GROUP_NAMES])
    split = spec.split or _only([c for c in columns if plain(c) in SPLIT_NAMES])
    free = [c for c in columns if c not in (group, split)]
    category = spec.category or _category(free, head, tables[0])
    if category is None and unknown is not None:
        _advise(unknown, free, head, tables[0])
    if category is None or (spec.category is None and not _may_be_classes([row.get(category) for row in head])):
        return None
    if spec.category is None and spec.anchor is None:
        _refuse_pairs(category, [c for c in free if c != category], head, tables[0])
    clear = spec.category is not None or plain(category) in NAMED_CLASSES or _recurs([row.get(category) for row in head])
    text = spec.anchor or _text([c for c in free if c != category], head, tables[0], category, clear=clear)
    if text is None and spec.category is not None:
        hint = f"name it: data.columns.anchor=NAME data.columns.category={category}"
        raise DataError(f"no column holds texts. Columns found: {show(columns)}", where=tables[0].place, hint=hint)
    ignored = tuple(c for c in columns if c not in (text, category, group, split))
    return None if text is None else ClassColumns(text, category, group, split, ignored)


def _possible(table: Table, spec: ColumnSpec) -> tuple[list[str] | None, DataError | None]:
    """Return the columns of a table that may hold a text and its class, None where other roles are named or recognised; and why
    no roles were."""
    if spec.positive or spec.sentence1 or spec.sentence2 or spec.score or spec.negatives:
        if spec.category:
            what = "the config names a class of single texts (columns.category), and columns of a second text or a score"
            raise DataError(what, where=table.place, hint="keep columns.category and columns.anchor, or the others")
        return None, None
    columns: list[str] = []
    unknown = None
    with suppress(DataError):  # it is reported where the rows are read
        columns = [column for column in table.columns() if column]
    if spec.category is None:
        if spec.anchor not in (None, *columns):
            return None, None
        try:
            recognise(columns, spec, table.place)
        except DataError as error:
            if _scores_are_unclear(columns, spec, table):
                return None, None
            unknown = error
        else:
            return None, None
    for role, name in (("category", spec.category), ("anchor", spec.anchor), ("group", spec.group), ("split", spec.split)):
        if columns and name is not None and name not in columns:
            hint = f"correct columns.{role} in the YAML, data.columns.{role}=NAME on the command line"
            what = f"columns.{role} names a column {name!r} that does not exist. Columns found: {show(columns)}"
            raise DataError(what, where=table.place, hint=hint)
    return columns or None, unknown


def _scores_are_unclear(columns: Sequence[str], spec: ColumnSpec, table: Table) -> bool:
    """Tell whether the texts of pairs are known, and only several columns could be their score."""
    with suppress(DataError):
        recognise([column for column in columns if plain(column) not in SCORE_NAMES], spec, table.place)
        return True
    return False


def _head(tables: Sequence[Table]) -> list[Mapping[str, object]] | None:
    """Return the first rows of all tables; None where they cannot be read, which is reported where all are."""
    head: list[Mapping[str, object]] = []
    with suppress(DataError):
        for table in tables:
            table.on_bad = _pass_over
            head += [values for _, values in islice(table.rows(()), HEAD_ROWS)]
        return head
    return None


def _pass_over(error: DataError) -> None:
    """Skip a row that cannot be read."""


def _refuse_pairs(category: str, free: Sequence[str], head: Sequence[Mapping[str, object]], table: Table) -> None:
    """Refuse two texts and a label: this says whether they belong together, or is the class of one of them.

    A column that is called after classes, beside one text of a usual name, is the class of that text; so is one of many classes.
    """
    texts = [c for c in free if plain(c) not in BESIDE and _holds_sentences([row.get(c) for row in head])]
    usual = [c for c in texts if plain(c) in TEXT_NAMES]
    kinds = {str(row.get(category)).strip() for row in head}
    named = plain(category) in NAMED_CLASSES
    recurs = named or _recurs([row.get(category) for row in head])
    if len(texts) < 2 or not recurs or (len(usual) == 1 and (named or len(kinds) > MOST_VERDICTS)):
        return
    shown = f" ({', '.join(sorted(kinds)[:MOST_VERDICTS])})" if len(kinds) <= MOST_VERDICTS else ""
    first, second = _pair_of(texts)
    pair = f"data.columns.anchor={quoted(first)} data.columns.positive={quoted(second)}"
    as_score = f"if {category!r} says whether the two belong together: {pair} data.columns.score={quoted(category)}"
    numbers = all(kind.lstrip("-").replace(".", "", 1).isdigit() for kind in kinds)
    ways = [f"to train on all rows as pairs: {pair}"]
    if numbers or truth_of({plain_word(kind) for kind in kinds}) is not None:
        ways.insert(0, as_score)
    else:
        ways.append(f"to train on the rows of one label alone, write them into a file without {category!r}")
    if named:
        longest = _longest(texts, head)
        class_of_one = f"data.columns.anchor={quoted(longest)} data.columns.category={quoted(category)}"
        ways.append(f"if {category!r} is the class of one text alone, name that text: {class_of_one}")
    what = f"{len(texts)} columns are texts ({show(texts)}), and {category!r} may be a label{shown} of the pair or of one of them"
    raise DataError(what, where=table.place, hint="; ".join(ways))


def _pair_of(texts: Sequence[str]) -> tuple[str, str]:
    """Return two of several columns of texts: the first, and the one that is called after what is found, or the next."""
    found = [c for c in texts[1:] if plain(c) in (*POSITIVE_NAMES, *ANSWER_NAMES)]
    return texts[0], (found or texts[1:])[0]


def _holds_sentences(values: Sequence[object]) -> bool:
    """Tell whether nearly all cells are of some words, and not names or places beside a text."""
    found = sorted(len(value.split()) for value in values if isinstance(value, str) and value.strip())
    return len(found) >= FILLED * len(values) > 0 and found[len(found) // 2] >= FEWEST_WORDS


def _advise(error: DataError, free: Sequence[str], head: Sequence[Mapping[str, object]], table: Table) -> None:
    """Raise the error with the setting that reads texts and classes, where a column could hold classes by what stands in it."""
    texts = [c for c in free if plain(c) not in BESIDE and _holds_texts(row.get(c) for row in head)]
    classes = [c for c in free if c not in texts and plain(c) not in BESIDE and _recurs([row.get(c) for row in head])]
    if classes and len(head) >= FEW_ROWS:
        _refuse_pairs(classes[0], [c for c in free if c != classes[0]], head, table)
    if texts and classes and len(head) >= FEW_ROWS:
        longest = _longest(texts, head)
        setting = f"data.columns.anchor={quoted(longest)} data.columns.category={quoted(classes[0])}"
        hint = f"if {classes[0]!r} is the class of {longest!r}, and texts of one class belong together: {setting}; otherwise "
        raise DataError(error.what, where=error.where, hint=f"{hint}{error.hint}")


def _longest(columns: Sequence[str], head: Sequence[Mapping[str, object]]) -> str:
    return max(columns, key=lambda column: sum(len(str(row.get(column))) for row in head))


def _recurs(values: Sequence[object]) -> bool:
    """Tell whether most values come several times, as classes do."""
    sizes = Counter(str(value).strip() for value in values if isinstance(value, str | int) and str(value).strip())
    total = sum(sizes.values())
    return 2 <= len(sizes) <= total / SHARE and sum(n for n in sizes.values() if n > 1) >= RECURRING * total


def _only(found: Sequence[str]) -> str | None:
    return found[0] if len(found) == 1 else None


def _category(free: Sequence[str], head: Sequence[Mapping[str, object]], table: Table) -> str | None:
    """Return the column of classes by its name; of names for the same classes the one in words."""
    found = [c for c in free if plain(c) in CLASS_NAMES]
    if len(found) < 2:
        return _only(found)
    values = [[row.get(c) for row in head] for c in found]
    pairs = {tuple(map(str, row)) for row in zip(*values, strict=True)}
    if all(len({pair[i] for pair in pairs}) == len(pairs) for i in range(len(found))):
        words = [c for c, cells in zip(found, values, strict=True) if not all(str(cell).lstrip("-").isdigit() for cell in cells)]
        return (words or found)[0]
    if not any(plain(c) in TEXT_NAMES for c in free if c not in found):
        return None
    raise DataError(
        f"{len(found)} columns could be the class of the text: {show(found)}",
        where=table.place,
        hint=f"say which: data.columns.category={found[0]}",
    )


def _text(free: Sequence[str], head: Sequence[Mapping[str, object]], table: Table, category: str, *, clear: bool) -> str | None:
    """Return the column of texts: by its name, or the only one that holds texts; the others are passed over."""
    named = [c for c in free if plain(c) in TEXT_NAMES]
    if len(named) == 1:
        return named[0]
    texts = named or [c for c in free if plain(c) not in BESIDE and _holds_texts(row.get(c) for row in head)]
    if len(texts) == 1:
        return texts[0]
    if texts and clear:
        raise DataError(
            f"{len(texts)} columns could be the text whose class is {category!r}: {show(texts)}",
            where=table.place,
            hint=f"say which: data.columns.anchor={quoted(_longest(texts, head))} data.columns.category={quoted(category)}",
        )
    return None


def _holds_texts(values: Iterable[object]) -> bool:
    found = [isinstance(value, str) and len(value.split()) > 1 for value in values]
    return bool(found) and sum(found) > len(found) / 2


def _may_be_classes(values: Sequence[object]) -> bool:
    """Tell whether the first cells could be classes rather than texts or objects; numbers and blanks are looked at later."""
    texts = [value.strip() for value in values if isinstance(value, str) and value.strip()]
    long = sum(len(text) > LONGEST_CLASS or len(text.split()) > MOST_WORDS for text in texts)
    objects = sum(isinstance(value, dict) for value in values)
    return 2 * long <= len(texts) and 2 * objects <= len(values)


def class_of(value: object, where: str) -> str:
    """Return the class in a cell. Raises `DataError` where there is none, or no class."""
    if value is None or (isinstance(value, float) and math.isnan(value)) or not str(value).strip():
        raise DataError("the class is missing", where=where, hint=f"give the class, or {DROP_HINT}")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, float) or (isinstance(value, str) and _is_fraction(value)):
        raise DataError(
            f"{excerpt(value)} is a number between whole ones, not a class",
            where=where,
            hint="write classes as words or whole numbers; similarities need two texts in each row (sentence1, sentence2, score)",
        )
    if isinstance(value, list) and len(value) == 1:
        return class_of(value[0], where)
    if isinstance(value, list):
        what = f"{len(value)} classes in one row: which texts belong together?"
        raise DataError(what, where=where, hint=f"give one class per row, or {DROP_HINT}")
    if not isinstance(value, str | int):
        raise DataError(f"the class is of type {type(value).__name__}", where=where, hint="give one class per row, as a word")
    return str(value).strip()


def quoted(name: str) -> str:
    """Return a name as a shell takes it for one word."""
    return shlex.quote(name)


def _is_fraction(text: str) -> bool:
    try:
        return not float(text).is_integer() and math.isfinite(float(text))
    except (ValueError, OverflowError):
        return False


def check_classes(sizes: Counter[str], column: str, where: str) -> None:
    """Refuse classes from which nothing can be learnt.

    Args:
        sizes: distinct texts by class.
        column: that holds the classes.
        where: place for the message.
    """
    total, single = sum(sizes.values()), sum(size == 1 for size in sizes.values())
    place = f'{where}, column "{column}"'
    other = "name the columns of two texts that belong together instead: data.columns.anchor=NAME data.columns.positive=NAME"
    if len(sizes) == 1:
        what = f"all {total:,} texts have one class, {excerpt(next(iter(sizes)))}: there is no other to tell it from"
        raise DataError(what, where=place, hint=f"add texts of other classes; or {other}")
    if total - single < RECURRING * total:
        what = f"{single:,} of {len(sizes):,} classes have one text alone: what belongs together cannot be learnt from these"
        raise DataError(what, where=place, hint=f"name the column of the classes: data.columns.category=NAME; or {other}")
