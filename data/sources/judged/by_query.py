"""Judgements in JSON by query: {"q1": ["d1", "d2"]} or {"q1": {"d1": 2}}; or a list of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from data.errors import DataError
from data.sources.columns.score_range import parse_score
from data.sources.compressed import kind_of
from data.sources.joins.looks import cell, cells
from data.sources.judged.judgements import DOCUMENT_NAMES, GRADE_NAMES, QUERY_NAMES, Judgement, Judgements
from data.sources.readers import lines


def open_judgements(path: Path, shown: str) -> Judgements | PartJudgements:
    """Open a file of judgements of any form. Raises `DataError` where the form is not known."""
    if kind_of(path) == ".json":
        try:
            content = json.loads("".join(text for _, text in lines(path, str(path))))
        except (ValueError, RecursionError):
            content = None  # its reader says where it is broken
        if isinstance(content, dict) and content and all(isinstance(one, list | dict) for one in content.values()):
            return PartJudgements(path, None, content, shown)
    return Judgements(path, shown)


class PartJudgements:
    """Judgements out of JSON; `key` is where they stand in the file, None where they are all of it."""

    def __init__(self, path: Path, key: str | None, part: object, shown: str | None = None) -> None:
        self.path, self.shown, self.part = path, shown or path.name, part
        self.place = str(path) if key is None else f"{path}, {key!r}"
        self.notes = [] if key else [f"{self.shown}: judgements by query"]

    def where(self, number: int) -> str:
        """Return the place of a judgement for a message."""
        return f"{self.place}, number {number}"

    def rows(self) -> Iterator[Judgement]:
        """Yield each judgement, numbered from 1."""
        if isinstance(self.part, dict):
            yield from ((number, *judged) for number, judged in enumerate(self._by_query(self.part), start=1))
        elif isinstance(self.part, list):
            for number, one in enumerate(self.part, start=1):
                yield self._listed(number, one)
        else:
            raise self._shape()

    def _by_query(self, part: Mapping[str, object]) -> Iterator[tuple[str, str, float]]:
        for query, documents in part.items():
            if isinstance(documents, dict):
                for document, grade in documents.items():
                    yield query, document, parse_score(grade, f"{self.place}, query {query[:60]!r}")
            elif found := cells(documents):
                for document in found:
                    yield query, document, 1.0
            elif documents != []:
                raise self._shape(f"query {query[:60]!r}")

    def _listed(self, number: int, one: object) -> Judgement:
        """Return a judgement out of a list of them: an object, or query, document and perhaps grade."""
        if isinstance(one, dict):
            named = {re.sub(r"[\W_]+", "", key).casefold(): value for key, value in one.items()}
            found = [next((named[n] for n in names if n in named), None) for names in (QUERY_NAMES, DOCUMENT_NAMES, GRADE_NAMES)]
        elif isinstance(one, list) and len(one) in (2, 3):
            found = [*one, None][:3]
        else:
            raise self._shape(f"number {number}")
        query, document = cell(found[0]), cell(found[1])
        if not query or not document:
            raise self._shape(f"number {number}")
        return number, query, document, 1.0 if found[2] is None else parse_score(found[2], self.where(number))

    def _shape(self, part: str = "") -> DataError:
        where = f"{self.place}, {part}" if part else self.place
        return DataError(
            "this does not say which documents belong to which query", where=where, hint='write {"q1": ["d1", "d2"]}'
        )
