"""Judge tuned against what needs no training: words alone, words together with a model, and the default model."""

from __future__ import annotations

from collections.abc import Mapping

from train.evaluate.evaluator import compare
from train.evaluate.lexical import fuse, rank_by_words, ranked_by_model, score_ranked
from train.evaluate.references import ReferenceKind, ReferenceResult
from train.evaluate.score import Scores
from train.evaluate.statistics import RESAMPLES
from train.evaluate.tasks import RetrievalTask, Task

NAMES: Mapping[ReferenceKind, str] = {
    "words": "BM25",
    "base_and_words": "BM25 with the base",
    "tuned_and_words": "BM25 with tuned",
}


def words_beside(
    task: RetrievalTask, base: Scores, tuned: Scores, *, kept_base: bool, margin: float, seed: int = 0, resamples: int = RESAMPLES
) -> list[ReferenceResult]:
    """Judge tuned against BM25, and against BM25 fused with the base and with tuned.

    Args:
        task: what both were scored on.
        base, tuned: with their rankings.
        kept_base: tuned is the base itself, so that fusing either is the same.
        margin: loss up to which a reference counts as not worse than tuned.
        seed, resamples: of the resampling.
    """
    words = rank_by_words(task)
    models: dict[ReferenceKind, Scores] = {"base_and_words": base}
    if not kept_base:
        models["tuned_and_words"] = tuned
    found: dict[ReferenceKind, Scores] = {"words": score_ranked(task, words)}
    for kind, scores in models.items():
        if scores.ranking is not None:
            found[kind] = score_ranked(task, fuse(task, words, ranked_by_model(task, scores.ranking)))
    return [beside(task, kind, NAMES[kind], one, tuned, margin, seed, resamples) for kind, one in found.items()]


def beside(
    task: Task,
    kind: ReferenceKind,
    name: str,
    reference: Scores,
    tuned: Scores,
    margin: float,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> ReferenceResult:
    """Judge tuned against a reference whose scores are known; see `words_beside`."""
    result = compare(task, reference, tuned, seed=seed, resamples=resamples, margin=margin)
    return ReferenceResult(
        dataset=task.name,
        kind=kind,
        name=name,
        metric=result.metric,
        n=result.n,
        value=result.base,
        tuned=result.tuned,
        delta=result.delta,
        ci95=result.ci95,
        p_value=result.p_value,
        verdict=result.verdict,
        margin=margin,
        as_good=None if result.high95 is None else result.high95 < margin,
    )
