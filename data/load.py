"""From what a user says about a data set to tables that are ready: read, split, counted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from data.arrow import batches_of, corpus_table, facts_of, rows_table, take_rows
from data.brief import NOT_TRAINED
from data.errors import DataError
from data.findings import Finding
from data.prepared import PreparedDataset
from data.preview import sample_rows
from data.progress import progress
from data.schema import UNSPLIT, Document, RowKind, Source, text_id
from data.sources import open_source
from data.spec import DatasetSpec, Documents, SplitSpec
from data.splits.hashes import RowHashes
from data.splits.leaks import LeakRules, remove_leaks
from data.splits.near_duplicates import NEAR_VERSION, NearTexts, near_texts
from data.splits.split import SplitPlan, make_splits

if TYPE_CHECKING:
    from datasets import Dataset


def prepare(
    spec: DatasetSpec,
    split: SplitSpec,
    cache: Path,
    say: Callable[[str], None] = lambda line: None,
    leaks: LeakRules | None = None,
) -> PreparedDataset:
    """Read one data set into Arrow files under `cache` and split it.

    Args:
        spec: which data, which columns, which options.
        split: how missing splits are made.
        cache: folder for the Arrow files; complete files of an unchanged source are used again.
        say: gets each line that the user should see: what was recognised, then the notes.
        leaks: what to do with rows of train that dev or test have, too; None looks for none (nothing is trained).

    Raises:
        DataError: whatever is wrong with the data, with the place and the way out.
    """
    source = open_source(spec)
    for line in source.recognised.lines():
        say(f"{source.name}: {line}")
    kind, fingerprint = source.recognised.kind, source.fingerprint()
    folder = cache / f"{source.name}-{fingerprint[:12]}"
    with progress(f"reading {source.name}") as tick:
        tables = {name: rows_table(source, name, folder, tick) for name in source.splits()}
    notes, counts, dropped = _dropped(tables, folder)
    corpus = _corpus(source, tables, fingerprint, folder)
    given, alone = tables, not spec.train and set(tables) == {"train"}
    if not spec.train and UNSPLIT in tables:
        given = {"test": tables[UNSPLIT]}
        notes.append(f"{NOT_TRAINED}, so all of its rows serve as test")
    elif alone:
        given = {"test": tables["train"]}
        notes.append(f"{NOT_TRAINED}, so train, its only split, serves as test")
    elif not spec.train and "test" not in tables and "dev" in tables:
        given = {"test": tables["dev"]}
        notes.append(f"{NOT_TRAINED} and it has no test split, so dev serves as test")
    elif split.folds is not None:
        given = {name: table for name, table in tables.items() if name != "test"}
    has_corpus = source.documents() is not None
    found = None if leaks is None else _Leaks(leaks, given, kind, source.location, folder)
    plan = make_splits(given, kind, has_corpus, split, spec.max_rows, source.location, found)
    if alone:
        plan.marks.append("train alone is test")
    if corpus is not None and len(corpus) < 2:
        raise DataError(
            "the whole corpus is one document: every model finds it first, so nothing can be learnt or judged",
            where=source.location,
            hint="check whether the right column is used for the texts to find (data.columns.positive=NAME), or add other texts",
        )
    # keys that change nothing are left out, as they were before there were any: runs of that time can be resumed
    without = {"least_dev"} | (set() if split.folds else {"folds", "fold"})  # a dev that was enlarged leaves a mark
    dealt = split.model_dump(exclude=without | ({"documents"} if split.documents == Documents.SHARED else set()))
    options = json.dumps([fingerprint, dealt, spec.max_rows, spec.train, *plan.marks])
    whole = hashlib.sha256(options.encode()).hexdigest()
    splits = _written(plan, given, folder / f"splits-{whole[:12]}", whole, found)
    if corpus is not None:
        counts["documents"] = len(corpus)
    all_notes = [*source.recognised.notes, *notes, *plan.notes]
    for line in (*notes, *plan.notes, _sizes(splits, corpus)):
        say(f"{source.name}: {line}")
    samples = tuple(sample_rows(splits["train"] if "train" in splits else next(iter(splits.values()))))
    for sample in samples:
        say(f"  {sample}")
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
        leaks=None if found is None else found.findings,
        near=None if found is None else found.near,
        hashes=plan.hashes,
        own_corpus=has_corpus,
        dropped=dropped,
        given_test="test" in tables,
        left_out=plan.left_out,
        source_fingerprint=fingerprint,
        samples=samples,
        range_given=spec.score_range is not None,
        literal=spec.literal,
    )


class _Leaks:
    """Looks for leaks in a plan of splits, and takes them out of it where the rules say so."""

    def __init__(self, rules: LeakRules, tables: Mapping[str, Dataset], kind: RowKind, location: str, folder: Path) -> None:
        self.rules, self.tables, self.kind, self.location, self.folder = rules, tables, kind, location, folder
        self.findings: list[Finding] = []
        self.near: NearTexts | None = None

    def __call__(self, plan: SplitPlan, hashes: Mapping[str, RowHashes]) -> None:
        """Change the plan. `hashes` are those of the tables."""
        part = "" if "test" in self.tables or UNSPLIT in self.tables else "-without-test"
        self.near = near_texts(
            self.tables, hashes, self.rules.near, self.folder / f"near{NEAR_VERSION}-{self.rules.near:g}{part}.npz"
        )
        self.findings = remove_leaks(plan, self.kind, self.near, self.rules, _row_names(plan, self.tables), self.location)

    def suffix(self, plan: SplitPlan) -> str:
        """Return the suffix that tells a train file without leaks from one with them."""
        return f"-without-leaks{NEAR_VERSION}-{self.rules.near:g}" if "leaks_removed" in plan.counts else ""


def _row_names(plan: SplitPlan, tables: Mapping[str, Dataset]) -> Callable[[str, int], str]:
    """Return the row ids by split and number, as the plan is now."""
    parts = dict(plan.parts)

    def name(split: str, row: int) -> str:
        base, rows = parts[split]
        return str(tables[base][row if rows is None else int(rows[row])]["row"])

    return name


def _dropped(tables: Mapping[str, Dataset], folder: Path) -> tuple[list[str], dict[str, int], dict[str, list[str]]]:
    """Return the notes, counts and examples of rows that were left out; kept beside the tables, since a table is read once."""
    notes, counts, examples = [], {}, {}
    for name in tables:
        facts = facts_of(folder / f"{name}.arrow")
        if facts is not None and facts.dropped:
            counts[f"dropped_{name}"], examples[name] = facts.dropped, facts.dropped_examples
            where = "" if name == UNSPLIT else f" of {name}"
            notes.append(f"bad rows{where} that were left out: {facts.dropped}, for instance {'; '.join(facts.dropped_examples)}")
    sampled = [facts for name in tables if (facts := facts_of(folder / f"{name}.arrow")) is not None and facts.whole]
    if (rows := sum(one.rows for one in sampled)) < (whole := sum(one.whole for one in sampled)):
        counts["sample"], counts["sampled_from"] = rows, whole
        notes.append(
            f"a sample of {rows:,} of {whole:,} rows, by hash, queries with all of their rows; figures are those of the sample"
        )
    return notes, counts, examples


def _corpus(source: Source, tables: Mapping[str, Dataset], fingerprint: str, folder: Path) -> Dataset | None:
    if source.recognised.kind is RowKind.SCORED:
        return None
    documents = source.documents()
    return corpus_table(_distinct_texts(tables) if documents is None else documents, fingerprint, folder)


def _distinct_texts(tables: Mapping[str, Dataset]) -> Iterator[Document]:
    """Yield every positive and negative of all splits once (as `text_id` counts texts)."""
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


def _written(
    plan: SplitPlan, tables: Mapping[str, Dataset], folder: Path, fingerprint: str, leaks: _Leaks | None
) -> dict[str, Dataset]:
    """Return the tables of the plan: given ones as they are, made ones in files of their own (plain rows, no indices mapping)."""
    out = {}
    for name, (base, rows) in plan.parts.items():
        suffix = leaks.suffix(plan) if leaks is not None and name == "train" else ""
        path = folder / f"{name}{suffix}.arrow"
        out[name] = tables[base] if rows is None else take_rows(tables[base], rows, path, fingerprint)
    return out


def _sizes(splits: Mapping[str, Dataset], corpus: Dataset | None) -> str:
    parts = [f"{name} {len(table):,}" for name, table in splits.items()]
    return "rows: " + ", ".join(parts) + ("" if corpus is None else f"; documents: {len(corpus):,}")
