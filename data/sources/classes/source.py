"""Texts with a class each as judged queries: some texts of each class are the documents, which belong to all others of the class.

So a text is a query or a document, never both, and queries are split: no text is on two sides. As all documents of its class are
judged to belong to a query, none of them is taken for a negative of it in training.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from data.errors import DataError
from data.schema import SPLITS, UNSPLIT, Document, Recognised, RowId, RowKind, make_example, text_id
from data.sources.cells import clean_text, group_of
from data.sources.classes.columns import ClassColumns, check_classes, class_columns, class_of
from data.sources.columns.clicks import mention_clicks
from data.sources.columns.score_range import excerpt
from data.sources.options import refuse_options
from data.sources.rows import MAX_DROPPED_EXAMPLES, ROWS_VERSION, SPLIT_ALIASES, TableSource
from data.sources.shapes import shaped_tables
from data.sources.table import Table
from data.spec import BadRows, DatasetSpec

if TYPE_CHECKING:
    from sentence_transformers import InputExample

DOCUMENTS, FEWEST_DOCUMENTS = 20, 5
"""Documents of a class at most (as many as BANKING77 has as a data set of retrieval); where there are very many rows, fewer."""
SHARE = 3
"""At most one of so many texts of a class is a document."""
ENOUGH_DOCUMENTS = 200
"""Documents of all classes together that are kept, also where there are very many rows."""
MOST_ROWS = 200_000
"""Rows of train that are made; where there would be more, documents of a class are fewer, and then queries."""
SALT = "class"
"""Of the hash that chooses documents."""
SHOWN = 3

Tables = Sequence[tuple[str, Table]]


def open_tables(name: str, location: str, tables: Tables, spec: DatasetSpec, notes: Sequence[str]) -> ClassSource | TableSource:
    """Return the source of tables: of texts with classes where the rows are such, otherwise of pairs or scored pairs."""
    found = class_source(name, location, tables, spec, notes)
    return mention_clicks(TableSource(name, location, tables, spec, notes)) if found is None else found


def class_source(name: str, location: str, tables: Tables, spec: DatasetSpec, notes: Sequence[str]) -> ClassSource | None:
    """Return the source of rows that are a text and its class; None for other rows.

    Raises:
        DataError: see `class_columns` and `check_classes`.
    """
    try:
        shaped, shape_notes = shaped_tables(tables, spec.columns, written=not spec.literal)
    except DataError:
        return None  # it is reported where the rows are read
    columns = class_columns([table for _, table in shaped], spec.columns)
    if columns is None:
        return None
    refuse_options(spec, "texts with classes", ("score_range",))
    return ClassSource(name, location, shaped, spec, columns, [*notes, *shape_notes])


@dataclass
class _Text:
    """One text: the row where it stands first, its split, group and classes."""

    table: int
    number: int
    split: str
    group: str
    classes: tuple[str, ...]


class ClassSource:
    """Each query with each document of its class. `bad_rows: drop` leaves out texts without a class, and counts them."""

    def __init__(
        self, name: str, location: str, tables: Tables, spec: DatasetSpec, columns: ClassColumns, notes: Sequence[str]
    ) -> None:
        self.name, self.location, self.spec, self.columns = name, location, spec, columns
        self.tables = list(tables)
        self.dropped: dict[str, int] = {}
        self.dropped_examples: dict[str, list[str]] = {}
        self._lost: list[str] = []
        self.by_column = columns.split is not None and tables[0][0] == UNSPLIT
        found = self._read()
        sizes = Counter(one for text in found.values() for one in text.classes)
        check_classes(sizes, columns.category, location)
        self._splits = tuple(split for split in (*SPLITS, UNSPLIT) if any(text.split == split for text in found.values()))
        self.of_class = self._choose(found)
        documents = {key for keys in self.of_class.values() for key in keys}
        queries = {k: t for k, t in found.items() if k not in documents and any(c in self.of_class for c in t.classes)}
        asked = self._capped(queries)
        self._queries = {split: [(k, t) for k, t in asked.items() if t.split == split] for split in self._splits}
        self._texts = self._gather({*documents, *asked}, found)
        self.recognised = Recognised(
            RowKind.PAIR,
            {"anchor": [columns.text], "positive": [columns.text], "class": [columns.category]},
            columns.ignored,
            notes=(*notes, *(n for _, table in self.tables for n in table.notes), *self._notes(sizes, found, queries, asked)),
        )

    def _notes(
        self, sizes: Counter[str], found: Mapping[str, _Text], queries: Mapping[str, _Text], asked: Mapping[str, _Text]
    ) -> Iterator[str]:
        columns = self.columns
        documents = len({key for keys in self.of_class.values() for key in keys})  # one text may be of several classes
        some = ", ".join(excerpt(one) for one, _ in sizes.most_common(SHOWN)) + (", …" if len(sizes) > SHOWN else "")
        yield (
            f"read as texts with a class each: {len(sizes):,} classes in {columns.category!r} ({some}), {len(found):,} texts;"
            " texts of one class belong together"
        )
        most = max(len(keys) for keys in self.of_class.values())
        yield (
            f"{documents:,} texts, at most {most} a class, chosen by hash, are the documents to find; the {len(queries):,} others"
            " are queries, to which all documents of their class are relevant"
        )
        if len(asked) < len(queries):
            yield f"of these queries {len(asked):,} are used, chosen by hash: more would teach little"
        if several := sum(len(text.classes) > 1 for text in found.values()):
            yield f"texts with several classes: {several:,}"
        if (left := len(found) - documents - len(queries)) > 0:
            yield f"texts left out, since no other text of their class could be a document: {left:,}"

    def _read(self) -> dict[str, _Text]:
        """Read all rows: each text once, with all of its classes, in the last of train, dev and test that has it."""
        found: dict[str, _Text] = {}
        for place, (table_split, table) in enumerate(self.tables):
            table.on_bad = self._bad
            for number, values in table.rows(self.columns.used()):
                try:
                    key, text = self._text(place, table_split, table, number, values)
                except DataError as error:
                    self._bad(error)
                    continue
                before = found.get(key)
                if before is None:
                    found[key] = text
                else:
                    before.classes = tuple(dict.fromkeys((*before.classes, *text.classes)))
                    before.split = max(before.split, text.split, key=(*SPLITS, UNSPLIT).index)
        if not found:
            what = f"every row was left out, for instance: {'; '.join(self._lost[:SHOWN])}" if self._lost else "no rows"
            raise DataError(what, where=self.location, hint="give rows with a text and its class")
        return found

    def _text(self, place: int, split: str, table: Table, number: int, values: Mapping[str, object]) -> tuple[str, _Text]:
        columns = self.columns
        text = clean_text(values.get(columns.text), table.where(number, columns.text))
        category = class_of(values.get(columns.category), table.where(number, columns.category))
        group = "" if columns.group is None else group_of(values.get(columns.group), table.where(number, columns.group))
        if self.by_column and columns.split is not None:
            value = values.get(columns.split)
            known = SPLIT_ALIASES.get(str(value).strip().lower())
            if known is None:
                hint = "write train, dev (or validation) or test in every row, or rename the column, so that new splits are made"
                raise DataError(f"{excerpt(value)} is not a split", where=table.where(number, columns.split), hint=hint)
            split = known
        return text_id(text), _Text(place, number, split, group, (category,))

    def _bad(self, error: DataError) -> None:
        if self.spec.bad_rows == BadRows.FAIL:
            raise error
        self._lost.append(f"{(error.where or '').removeprefix(f'{self.location}/')}: {error.plain}")

    def _choose(self, found: Mapping[str, _Text]) -> dict[str, list[str]]:
        """Return the documents of each class: texts of train (or of the only split), the first by hash."""
        base = "train" if "train" in self._splits else self._splits[-1]
        members: dict[str, list[str]] = {}
        for key, text in found.items():
            if text.split == base:
                for one in text.classes:
                    members.setdefault(one, []).append(key)
        number = sum(map(len, members.values()))
        most = max(FEWEST_DOCUMENTS, -(-ENOUGH_DOCUMENTS // max(len(members), 1)), MOST_ROWS // max(number, 1))
        others = {one for text in found.values() if text.split != base for one in text.classes}
        chosen = {}
        for one, keys in members.items():
            # a class that only other splits ask for may be all documents; otherwise a query must be left
            room = len(keys) if one in others and len(keys) == 1 else len(keys) - 1
            count = min(DOCUMENTS, most, max(1, len(keys) // SHARE), room)
            if count:
                chosen[one] = sorted(keys, key=_drawn)[:count]
        return chosen

    def _capped(self, queries: Mapping[str, _Text]) -> dict[str, _Text]:
        """Return the queries; of those of train at most as many as `MOST_ROWS` allows."""
        given = {key for key, text in queries.items() if text.split in ("dev", "test")}
        rest = sorted((key for key in queries if key not in given), key=_drawn)
        rows = sum(len(self._relevant(queries[key])) for key in rest)
        kept = given | set(rest if rows <= MOST_ROWS else rest[: len(rest) * MOST_ROWS // rows])
        return {key: text for key, text in queries.items() if key in kept}

    def _relevant(self, text: _Text) -> list[str]:
        """Return the documents of a text's classes, each once."""
        return list(dict.fromkeys(key for one in text.classes for key in self.of_class.get(one, ())))

    def _gather(self, wanted: set[str], found: Mapping[str, _Text]) -> dict[str, str]:
        """Read the texts that are used; they are not kept in the first pass, since most of very many are not."""
        places = {(text.table, text.number): key for key, text in found.items() if key in wanted}
        texts: dict[str, str] = {}
        for place, (_, table) in enumerate(self.tables):
            table.on_bad = lambda error: None
            for number, values in table.rows(self.columns.used()):
                if (key := places.get((place, number))) is not None:
                    texts[key] = str(values[self.columns.text]).strip()
        return texts

    def splits(self) -> tuple[str, ...]:
        """Return those that have texts."""
        return tuple(split for split in self._splits if self._queries[split])

    def examples(self, split: str) -> Iterator[InputExample]:
        """Yield each query of a split with each document of its class, in the order of the rows."""
        first = split == self.splits()[0]
        self.dropped[split] = len(self._lost) if first else 0
        self.dropped_examples[split] = self._lost[:MAX_DROPPED_EXAMPLES] if first else []
        for key, text in self._queries[split]:
            row = f"{self.tables[text.table][1].shown}:{text.number}"
            for i, document in enumerate(self._relevant(text), start=1):
                identity = RowId(row if i == 1 else f"{row}#{i}", key, document, text.group)
                yield make_example(identity, [self._texts[key], self._texts[document]])

    def documents(self) -> Iterator[Document]:
        """Yield the documents of all classes, each once."""
        for key in dict.fromkeys(key for keys in self.of_class.values() for key in keys):
            yield Document(key, self._texts[key])

    def fingerprint(self) -> str:
        """See `Source`."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        """SHA-256 over the files' content and names, and the options that change the rows."""
        options = [ROWS_VERSION, SALT, DOCUMENTS, MOST_ROWS, self.spec.columns.model_dump(), self.spec.bad_rows]
        digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
        for split, table in self.tables:
            digest.update(f"\0{split}\0{table.shown}\0".encode("utf-8", "surrogatepass"))
            digest.update(table.digest())
        return digest.hexdigest()


def _drawn(key: str) -> str:
    """Return the place of a text in the order of drawing."""
    return hashlib.sha256(f"{SALT} {key}".encode()).hexdigest()
