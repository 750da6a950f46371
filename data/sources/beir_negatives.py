"""Hard negatives beside a BEIR folder's judgements: hard_negatives/{train,dev,test}.tsv, in the form of the qrels, grade 0."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = "hard_negatives"

Judgement = tuple[int, str, str, float]
"""Line, query id, document id, grade."""


@dataclass(frozen=True)
class HardNegatives:
    """Documents that are known not to belong to a query, though they look like it.

    Attributes:
        files: by split.
        of: by split and query id, its documents, as many of each query; those of queries that have fewer come again.
    """

    files: Mapping[str, Path]
    of: Mapping[str, Mapping[str, tuple[str, ...]]]


def find_negatives(
    folder: Path, qrels: Mapping[str, Path], read: Callable[[Path], Iterable[Judgement]], notes: list[str]
) -> HardNegatives | None:
    """Find the hard negatives of all splits, as many a query as the query of train with the fewest has.

    Args:
        folder: the BEIR folder.
        qrels: files of judgements by split.
        read: yields the judgements of a file of that form.
        notes: gets what the user should know.

    Returns:
        None where they cannot be used.
    """
    if not (folder / FOLDER).is_dir():
        return None
    files = {split: folder / FOLDER / path.name for split, path in qrels.items()}
    if absent := [path.name for path in files.values() if not path.is_file()]:
        notes.append(f"{FOLDER}/ is not used: it has no {absent[0]}")
        return None
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for split, path in files.items():
        positives: dict[str, set[str]] = {}
        for _, query, document, grade in read(qrels[split]):
            if grade > 0:
                positives.setdefault(query, set()).add(document)
        of = _by_query(read(path), positives)
        if lacking := sum(not of.get(query) for query in positives):
            notes.append(f"{FOLDER}/ is not used: {lacking:,} of {len(positives):,} queries of {split} have none")
            return None
        found[split] = {query: tuple(of[query]) for query in positives}
    of_train = found.get("train") or {query: documents for of in found.values() for query, documents in of.items()}
    numbers = [len(documents) for documents in of_train.values()]
    if not numbers:
        return None
    fewest = min(numbers)
    if fewest < max(numbers):
        notes.append(f"queries have {fewest} to {max(numbers)} hard negatives: the first {fewest} of each are used")
    cut = {
        split: {query: tuple(documents[i % len(documents)] for i in range(fewest)) for query, documents in of.items()}
        for split, of in found.items()
    }
    return HardNegatives(files, cut)


def _by_query(judgements: Iterable[Judgement], positives: Mapping[str, set[str]]) -> dict[str, list[str]]:
    """Return the documents by query, each once; what is also judged to belong to the query is no negative."""
    out: dict[str, list[str]] = {}
    for _, query, document, _ in judgements:
        listed = out.setdefault(query, [])
        if document not in listed and document not in positives.get(query, ()):
            listed.append(document)
    return out
