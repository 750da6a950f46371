"""A BEIR folder: corpus.jsonl, queries.jsonl and qrels/{train,dev,test}.tsv (https://github.com/beir-cellar/beir).

Where hard_negatives/ lies beside the qrels, its rows join those of train (see `beir_negatives`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import DataError
from data.schema import SPLITS, Document, Recognised, RowId, RowKind, make_example
from data.sources.beir_negatives import Judgement, find_negatives
from data.sources.cells import clean_text
from data.sources.readers import JsonLinesReader, lines, readable
from data.sources.rows import MAX_DROPPED_EXAMPLES, ROWS_VERSION, SPLIT_ALIASES
from data.sources.score_range import parse_score
from data.spec import BadRows, DatasetSpec

if TYPE_CHECKING:
    from sentence_transformers import InputExample

QRELS_HEADER = "query-id, corpus-id, score, separated by tabs"
QRELS_CELLS = 3


def is_beir(path: Path) -> bool:
    """Tell whether `path` is a BEIR folder."""
    return (path / "corpus.jsonl").is_file() and (path / "queries.jsonl").is_file() and (path / "qrels").is_dir()


class _EmptyText(DataError):
    """A judged query or document without a text."""


class BeirSource:
    """Judged queries over a corpus. One example a positive judgement, its label is the grade; hard negatives stand behind it.

    Judgements of empty texts are left out of train and counted; in dev and test they are errors, unless `bad_rows` is
    "drop". The corpus keeps its empty documents, as BEIR does.
    """

    def __init__(self, path: Path, name: str, spec: DatasetSpec) -> None:
        self.path, self.name, self.location, self.spec = path, name, str(path), spec
        self.dropped: dict[str, int] = {}
        self.dropped_examples: dict[str, list[str]] = {}
        notes: list[str] = []
        self.qrels = self._find_qrels(notes)
        self.negatives = find_negatives(path, self.qrels, self._judgements, notes)
        if empty := self._check_corpus():
            notes.append(f"empty documents in the corpus: {empty}")
        grades = sorted(self._shown(p) for p in self.qrels.values())
        roles = {"anchor": ["queries.jsonl"], "positive": ["corpus.jsonl"], "grade": grades}
        if self.negatives is not None:
            roles["negative"] = sorted(self._shown(p) for p in self.negatives.files.values())
        kind = RowKind.PAIR if self.negatives is None else RowKind.TUPLE
        self.recognised = Recognised(kind, roles, notes=("BEIR folder", *notes))

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def _place(self, file: str, number: int | None = None) -> str:
        return str(self.path / file) + ("" if number is None else f", line {number}")

    def _find_qrels(self, notes: list[str]) -> dict[str, Path]:
        with readable(self.path / "qrels", str(self.path / "qrels")):
            files = sorted(p for p in (self.path / "qrels").iterdir() if p.suffix == ".tsv")
        found: dict[str, Path] = {}
        for file in files:
            split = SPLIT_ALIASES.get(file.stem.lower())
            if split is None:
                notes.append(f"{self._shown(file)} is not used (not named train, dev or test)")
            elif split in found:
                what = f"two files for {split}: {found[split].name} and {file.name}"
                raise DataError(what, where=str(file.parent), hint="keep one of them")
            else:
                found[split] = file
        if not found:
            raise DataError("no judgements", where=str(self.path / "qrels"), hint="add train.tsv, dev.tsv or test.tsv there")
        return found

    def _check_corpus(self) -> int:
        """Count the empty documents. Raises `DataError` where an id occurs twice."""
        seen: set[str] = set()
        empty = 0
        for number, document in self._numbered_documents():
            if document.id in seen:
                where = self._place("corpus.jsonl", number)
                hint = "give each its own _id, or remove the repeated line"
                raise DataError(f"the document id {document.id[:60]!r} occurs twice", where=where, hint=hint)
            seen.add(document.id)
            empty += not document.text
        if not seen:
            hint = 'add lines {"_id": "...", "text": "..."}'
            raise DataError("the corpus is empty", where=self._place("corpus.jsonl"), hint=hint)
        return empty

    def splits(self) -> tuple[str, ...]:
        """Return the splits that have judgements."""
        return tuple(s for s in SPLITS if s in self.qrels)

    def _records(self, file: str) -> Iterator[tuple[int, str, str, str]]:
        """Yield the line, id, title and text of each line of corpus.jsonl or queries.jsonl."""
        reader = JsonLinesReader(self.path / file, file)
        for number, values in reader.rows(()):
            identity = values.get("_id")
            if isinstance(identity, bool) or not isinstance(identity, str | int) or identity == "":
                raise DataError("no _id", where=reader.where(number), hint='write {"_id": "...", "text": "..."}')
            parts = []
            for key in ("title", "text"):
                value = values.get(key)
                if value is not None and not isinstance(value, str):
                    what = f"{key} is of type {type(value).__name__}, not a text"
                    raise DataError(what, where=reader.where(number, key), hint="put it in quotes")
                parts.append((value or "").strip())
            yield number, str(identity), parts[0], parts[1]

    def _numbered_documents(self) -> Iterator[tuple[int, Document]]:
        for number, identity, title, text in self._records("corpus.jsonl"):
            joined = f"{title} {text}".strip()
            if joined:
                clean_text(joined, self._place("corpus.jsonl", number))
            yield number, Document(identity, joined)

    def documents(self) -> Iterator[Document]:
        """Return the whole corpus. The text is "title text" (BEIR's convention); empty documents stay, as in BEIR."""
        for _, document in self._numbered_documents():
            yield document

    def _queries(self, wanted: set[str]) -> dict[str, str]:
        """Return the texts of the wanted queries. Raises `DataError` where an id occurs twice."""
        texts: dict[str, str] = {}
        seen: set[str] = set()
        for number, identity, _, text in self._records("queries.jsonl"):
            if identity in seen:
                where = self._place("queries.jsonl", number)
                hint = "give each its own _id, or remove the repeated line"
                raise DataError(f"the query id {identity[:60]!r} occurs twice", where=where, hint=hint)
            seen.add(identity)
            if identity in wanted:
                texts[identity] = text
        return texts

    def _judgements(self, path: Path) -> Iterator[Judgement]:
        """Yield each judgement of a file of them, those of grade 0 too."""
        shown = self._shown(path)
        header = True
        for number, text in lines(path, str(path)):
            if not text.strip():
                continue
            cells = [cell.strip() for cell in text.rstrip("\r\n").split("\t")]
            where = self._place(shown, number)
            if len(cells) != QRELS_CELLS:
                hint = f"write three columns: {QRELS_HEADER}"
                found = f"{len(cells)} columns separated by tabs" if len(cells) > 1 else "no tab in the line"
                raise DataError(f"{found}, where three columns are expected", where=where, hint=hint)
            if header:
                header = False
                if _is_number(cells[2]):
                    raise DataError("the header is missing", where=where, hint=f"add a first line: {QRELS_HEADER}")
                continue
            yield number, cells[0], cells[1], parse_score(cells[2], f'{where}, column "score"')

    def examples(self, split: str) -> Iterator[InputExample]:
        """Yield one example a judgement with a grade above 0, in the order of the qrels file."""
        self.dropped[split], self.dropped_examples[split] = 0, []
        shown = self._shown(self.qrels[split])
        judged = [j for j in self._judgements(self.qrels[split]) if j[3] > 0]
        if not judged:
            where = self._place(shown)
            raise DataError("no judgement has a score above 0", where=where, hint="add judgements, or remove the file")
        queries = self._queries({j[1] for j in judged})
        negatives = {} if self.negatives is None else self.negatives.of[split]
        wanted = {j[2] for j in judged} | {document for listed in negatives.values() for document in listed}
        texts = {document.id: document.text for document in self.documents() if document.id in wanted}
        for number, query, document, grade in judged:
            where = self._place(shown, number)
            try:
                pair = [
                    self._looked_up(queries, query, "query", "queries.jsonl", where),
                    self._looked_up(texts, document, "document", "corpus.jsonl", where),
                    *(self._looked_up(texts, one, "hard negative", "corpus.jsonl", where) for one in negatives.get(query, ())),
                ]
            except _EmptyText as error:
                # An empty text teaches nothing and well-known data sets have some; what is measured is not changed unasked.
                if self.spec.bad_rows == BadRows.FAIL and split != "train":
                    raise
                self._drop(split, error)
            except DataError as error:
                if self.spec.bad_rows == BadRows.FAIL:
                    raise
                self._drop(split, error)
            else:
                yield make_example(RowId(f"{shown}:{number}", query, document), pair, grade)

    def _drop(self, split: str, error: DataError) -> None:
        self.dropped[split] += 1
        if len(self.dropped_examples[split]) < MAX_DROPPED_EXAMPLES:
            place = (error.where or "").removeprefix(f"{self.path}/")  # notes are repeated in reports
            self.dropped_examples[split].append(f"{place}: {error.what}")

    def _looked_up(self, texts: dict[str, str], identity: str, what: str, file: str, where: str) -> str:
        hint = f"add it to {file} or remove the judgement; bad_rows: drop (data.bad_rows=drop) leaves such judgements out"
        if identity not in texts:
            other = "queries.jsonl" if file == "corpus.jsonl" else "corpus.jsonl"
            if self.spec.bad_rows == BadRows.FAIL and any(found == identity for _, found, _, _ in self._records(other)):
                hint = f"{other} has that id: are the columns of the judgements, or the two files, swapped? Write {QRELS_HEADER}"
            raise DataError(f"the {what} {identity[:60]!r} is not in {file}", where=where, hint=hint)
        if not texts[identity]:
            thing, judged = ("document", "a hard negative") if what == "hard negative" else (what, "judged relevant")
            raise _EmptyText(f"the {thing} {identity[:60]!r} is {judged} but empty in {file}", where=where, hint=hint)
        return clean_text(texts[identity], where)

    def fingerprint(self) -> str:
        """See `Source`."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        """SHA-256 over all files and the options that change the rows."""
        digest = hashlib.sha256(f"{ROWS_VERSION} beir {self.spec.bad_rows}".encode())
        beside = [] if self.negatives is None else sorted(self.negatives.files.values())
        for path in (self.path / "corpus.jsonl", self.path / "queries.jsonl", *sorted(self.qrels.values()), *beside):
            with readable(path, self._shown(path)), path.open("rb") as file:
                digest.update(f"\0{self._shown(path)}\0".encode() + hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
