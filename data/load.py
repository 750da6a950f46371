"""From what a person says about a data set to tables that are ready: read, split, counted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from data.arrow import batches_of, corpus_table, facts_of, rows_table, take_rows
from data.schema import UNSPLIT, DataError, Document, PreparedDataset, RowKind, Source, text_id
from data.sources import open_source
from data.spec import DatasetSpec, SplitSpec
from data.split import SplitPlan, make_splits

if TYPE_CHECKING:
    from datasets import Dataset


def prepare(spec: DatasetSpec, split: SplitSpec, cache: Path, say: Callable[[str], None] = lambda line: None) -> PreparedDataset:
    """Reads one data set into Arrow files under `cache` and splits it.

    Args:
        spec: which data, which columns, which options.
        split: how missing splits are made.
        cache: folder for the Arrow files; complete files of an unchanged source are used again.
        say: gets each line that the user should see: what was recognised, then the notes.

    Raises:
        DataError: whatever is wrong with the data, with the place and the way out.
    """
    source = open_source(spec)
    for line in source.recognised.lines():
        say(f"{source.name}: {line}")
    kind, fingerprint = source.recognised.kind, source.fingerprint()
    folder = cache / f"{source.name}-{fingerprint[:12]}"
    tables = {name: rows_table(source, name, folder) for name in source.splits()}
    notes, counts = _dropped(tables, folder)
    corpus = _corpus(source, tables, fingerprint, folder)
    given = tables
    if not spec.train and UNSPLIT in tables:
        given = {"test": tables[UNSPLIT]}
        notes.append("nothing is trained on this data set, so all of its rows are test")
    has_corpus = source.documents() is not None
    plan = make_splits(given, kind, has_corpus, split, spec.max_rows, source.location)
    if corpus is not None and len(corpus) < 2:
        raise DataError(
            "the whole corpus is one document: every model finds it first, so nothing can be learnt or judged",
            where=source.location,
            mend="look whether the right column was taken for the texts to find (data.columns.positive=NAME), or add other texts",
        )
    options = json.dumps([fingerprint, split.model_dump(), spec.max_rows, spec.train])
    whole = hashlib.sha256(options.encode()).hexdigest()
    splits = _written(plan, given, folder / f"splits-{whole[:12]}", whole)
    if corpus is not None:
        counts["documents"] = len(corpus)
    all_notes = [*source.recognised.notes, *notes, *plan.notes]
    for line in (*notes, *plan.notes, _sizes(splits, corpus)):
        say(f"{source.name}: {line}")
    return PreparedDataset(
        name=source.name,
        location=source.location,
        kind=kind,
        splits=splits,
        corpus=corpus,
        notes=all_notes,
        counts={**plan.counts, **counts},
        fingerprint=whole,
        recognised=source.recognised,
    )


def _dropped(tables: Mapping[str, Dataset], folder: Path) -> tuple[list[str], dict[str, int]]:
    """Notes and counts about rows that `bad_rows: drop` left out; kept beside the tables, since a table is read once."""
    notes, counts = [], {}
    for name in tables:
        facts = facts_of(folder / f"{name}.arrow")
        if facts is not None and facts.dropped:
            counts[f"dropped_{name}"] = facts.dropped
            where = "" if name == UNSPLIT else f" of {name}"
            notes.append(f"bad rows{where} that were left out: {facts.dropped}, for instance {'; '.join(facts.dropped_examples)}")
    return notes, counts


def _corpus(source: Source, tables: Mapping[str, Dataset], fingerprint: str, folder: Path) -> Dataset | None:
    if source.recognised.kind is RowKind.SCORED:
        return None
    documents = source.documents()
    return corpus_table(_distinct_texts(tables) if documents is None else documents, fingerprint, folder)


def _distinct_texts(tables: Mapping[str, Dataset]) -> Iterator[Document]:
    """Every positive and negative of all splits once (as `text_id` counts texts)."""
    seen: set[int] = set()
    for table in tables.values():
        columns = ["positive", *(c for c in table.column_names if c.startswith("negative_"))]
        for batch in batches_of(table, columns):
            for values in batch:
                for text in values:
                    identity = text_id(text)
                    if (key := int(identity, 16)) not in seen:
                        seen.add(key)
                        yield Document(identity, text)


def _written(plan: SplitPlan, tables: Mapping[str, Dataset], folder: Path, fingerprint: str) -> dict[str, Dataset]:
    """The tables of the plan: given ones as they are, made ones in files of their own (plain rows, no indices mapping)."""
    return {
        name: tables[base] if rows is None else take_rows(tables[base], rows, folder / f"{name}.arrow", fingerprint)
        for name, (base, rows) in plan.parts.items()
    }


def _sizes(splits: Mapping[str, Dataset], corpus: Dataset | None) -> str:
    parts = [f"{name} {len(table):,}" for name, table in splits.items()]
    return "rows: " + ", ".join(parts) + ("" if corpus is None else f"; documents: {len(corpus):,}")
