"""Make the reference of a run out of its data and the model that it ships.

Shapes: N texts, C documents, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from data.prepared import PreparedDataset
from train.encode.contract import Role
from train.encode.protocol import TextEncoder
from train.runs.folder import RunFolder
from train.watch.canaries import Canary, candidates, kept, nearest, rows_of, still_first
from train.watch.held_out import HeldOut
from train.watch.lengths import measure_texts, unit_of
from train.watch.reference import DatasetReference, Reference
from train.watch.sample import Floats, Sample

AtHand = Mapping[tuple[str, str], Floats]
"""Vectors [D] that are there already, by the digest of their space and by their text."""


def vectors_at_hand(encoder: TextEncoder, held: HeldOut) -> dict[tuple[str, str], Floats]:
    """Return the vectors that judging on test made, of what a reference keeps of a data set. Nothing is encoded for it.

    Args:
        encoder: which remembers what it encoded.
        held: what is kept.
    """
    wanted = {held.role: [text for text, split in zip(held.texts, held.splits, strict=True) if split == "test"]}
    if held.documents:
        wanted[Role.DOCUMENT] = list(held.documents)
    found: dict[tuple[str, str], Floats] = {}
    for role, texts in wanted.items():
        space, vectors = encoder.space(role), encoder.encode(texts, role, False).numpy()
        found |= {(space, text): vector for text, vector in zip(texts, vectors, strict=True)}
    return found


def build_reference(
    held: HeldOut,
    prepared: PreparedDataset,
    encoder: TextEncoder,
    tokenizer: Any,
    first: frozenset[str] | None,
    at_hand: AtHand | None = None,
) -> Reference:
    """Make the reference of a data set.

    Args:
        held: what is kept of it.
        prepared: the data set.
        encoder: the model that is shipped, as it reads this data set.
        tokenizer: the model's; None where it has none of transformers.
        first: ids of the queries of test whose relevant document stood first; None where that is not known.
        at_hand: vectors that need not be made again.
    """
    contract, at_hand = encoder.contract, at_hand or {}
    cosine = encoder.similarity == "cosine"
    canaries = candidates(prepared.splits["test"], first) if held.documents and len(prepared.splits.get("test", ())) else []
    known = dict(zip(held.document_ids, held.documents, strict=True))
    extra = {one: text for canary in canaries for one, text in zip(canary.document_ids, canary.documents, strict=True)}
    everything = known | {one: text for one, text in extra.items() if one not in known}
    vectors = _encoded(encoder, held.role, held.texts, at_hand)
    document_vectors = _encoded(encoder, Role.DOCUMENT, tuple(everything.values()), at_hand) if everything else vectors[:0]
    searched = np.arange(len(everything)) < len(known)
    figures = measure_texts(tokenizer, contract, held.texts, held.role)
    top1 = np.full(len(held.texts), np.nan)
    if held.comparable:
        top1 = nearest(held.texts, vectors, held.documents, document_vectors[searched], cosine)
    notes = held.notes
    if canaries:
        queries = _encoded(encoder, held.role, tuple(one.query for one in canaries), at_hand)
        good = still_first(queries, document_vectors, rows_of(canaries, tuple(everything)), cosine)
        canaries = list(kept(canaries, good))
        if first is None:
            notes = (
                *notes,
                "the canaries stood first among the documents of the reference: of all of the corpus it is not known",
            )
    everything, keeps = _needed(everything, searched, canaries)
    about = DatasetReference(
        name=held.dataset,
        kind=held.kind.value,
        role=held.role.value,
        fingerprint=prepared.fingerprint,
        space=encoder.space(held.role),
        document_space=encoder.space(Role.DOCUMENT) if everything else None,
        dimensions=contract.dimensions,
        similarity=encoder.similarity,
        max_tokens=contract.max_tokens,
        unit=unit_of(tokenizer),
        counts={split: held.splits.count(split) for split in dict.fromkeys(held.splits)},
        documents=int(searched.sum()),
        canaries=len(canaries),
        notes=notes,
    )
    return Reference(
        about=about,
        sample=Sample.of(vectors, figures.lengths, figures.cut, figures.unknown, top1),
        texts=held.texts,
        splits=held.splits,
        document_ids=tuple(everything),
        documents=tuple(everything.values()),
        document_vectors=document_vectors[keeps],
        searched=searched[keeps],
        canaries=tuple(canaries),
    )


def _needed(everything: Mapping[str, str], searched: np.ndarray, canaries: Sequence[Canary]) -> tuple[dict[str, str], np.ndarray]:
    """Return the documents that are searched or expected by a canary, and [C] which of all they are."""
    expected = {one for canary in canaries for one in canary.document_ids}
    keeps = searched | np.array([one in expected for one in everything], dtype=np.bool_)
    return {one: text for (one, text), keep in zip(everything.items(), keeps.tolist(), strict=True) if keep}, keeps


def _encoded(encoder: TextEncoder, role: Role, texts: Sequence[str], at_hand: AtHand) -> Floats:
    """Return [N, D] vectors; each text that is not at hand is encoded once."""
    space = encoder.space(role)
    new = list(dict.fromkeys(text for text in texts if (space, text) not in at_hand))
    made = dict(zip(new, encoder.encode(new, role).numpy(), strict=True)) if new else {}
    rows: Iterable[Floats] = (made[text] if text in made else at_hand[space, text] for text in texts)
    found: Floats = np.stack(list(rows)) if texts else np.zeros((0, encoder.contract.dimensions), dtype=np.float32)
    return found.astype(np.float32, copy=False)


def first_on_test(run: Path, dataset: str, *, base: bool) -> frozenset[str] | None:
    """Return the ids of the queries of test whose relevant document the shipped model put first; None where nobody recorded it.

    Args:
        run: the run folder.
        dataset: name of the data set.
        base: whether the base is shipped in place of what was trained.
    """
    file, rank = RunFolder(run).per_query, "rank_base" if base else "rank_tuned"
    try:
        table = pq.read_table(file, columns=["dataset", "item", rank], filters=[("dataset", "=", dataset)])
    except (OSError, KeyError, pa.ArrowException):  # an older run, or a file that is gone
        return None
    if table.column(rank).null_count == len(table):
        return None
    return frozenset(table.filter(pc.equal(table.column(rank), 1)).column("item").to_pylist())
