"""Which texts of a data set stand for what production should look like: those that were held out, and documents to search.

Nothing here depends on chance or on the order of a file: what is too much is left out by a digest of its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.schema import RowKind, normalise_text, text_id
from train.encode.contract import Role

if TYPE_CHECKING:
    from data.prepared import PreparedDataset

MOST_TEXTS = 2_000
"""Held-out texts that are kept: what is told of a window of 200 texts gets hardly surer with more."""
MOST_DOCUMENTS = 2_000
"""Documents that similarities are measured against; the same for the reference and for every window."""
FEWEST = 50
"""Held-out texts below which texts of train are taken as well, and that is said."""


@dataclass(frozen=True)
class HeldOut:
    """What is kept of a data set.

    Attributes:
        dataset: its name.
        kind: of its rows.
        role: in which the texts are encoded.
        texts: each once.
        splits: of each text: `test`, `dev` or `train`.
        document_ids, documents: of its corpus; none for scored pairs.
        comparable: whether new queries may be expected to be as near to these documents as the held-out ones.
        notes: what must be known of the choice.
    """

    dataset: str
    kind: RowKind
    role: Role
    texts: tuple[str, ...]
    splits: tuple[str, ...]
    document_ids: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    comparable: bool = True
    notes: tuple[str, ...] = ()


def held_out(prepared: PreparedDataset) -> HeldOut:
    """Choose the held-out texts of a data set, test before dev, and documents of its corpus.

    Texts of train are taken only where there are fewer than `FEWEST` others.
    """
    scored = prepared.kind is RowKind.SCORED
    columns = ("sentence1", "sentence2") if scored else ("anchor",)
    found: dict[str, tuple[str, str]] = {}
    notes: list[str] = []
    for split in ("test", "dev", "train"):
        if split == "train" and len(found) >= FEWEST:
            break
        table = prepared.splits.get(split)
        if table is None or not len(table):
            continue
        fresh = {normalise_text(text): text for column in reversed(columns) for text in reversed(table[column][:])}
        chosen = _fewer([(key, text) for key, text in fresh.items() if key not in found], MOST_TEXTS - len(found))
        found |= {key: (text, split) for key, text in chosen}
        if split == "train":
            notes.append(
                f"only {len(found) - len(chosen):,} texts of {prepared.name} were held out, so {len(chosen):,} texts that were"
                " trained on stand in the reference as well: to these the model is better fitted than to new ones"
            )
    ids, documents = ((), ()) if scored else _documents(prepared)
    comparable = scored or prepared.own_corpus or not _answers_of_their_own(prepared)
    if not comparable:
        notes.append(
            "the documents are those of the rows, where each held-out query has its own answer and a new one need not: how near"
            " texts are to documents is compared only with --index"
        )
    return HeldOut(
        dataset=prepared.name,
        kind=prepared.kind,
        role=Role.SYMMETRIC if scored else Role.QUERY,
        texts=tuple(text for text, _ in found.values()),
        splits=tuple(split for _, split in found.values()),
        document_ids=ids,
        documents=documents,
        comparable=comparable,
        notes=tuple(notes),
    )


def _documents(prepared: PreparedDataset) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return ids and texts of documents of the corpus, at most `MOST_DOCUMENTS`, drawn by a digest of their ids."""
    corpus = prepared.corpus
    if corpus is None:
        return (), ()
    ids: Sequence[str] = corpus["id"][:]
    rows = list(range(len(ids)))
    if len(rows) > MOST_DOCUMENTS:
        rows = sorted(row for _, row in sorted((text_id(name), row) for row, name in enumerate(ids))[:MOST_DOCUMENTS])
    return tuple(ids[row] for row in rows), tuple(corpus.select(rows)["text"][:])


def _answers_of_their_own(prepared: PreparedDataset) -> bool:
    """Tell whether most documents of dev and test are none of train: then the corpus is a list of answers, one a query."""
    tables = prepared.splits
    answers = {one for split in ("dev", "test") if split in tables for one in tables[split]["document_id"][:]}
    taught = set(tables["train"]["document_id"][:]) if "train" in tables else set()
    return 2 * len(answers & taught) < len(answers)


def _fewer(texts: Iterable[tuple[str, str]], most: int) -> list[tuple[str, str]]:
    """Return at most so many (key, text), in their order."""
    kept = list(texts)
    if len(kept) <= most:
        return kept
    ranked = sorted(range(len(kept)), key=lambda place: text_id(kept[place][0]))[: max(0, most)]
    return [kept[place] for place in sorted(ranked)]


def by_name(datasets: Mapping[str, PreparedDataset]) -> dict[str, HeldOut]:
    """Return what is kept of each data set that has something held out."""
    found = {name: held_out(prepared) for name, prepared in datasets.items()}
    return {name: one for name, one in found.items() if set(one.splits) & {"test", "dev"}}
