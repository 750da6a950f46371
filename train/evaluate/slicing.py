"""Tuned against base on parts of the queries or scored pairs of a task.

Shapes: n items (queries or pairs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data.schema import text_id
from train.evaluate.score import Scores
from train.evaluate.slices import DOCUMENTS, NEW, TAUGHT, SliceResult
from train.evaluate.statistics import RESAMPLES, compare_means
from train.evaluate.tasks import RetrievalTask, Task


def document_hashes(texts: Sequence[str]) -> np.ndarray:
    """Return [U] uint64, ascending: the hashes of these texts (see `text_id`), each once."""
    return np.unique(np.array([int(text_id(text), 16) for text in texts], dtype=np.uint64))


def taught_queries(task: RetrievalTask, taught: np.ndarray) -> np.ndarray:
    """Tell [Q] of which queries train taught a document: at least one of the relevant ones was the positive of a training row.

    A query is new only where none of its relevant documents was, so that what is said of new documents holds for these alone.

    Args:
        task: what is judged.
        taught: [U] hashes of the positives that were trained on, from `document_hashes`.
    """
    rows = {document_id: row for row, document_id in enumerate(task.document_ids)}
    relevant = [[rows[i] for i, grade in task.qrels[query].items() if grade > 0] for query in task.query_ids]
    needed = sorted({row for found in relevant for row in found})
    known = np.isin(np.array([int(text_id(task.documents[row]), 16) for row in needed], dtype=np.uint64), taught)
    among = {row for row, one in zip(needed, known.tolist(), strict=True) if one}
    return np.array([not among.isdisjoint(found) for found in relevant], dtype=bool)


def by_documents(
    taught: np.ndarray,
    base: np.ndarray,
    tuned: np.ndarray,
    *,
    seed: int,
    resamples: int = RESAMPLES,
    groups: np.ndarray | None = None,
) -> tuple[SliceResult, ...]:
    """Compare on the queries whose documents train taught, and on those whose documents are new; a part without queries is left
    out.

    The two stand beside the verdict and are not corrected for being two: the question is asked of each by itself, before the
    figures are seen.

    Args:
        taught: [n] bool, see `taught_queries`.
        base, tuned: [n] values of each query.
        seed, resamples: of the resampling.
        groups: [n] group of each query, see `compare_means`.
    """
    parts = ((TAUGHT, taught), (NEW, ~taught))
    return tuple(
        mean_slice(DOCUMENTS, name, mask, base, tuned, seed=seed, resamples=resamples, groups=groups)
        for name, mask in parts
        if mask.any()
    )


def mean_slice(
    by: str,
    name: str,
    mask: np.ndarray,
    base: np.ndarray,
    tuned: np.ndarray,
    *,
    seed: int,
    resamples: int,
    groups: np.ndarray | None,
) -> SliceResult:
    """Compare the means of a metric over the queries under the mask ([n] bool, at least one is true)."""
    own = None if groups is None else np.unique(groups[mask], return_inverse=True)[1]
    found = compare_means(base[mask], tuned[mask], seed=seed, resamples=resamples, groups=own)
    return SliceResult(
        by=by,
        name=name,
        n=found.n,
        groups=found.groups,
        base=found.base,
        tuned=found.tuned,
        delta=found.delta,
        ci95=found.ci95,
        p_value=found.p_value,
    )


def with_taught(task: Task, taught: np.ndarray | None) -> Task:
    """Return the task with what is known of its documents (see `taught_queries`); scored pairs have none."""
    if taught is None or not isinstance(task, RetrievalTask):
        return task
    return replace(task, taught=taught_queries(task, taught))


def slices_of(task: Task, base: Scores, tuned: Scores, *, seed: int, resamples: int = RESAMPLES) -> tuple[SliceResult, ...]:
    """Compare two models on the parts of a task.

    Args:
        task: that both were scored on.
        base, tuned: their scores.
        seed, resamples: of the resampling.
    """
    if not isinstance(task, RetrievalTask) or task.taught is None:
        return ()
    values = (scores.per_query[task.primary] for scores in (base, tuned))
    return by_documents(task.taught, *values, seed=seed, resamples=resamples, groups=task.groups)
