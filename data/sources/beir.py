"""Judged queries over a corpus: a BEIR folder (https://github.com/beir-cellar/beir), or the same in other files.

BEIR has corpus.jsonl, queries.jsonl and qrels/{train,dev,test}.tsv. Where hard_negatives/ lies beside the qrels, its rows join
those of train (see `beir_negatives`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import DataError
from data.schema import SPLITS, UNSPLIT, Document, Recognised, RowId, RowKind, make_example
from data.sources.beir_negatives import find_negatives
from data.sources.cells import clean_text
from data.sources.judged.folder import Layout
from data.sources.judged.judgements import HEADER, Judgement, Judgements
from data.sources.readers import readable
from data.sources.rows import MAX_DROPPED_EXAMPLES, ROWS_VERSION
from data.sources.text_tables import TextTable
from data.spec import BadRows, DatasetSpec

if TYPE_CHECKING:
    from sentence_transformers import InputExample

SHOWN = 3
"""Ids that are named as examples."""


class _EmptyText(DataError):
    """A judged query or document without a text."""


class BeirSource:
    """Judged queries over a corpus. One example a positive judgement, its label is the grade; hard negatives stand behind it.

    Judgements of empty texts are left out of train and counted; in dev and test they are errors, unless `bad_rows` is
    "drop". The corpus keeps its empty documents, as BEIR does.
    """

    def __init__(self, path: Path, name: str, spec: DatasetSpec, layout: Layout) -> None:
        self.name, self.location, self.spec = name, str(path), spec
        self.path = path if path.is_dir() else path.parent
        self.dropped: dict[str, int] = {}
        self.dropped_examples: dict[str, list[str]] = {}
        self.corpus, self.queries = layout.corpus, list(layout.queries)
        self.qrels = dict(layout.qrels)
        notes = list(layout.notes)
        files = {split: one.path for split, one in self.qrels.items()}
        self.negatives = find_negatives(path, files, self._judgements, notes) if path.is_dir() else None
        if empty := self._check_corpus():
            notes.append(f"empty documents in the corpus: {empty}")
        roles = {
            "anchor": [one.table.shown for one in self.queries],
            "positive": [self.corpus.table.shown],
            "grade": sorted(one.shown for one in self.qrels.values()),
        }
        if self.negatives is not None:
            roles["negative"] = sorted(self._shown(p) for p in self.negatives.files.values())
        kind = RowKind.PAIR if self.negatives is None else RowKind.TUPLE
        self.recognised = Recognised(kind, roles, notes=(self._kind(), *notes))

    def _kind(self) -> str:
        texts = [self.corpus.table.shown, *(one.table.shown for one in self.queries)]
        named = all(one.shown == f"qrels/{Path(one.shown).name}" for one in self.qrels.values())
        return "BEIR folder" if named and texts == ["corpus.jsonl", "queries.jsonl"] else "judged queries over a corpus"

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def _judgements(self, path: Path) -> Iterator[Judgement]:
        return Judgements(path, self._shown(path)).rows()

    def _check_corpus(self) -> int:
        """Count the empty documents. Raises `DataError` where an id occurs twice."""
        seen: set[str] = set()
        empty = 0
        for number, document in self._numbered_documents():
            if document.id in seen:
                where = self.corpus.table.where(number)
                hint = f"give each its own {self.corpus.keys.id}, or remove the repeated line"
                raise DataError(f"the document id {document.id[:60]!r} occurs twice", where=where, hint=hint)
            seen.add(document.id)
            empty += not document.text
        if not seen:
            hint = 'add lines {"_id": "...", "text": "..."}'
            raise DataError("the corpus is empty", where=self.corpus.table.place, hint=hint)
        return empty

    def splits(self) -> tuple[str, ...]:
        """Return the splits that have judgements."""
        return tuple(s for s in (*SPLITS, UNSPLIT) if s in self.qrels)

    def _numbered_documents(self) -> Iterator[tuple[int, Document]]:
        for number, identity, title, text in self.corpus.records():
            joined = f"{title} {text}".strip()
            if joined:
                clean_text(joined, self.corpus.table.where(number))
            yield number, Document(identity, joined)

    def documents(self) -> Iterator[Document]:
        """Return the whole corpus. The text is "title text" (BEIR's convention); empty documents stay, as in BEIR."""
        for _, document in self._numbered_documents():
            yield document

    def _asked(self, wanted: set[str]) -> dict[str, str]:
        """Return the texts of the wanted queries. Raises `DataError` where an id occurs twice."""
        texts: dict[str, str] = {}
        seen: set[str] = set()
        for table in self.queries:
            for number, identity, _, text in table.records():
                if identity in seen:
                    hint = f"give each its own {table.keys.id}, or remove the repeated line"
                    what = f"the query id {identity[:60]!r} occurs twice"
                    raise DataError(what, where=table.table.where(number), hint=hint)
                seen.add(identity)
                if identity in wanted:
                    texts[identity] = text
        return texts

    def examples(self, split: str) -> Iterator[InputExample]:
        """Yield one example a judgement with a grade above 0, in the order of the qrels file."""
        self.dropped[split], self.dropped_examples[split] = 0, []
        qrels = self.qrels[split]
        judged = [j for j in qrels.rows() if j[3] > 0]
        if not judged:
            raise DataError("no judgement has a score above 0", where=qrels.place, hint="add judgements, or remove the file")
        negatives = {} if self.negatives is None else self.negatives.of[split]
        wanted = {j[2] for j in judged} | {document for listed in negatives.values() for document in listed}
        found = _Texts(
            self, self._asked({j[1] for j in judged}), {d.id: d.text for d in self.documents() if d.id in wanted}, judged
        )
        row, again = "", 0
        for number, query, document, grade in judged:
            where = qrels.where(number)
            row, again = (row, again + 1) if row == f"{qrels.shown}:{number}" else (f"{qrels.shown}:{number}", 1)
            try:
                pair = [
                    found.query(query, where),
                    found.document(document, where),
                    *(found.document(one, where, "hard negative") for one in negatives.get(query, ())),
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
                yield make_example(RowId(row if again == 1 else f"{row}#{again}", query, document), pair, grade)
        if self.dropped[split] == len(judged):
            what = f"every judgement of {qrels.shown} was left out, for instance: {'; '.join(self.dropped_examples[split])}"
            raise DataError(what, where=self.location, hint="correct the ids; bad_rows: fail shows the first one")

    def _drop(self, split: str, error: DataError) -> None:
        self.dropped[split] += 1
        if len(self.dropped_examples[split]) < MAX_DROPPED_EXAMPLES:
            place = (error.where or "").removeprefix(f"{self.path}/")  # notes are repeated in reports
            self.dropped_examples[split].append(f"{place}: {error.plain}")

    def fingerprint(self) -> str:
        """See `Source`."""
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        """SHA-256 over all files and the options that change the rows."""
        digest = hashlib.sha256(f"{ROWS_VERSION} beir {self.spec.bad_rows}".encode())
        if any(isinstance(one, Judgements) and one.split for one in self.qrels.values()):
            digest.update(b"\0splits by column")  # of one file, which was read as one split before
        beside = [] if self.negatives is None else sorted(self.negatives.files.values())
        texts = [Path(one.table.place) for one in (self.corpus, *self.queries)]
        for path in dict.fromkeys((*texts, *sorted(one.path for one in self.qrels.values()), *beside)):
            with readable(path, self._shown(path)), path.open("rb") as file:
                digest.update(f"\0{self._shown(path)}\0".encode() + hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()


class _Texts:
    """The texts that judgements speak of."""

    def __init__(self, source: BeirSource, queries: dict[str, str], documents: dict[str, str], judged: list[Judgement]) -> None:
        self.source, self.queries, self.documents, self.judged = source, queries, documents, judged

    def query(self, identity: str, where: str) -> str:
        """Return the text of a query. Raises `DataError` where there is none."""
        return self._looked_up(self.queries, identity, "query", self.source.queries, [self.source.corpus], where)

    def document(self, identity: str, where: str, what: str = "document") -> str:
        """Return the text of a document. Raises `DataError` where there is none."""
        return self._looked_up(self.documents, identity, what, [self.source.corpus], self.source.queries, where)

    def _looked_up(
        self, texts: dict[str, str], identity: str, what: str, tables: list[TextTable], others: list[TextTable], where: str
    ) -> str:
        file = " or ".join(one.table.shown for one in tables)
        hint = f"add it to {file} or remove the judgement; bad_rows: drop (data.bad_rows=drop) leaves such judgements out"
        if identity not in texts:
            if self.source.spec.bad_rows == BadRows.FAIL:
                for other in others:
                    if any(found == identity for _, found, _, _ in other.records()):
                        hint = f"{other.table.shown} has that id: are the columns of the judgements, or the two files, swapped?"
                        hint += f" Write {HEADER}"
            missing = f"the {what} {identity[:60]!r} is not in {file}{self._more(texts, identity, what)}"
            raise DataError(missing, where=where, hint=hint, plain=f"the {what} {identity[:60]!r} is not in {file}")
        if not texts[identity]:
            thing, judged = ("document", "a hard negative") if what == "hard negative" else (what, "judged relevant")
            raise _EmptyText(f"the {thing} {identity[:60]!r} is {judged} but empty in {file}", where=where, hint=hint)
        return clean_text(texts[identity], where)

    def _more(self, texts: dict[str, str], identity: str, what: str) -> str:
        """Say how many other ids are missing, with the first of them."""
        if what == "hard negative":
            return ""
        named = dict.fromkeys(query if what == "query" else document for _, query, document, _ in self.judged)
        missing = [one for one in named if one not in texts and one != identity]
        if not missing:
            return ""
        some = ", ".join(repr(one[:60]) for one in missing[:SHOWN]) + (", …" if len(missing) > SHOWN else "")
        return f" (nor are {len(missing):,} more of {len(named):,} that are judged: {some})"
