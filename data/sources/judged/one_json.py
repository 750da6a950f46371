"""Queries, corpus and judgements in one JSON file, as LlamaIndex and others write them.

{"queries": {"q1": "..."}, "corpus": {"d1": "..."}, "relevant_docs": {"q1": ["d1"]}}. Texts may also be objects, or lists of
objects with an id each; judgements may have grades ({"q1": {"d1": 2}}) or be objects with the two ids.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from data.errors import DataError
from data.schema import UNSPLIT
from data.sources.compressed import kind_of
from data.sources.judged.by_query import PartJudgements
from data.sources.judged.folder import Layout, words_of
from data.sources.readers import lines
from data.sources.rows import SPLIT_ALIASES
from data.sources.text_tables import TextTable, text_table

QUERIES = ("queries", "questions")
CORPUS = ("corpus", "documents", "docs", "passages")
RELEVANT = ("relevant_docs", "qrels", "relevant", "judgements", "judgments", "relevance")
"""Keys of the file, the usual one first."""

BEGINNING = 4096
FIRST_KEY = re.compile(r'\s*\{\s*"(\w+)"\s*:\s*[{\[]')
SHAPE = '{"queries": {"q1": "..."}, "corpus": {"d1": "..."}, "relevant_docs": {"q1": ["d1"]}}'


def json_layout(path: Path) -> Layout | None:
    """Return the parts of a JSON file; None for any other file.

    Raises:
        DataError: it has some of the parts, but not all, or one of them is not as it should be.
    """
    if kind_of(path) != ".json" or not _may_be_one(path):
        return None
    try:
        content = json.loads("".join(text for _, text in lines(path, str(path))))
    except (ValueError, RecursionError):
        return None  # its reader says where it is broken
    if not isinstance(content, dict):
        return None
    keys = [next((key for key in names if key in content), None) for names in (QUERIES, CORPUS, RELEVANT)]
    queries, corpus, relevant = keys
    if sum(key is not None for key in keys) < 2:
        return None
    if queries is None or corpus is None or relevant is None:
        missing = next(names[0] for names, key in zip((QUERIES, CORPUS, RELEVANT), keys, strict=True) if key is None)
        raise DataError(
            f"no key {missing!r}; keys found: {', '.join(map(repr, content))}", where=str(path), hint=f"write {SHAPE}"
        )
    notes = [f"{path.name}: queries from {queries!r}, documents from {corpus!r}, judgements from {relevant!r}"]
    texts = [text_table(PartTable(path, key, content[key]), key == queries) for key in (corpus, queries)]
    return Layout(texts[0], [texts[1]], {UNSPLIT: PartJudgements(path, relevant, content[relevant])}, notes)


def json_layouts(folder: Path) -> Layout | None:
    """Return the parts of several such files, each of a split (train.json, val.json); None where a folder has no such files.

    Raises:
        DataError: two of them have one id for different texts.
    """
    files = {path: split for path in sorted(folder.glob("*.json")) if (split := _split_of(path)) is not None}
    found = {path: layout for path in files if (layout := json_layout(path)) is not None}
    if not found or len(found) != len(set(files.values())):
        return None
    first = next(iter(found))
    corpus = PartTable(first, "corpus", _merged([layout.corpus for layout in found.values()], folder))
    queries = [table for layout in found.values() for table in layout.queries]
    qrels = {files[path]: layout.qrels[UNSPLIT] for path, layout in found.items()}
    return Layout(text_table(corpus), queries, qrels, [note for layout in found.values() for note in layout.notes])


def _merged(tables: Sequence[TextTable], folder: Path) -> dict[str, dict[str, str]]:
    merged: dict[str, dict[str, str]] = {}
    for table in tables:
        for _, identity, title, text in table.records():
            found = {"title": title, "text": text}
            if merged.setdefault(identity, found) != found:
                hint = "give the documents of each file ids of their own"
                raise DataError(f"the document id {identity[:60]!r} stands for different texts", where=str(folder), hint=hint)
    return merged


def _split_of(path: Path) -> str | None:
    splits = {SPLIT_ALIASES[word] for word in words_of(path) if word in SPLIT_ALIASES}
    return splits.pop() if len(splits) == 1 else None


def _may_be_one(path: Path) -> bool:
    """Tell from its beginning whether a file may hold all parts: others are not read twice."""
    beginning = ""
    for _, text in lines(path, str(path)):
        beginning += text[:BEGINNING]
        if len(beginning) >= BEGINNING:
            break
    found = FIRST_KEY.match(beginning)
    return found is not None and (found[1] in (*QUERIES, *CORPUS, *RELEVANT))


class PartTable:
    """The queries or the corpus of such a file."""

    def __init__(self, path: Path, key: str, part: object) -> None:
        self.shown, self.place, self.key = f"{key} of {path.name}", str(path), key
        self.notes: list[str] = []
        self.on_bad: Callable[[DataError], None] | None = None
        self.part = list(self._objects(part))
        if not self.part:
            raise DataError(f"{key!r} is empty", where=str(path), hint=f"write {SHAPE}")

    def _objects(self, part: object) -> Iterator[Mapping[str, object]]:
        if isinstance(part, dict):
            for identity, text in part.items():
                yield {**text, "_id": identity} if isinstance(text, dict) else {"_id": identity, "text": text}
        elif isinstance(part, list) and all(isinstance(one, dict) for one in part):
            yield from part
        else:
            raise DataError(f"{self.key!r} is neither an object of texts nor a list", where=self.place, hint=f"write {SHAPE}")

    def columns(self) -> list[str]:
        """Return the keys."""
        return list(dict.fromkeys(key for one in self.part for key in one))

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, object]]]:
        """Yield the texts, numbered from 1."""
        yield from enumerate(self.part, start=1)

    def where(self, number: int, column: str | None = None) -> str:
        """Return the place of a text for a message."""
        return f"{self.place}, {self.key!r}, number {number}" + ("" if column is None else f', key "{column}"')

    def digest(self) -> bytes:
        """Return nothing: the file is hashed as a whole."""
        return b""
