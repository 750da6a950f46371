"""Tuned against base on parts of the queries or scored pairs of a task.

Shapes: n items (queries or pairs).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from data.schema import text_id
from train.evaluate.correlations import compare_spearman
from train.evaluate.divisions import divisions
from train.evaluate.holm import holm
from train.evaluate.score import Scores
from train.evaluate.slices import ALL, DOCUMENTS, NEW, TAUGHT, SliceResult
from train.evaluate.statistics import RESAMPLES, Comparison, compare_means
from train.evaluate.tasks import RetrievalTask, ScoredTask, Task

FURTHER = 2_000
"""Resamples of each of the further divisions, of which there may be twenty: the ends of an interval are good to about 5% of its
width, and the smallest p-value, 0.0005, can still be shown after a correction for a hundred parts."""


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
    return slice_of(by, name, compare_means(base[mask], tuned[mask], seed=seed, resamples=resamples, groups=own))


def slice_of(by: str, name: str, found: Comparison) -> SliceResult:
    """Return what a comparison on a part comes to."""
    return SliceResult(by=by, name=name, **found.figures())


def with_taught(task: Task, taught: np.ndarray | None) -> Task:
    """Return the task with what is known of its documents (see `taught_queries`); scored pairs have none."""
    if taught is None or not isinstance(task, RetrievalTask):
        return task
    return replace(task, taught=taught_queries(task, taught))


def slices_of(task: Task, base: Scores, tuned: Scores, *, seed: int, resamples: int = RESAMPLES) -> tuple[SliceResult, ...]:
    """Compare two models on the parts of a task: all of it, taught and new documents, and the further divisions of `divisions`.

    The p-values of the further ones are corrected for their number, by Holm.

    Args:
        task: that both were scored on.
        base, tuned: their scores.
        seed: of the resampling.
        resamples: of it; the further divisions have `FURTHER` at most.
    """
    fewer = min(resamples, FURTHER)
    if isinstance(task, RetrievalTask):
        values = [scores.per_query[task.primary] for scores in (base, tuned)]
        judged = [judged_share(task, scores) for scores in (base, tuned)]

        def part(by: str, name: str, mask: np.ndarray) -> SliceResult | None:
            found = mean_slice(by, name, mask, *values, seed=seed, resamples=fewer, groups=_unless(by, task.groups))
            return _with_judged(found, mask, *judged)

        everything = np.ones(len(task), dtype=bool)
        told = [part(ALL, "queries", everything)] if judged[0] is not None else []
        if task.taught is not None:
            masks = {TAUGHT: task.taught, NEW: ~task.taught}
            found = by_documents(task.taught, *values, seed=seed, resamples=resamples, groups=task.groups)
            told += [_with_judged(one, masks[one.name], *judged) for one in found]
    else:
        told = []

        def part(by: str, name: str, mask: np.ndarray) -> SliceResult | None:
            return _scored_part(by, name, mask, task, base, tuned, seed, fewer)

    further = [part(one.by, name, mask) for one in divisions(task) for name, mask in one.parts]
    return tuple(one for one in (*told, *corrected([one for one in further if one is not None])) if one is not None)


def corrected(slices: Sequence[SliceResult]) -> list[SliceResult]:
    """Return the slices with p-values that are corrected for their number."""
    p_values = holm([one.p_value for one in slices])
    return [one.model_copy(update={"p_corrected": p}) for one, p in zip(slices, p_values, strict=True)]


def judged_share(task: RetrievalTask, scores: Scores) -> np.ndarray | None:
    """Return [Q] the share of each query's first ten documents that somebody judged, relevant or not; None without a ranking.

    What nobody judged counts as irrelevant. A model that finds other documents than those that were once pooled for judging is
    punished for it (Buckley and Voorhees, "Retrieval evaluation with incomplete information", SIGIR 2004).
    """
    if not scores.top_ids:
        return None
    pairs = zip(task.query_ids, scores.top_ids, strict=True)
    return np.array([sum(one in task.qrels[query] for one in found) / max(len(found), 1) for query, found in pairs])


def _unless(by: str, groups: np.ndarray | None) -> np.ndarray | None:
    """Return the groups, unless the part is a group itself: what is said of it is said of its items alone."""
    return None if by == "group" else groups


def _with_judged(found: SliceResult, mask: np.ndarray, base: np.ndarray | None, tuned: np.ndarray | None) -> SliceResult:
    if base is None or tuned is None:
        return found
    return found.model_copy(update={"judged10_base": float(base[mask].mean()), "judged10_tuned": float(tuned[mask].mean())})


def _scored_part(
    by: str, name: str, mask: np.ndarray, task: ScoredTask, base: Scores, tuned: Scores, seed: int, resamples: int
) -> SliceResult | None:
    """Compare Spearman's correlation within a part; None where its gold scores are all equal."""
    if base.similarities is None or tuned.similarities is None or np.ptp(task.scores[mask]) == 0:
        return None
    groups = _unless(by, task.groups)
    own = None if groups is None else np.unique(groups[mask], return_inverse=True)[1]
    values = (task.scores[mask], base.similarities[mask], tuned.similarities[mask])
    return slice_of(by, name, compare_spearman(*values, seed=seed, resamples=resamples, groups=own))
