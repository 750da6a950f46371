"""The queries and pairs on which two models differ most: what a person reads to see what fine-tuning changed."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from train.evaluate.tasks import RetrievalTask, ScoredTask, Scores, Task

EXCERPT = 400
"""Characters of a text that are kept."""


def pick_examples(task: Task, base: Scores, tuned: Scores, count: int = 10, depth: int = 5) -> list[dict[str, Any]]:
    """The queries or pairs that gained and lost most, at most `count` each, the largest change first.

    Changes of zero are left out. Equal changes keep the order of the task. Texts are cut to `EXCERPT` characters.

    Args:
        task: what was judged.
        base: the base's scores on it.
        tuned: the tuned model's.
        count: how many gained and how many lost.
        depth: documents shown of each ranking.

    Returns:
        Plain dictionaries, JSON-serialisable. All have `dataset`, `kind` ("gained" or "lost"), `base`, `tuned` and `delta`.

        Retrieval: these are values of the primary metric. Further `query_id`, `query`, and `base_ranking` and `tuned_ranking`,
        lists of `id, text, relevant, grade (None: not judged), score`.

        Scored pairs: these are 1 - distance between the pair's ranks by similarity and by gold, as a share of all ranks. Further
        `sentence1`, `sentence2`, `gold`, `base_similarity` and `tuned_similarity`.
    """
    if isinstance(task, RetrievalTask):
        before, after = base.per_query[task.primary], tuned.per_query[task.primary]
    else:
        before, after = (_rank_agreement(task, scores) for scores in (base, tuned))
    delta = after - before
    out = []
    for kind, order in (("gained", np.argsort(-delta, kind="stable")), ("lost", np.argsort(delta, kind="stable"))):
        sign = 1 if kind == "gained" else -1
        for row in [int(row) for row in order[:count] if sign * delta[row] > 0]:
            common = {"dataset": task.name, "kind": kind}
            values = {"base": float(before[row]), "tuned": float(after[row]), "delta": float(delta[row])}
            if isinstance(task, RetrievalTask):
                out.append(common | values | _query(task, row, base, tuned, depth))
            else:
                out.append(common | values | _pair(task, row, base, tuned))
    return out


def _query(task: RetrievalTask, row: int, base: Scores, tuned: Scores, depth: int) -> dict[str, Any]:
    return {
        "query_id": task.query_ids[row],
        "query": _cut(task.queries[row]),
        "base_ranking": _ranking(task, row, base, depth),
        "tuned_ranking": _ranking(task, row, tuned, depth),
    }


def _ranking(task: RetrievalTask, row: int, scores: Scores, depth: int) -> list[dict[str, Any]]:
    if scores.ranking is None:
        raise ValueError(f"the scores hold no ranking of {task.name}")
    grades = task.qrels[task.query_ids[row]]
    found = zip(scores.ranking.rows[row, :depth].tolist(), scores.ranking.scores[row, :depth].tolist(), strict=True)
    out = []
    for i, score in found:
        grade = grades.get(task.document_ids[i])
        relevant = grade is not None and grade > 0
        text = _cut(task.documents[i])
        out.append({"id": task.document_ids[i], "text": text, "relevant": relevant, "grade": grade, "score": score})
    return out


def _pair(task: ScoredTask, row: int, base: Scores, tuned: Scores) -> dict[str, Any]:
    return {
        "sentence1": _cut(task.sentences1[row]),
        "sentence2": _cut(task.sentences2[row]),
        "gold": float(task.scores[row]),
        "base_similarity": float(_similarities(task, base)[row]),
        "tuned_similarity": float(_similarities(task, tuned)[row]),
    }


def _rank_agreement(task: ScoredTask, scores: Scores) -> np.ndarray:
    """[P] in 0..1: 1 where a pair has the same rank by similarity and by gold."""
    return 1 - abs(stats.rankdata(_similarities(task, scores)) - stats.rankdata(task.scores)) / (len(task) - 1)


def _similarities(task: ScoredTask, scores: Scores) -> np.ndarray:
    if scores.similarities is None:
        raise ValueError(f"the scores hold no similarities of {task.name}")
    return scores.similarities


def _cut(text: str) -> str:
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"
