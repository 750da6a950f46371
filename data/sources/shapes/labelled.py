"""Lists of objects that say whether each belongs to the query, as MS MARCO's `is_selected` and others' `is_supporting` do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from data.errors import DataError
from data.sources.columns.column_roles import ANSWER_NAMES, NEGATIVE, POSITIVE_NAMES, last_part, plain
from data.sources.columns.score_range import DROP_HINT
from data.sources.shapes.form import Look, Where
from data.sources.shapes.passages import TITLE, joined, text_key

VERDICTS = frozenset(
    {
        *("isselected", "selected", "issupporting", "supporting", "label", "labels", "relevance", "relevant", "isrelevant"),
        *("relevancelabel", "relevancescore", "gold", "isgold", "isanswer", "ispositive", "positive", "hasanswer", "correct"),
        *("iscorrect", "grade", "qrel", "match", "ismatch"),
    }
)
"""Keys by which an object says whether, or how well, it belongs to the query, as `plain` gives them."""
SCORES = frozenset({"score"})
"""Keys that do so where they hold 0 and 1; otherwise they are what a search gave."""
LISTS = frozenset(
    {
        *("passages", "documents", "docs", "contexts", "ctxs", "paragraphs", "candidates", "answers", "results", "chunks"),
        *("texts", "responses", "products", "hits"),
    }
)
"""Columns of such lists that have no other name for a text to find."""
TRUE, FALSE = frozenset({"1", "1.0", "true", "yes"}), frozenset({"0", "0.0", "false", "no"})
ROW = '"positive": ["…"], "negative": ["…"]'


@dataclass(frozen=True)
class Item:
    """One object of a list: its text, with its title, and its verdict."""

    text: object
    verdict: object


@dataclass(frozen=True)
class Keys:
    """The keys of the objects that are read."""

    text: str
    verdict: str


class LabelledShape:
    """The objects of one column as positives and negatives."""

    def __init__(self, look: Look, column: str, keys: Keys, unused: Sequence[str]) -> None:
        self.column, self.keys = column, keys
        path = f"{column}.{keys.text}"
        is_named = column in look.named or plain(last_part(column)) in {*POSITIVE_NAMES, *ANSWER_NAMES}
        self.positive = path if path in look.named else column if is_named else "positive"
        self.negative = next(name for name in ("negative", *(f"negative_{i}" for i in range(2, 99))) if name not in look.columns)
        self.others = [c for c in look.columns if c not in (column, self.positive)]
        self.identity = f"labelled {column} {keys}"
        note = f'"{column}": objects with {keys.verdict!r} 1 are positives, those with 0 negatives ({keys.text} is the text)'
        self.notes = [note + (f"; not used: {', '.join(map(repr, unused))}" if unused else "")]

    def columns(self) -> list[str]:
        """Return the names of the positives and negatives, and the other columns."""
        return [*self.others, self.positive, self.negative]

    def raw(self, columns: Sequence[str]) -> list[str]:
        """Return the column of the lists, and the others that are wanted."""
        return [self.column, *(c for c in columns if c in self.others)]

    def flat(self, values: Mapping[str, object], where: Where) -> Mapping[str, object]:
        """Return the texts by what is said of them."""
        found: dict[str, object] = {c: values[c] for c in self.others if c in values}
        cell, place = values.get(self.column), where(self.column)
        if cell in (None, "", []):
            return {**found, self.positive: None, self.negative: None}
        texts: dict[bool, list[object]] = {True: [], False: []}
        for number, item in enumerate(_items(cell, self.keys, place), start=1):
            truth = _truth(item.verdict)
            if truth is None:
                what = f"{self.keys.verdict!r} is {str(item.verdict)[:60]!r}, neither 0 nor 1 as in the first rows"
                raise DataError(what, where=f"{place}, item {number}", hint=f"write 1 or 0 for each, or {DROP_HINT}")
            texts[truth].append(item.text)
        if not texts[True]:
            what = f"none of the {len(texts[False]):,} objects has {self.keys.verdict!r} 1: there is no text to find"
            raise DataError(what, where=place, hint=f"label one with 1, or {DROP_HINT}")
        return {**found, self.positive: texts[True], self.negative: texts[False] or None}


def _items(cell: object, keys: Keys, place: str = "") -> Iterator[Item]:
    """Yield the objects of a list, or of an object of lists, as the datasets library gives a list of objects."""
    if isinstance(cell, Mapping) and isinstance(cell.get(keys.text), list):
        length = len(cell[keys.text])
        columns = {key: list(value) for key, value in cell.items() if isinstance(value, list) and len(value) == length}
        cell = [{key: value[i] for key, value in columns.items()} for i in range(length)]
    for number, item in enumerate(cell if isinstance(cell, list) else [cell], start=1):
        if isinstance(item, Mapping):
            yield Item(joined(item.get(TITLE), item.get(keys.text), f"{place}, item {number}"), item.get(keys.verdict))
        else:
            yield Item(item, None)


def _truth(verdict: object) -> bool | None:
    word = str(verdict).strip().lower()
    return True if word in TRUE else False if word in FALSE else None


def find(look: Look) -> LabelledShape | None:
    """Return how objects with verdicts are read.

    Raises:
        DataError: they are grades or classes, or say the opposite of the name of their column.
    """
    for column in look.columns:
        name = plain(last_part(column))
        if NEGATIVE.fullmatch(name) or not (name in {*POSITIVE_NAMES, *ANSWER_NAMES, *LISTS} or column in look.named):
            continue
        samples = [sample for _, cell in look.cells(column) if (sample := _sample(cell)) is not None]
        text = text_key(samples)
        verdict = None if text is None else _verdict(samples)
        if text is None or verdict is None or (name in LISTS and column not in look.named and look.is_enough_without([column])):
            continue
        keys = Keys(text, verdict)
        if _is_read(look, column, keys):
            unused = [key for key in samples[0] if key not in (text, verdict, TITLE)]
            return LabelledShape(look, column, keys, unused[:5])
    return None


def _sample(cell: object) -> Mapping[str, object] | None:
    item = cell[0] if isinstance(cell, list) and cell else cell
    return item if isinstance(item, Mapping) and item else None


def _verdict(samples: Sequence[Mapping[str, object]]) -> str | None:
    """Return the key by which the objects say whether they belong to the query."""
    shared = [key for key in samples[0] if all(key in sample for sample in samples)]
    return next((key for names in (VERDICTS, SCORES) for key in shared if plain(str(key)) in names), None)


def _is_read(look: Look, column: str, keys: Keys) -> bool:
    """Tell whether some objects are positives and others negatives; False where the verdicts say nothing."""
    items = [item for _, cell in look.cells(column) for item in _items(cell, keys)]
    truths = {_truth(item.verdict) for item in items}
    if truths == {True}:
        return False
    shown = sorted({str(item.verdict)[:30] for item in items})
    where = look.table.where(look.cells(column)[0][0], column)
    says_positive = plain(last_part(column)).startswith("pos")
    if None in truths:
        few = len(shown) <= 10 and len(items) > len(shown)
        if plain(keys.verdict) in SCORES or says_positive or not few or len(shown) == 1:
            return False
        what = f"the objects have {keys.verdict!r} ({', '.join(shown)}): from which on one is a text to find cannot be known"
        raise DataError(what, where=where, hint=f"write 1 or 0 there, or give the texts as {ROW}")
    if says_positive and plain(keys.verdict) in SCORES:
        return False
    if says_positive or truths == {False}:
        what = f"objects with {keys.verdict!r} {shown[0]} are no texts to find, but stand in {column!r}"
        raise DataError(what, where=where, hint=f"leave them out, or give the texts as {ROW}")
    return True
