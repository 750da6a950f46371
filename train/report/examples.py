"""The queries and pairs on which two models differ most, or on which the base fails: what you read to see what happened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from scipy import stats

from train.evaluate.exact_search import Ranking
from train.evaluate.score import Scores
from train.evaluate.tasks import RetrievalTask, ScoredTask, Task

EXCERPT = 300
"""Characters of a text that are kept, at most."""

WORST = 15
"""Of the queries or pairs on which the base does worst, how many are shown where the base was kept."""

RELEVANT = 3
"""Relevant documents of a query whose ranks are kept, the highest grades first."""


def pick_examples(task: Task, base: Scores, tuned: Scores, count: int = 25, depth: int = 5) -> list[dict[str, Any]]:
    """Pick the queries or pairs that gained and lost most, at most `count` each, the largest change first.

    Changes of zero are left out. Equal changes keep the order of the task. Texts are cut between
    words to at most `EXCERPT` characters.

    Args:
        task: what was judged.
        base: the base's scores on it.
        tuned: the tuned model's.
        count: how many gained and how many lost.
        depth: documents shown of each ranking.

    Returns:
        Plain dictionaries, JSON-serialisable. All have `dataset`, `kind` ("gained" or "lost"), `base`, `tuned` and `delta`.

        Retrieval: these are values of the primary metric. Further `query_id`, `query`, and `base_ranking` and `tuned_ranking`,
        lists of `id, text, relevant, grade (None: not judged), score`; and `relevant`, a list of `id, text, grade, base_rank,
        tuned_rank` (from 1; None: beyond the ranks that are kept) of the query's first `RELEVANT` relevant documents. `place` is
        where the query, or a document, stands: file and line; "" where that is not known.

        Scored pairs: these are 1 - distance between the pair's ranks by similarity and by gold, as a share of all ranks. Further
        `sentence1`, `sentence2`, `gold`, `base_similarity`, `tuned_similarity` and `place`.
    """
    before, after = _each(task, base), _each(task, tuned)
    delta = after - before
    orders = {"gained": np.argsort(-delta, kind="stable")[:count], "lost": np.argsort(delta, kind="stable")[:count]}
    sign = {"gained": 1, "lost": -1}
    chosen = [(kind, int(row)) for kind, rows in orders.items() for row in rows if sign[kind] * delta[row] > 0]
    return _examples(task, chosen, base, tuned, depth)


def worst_examples(task: Task, base: Scores, count: int = WORST, depth: int = 5) -> list[dict[str, Any]]:
    """Pick the queries or pairs on which one model does worst, the worst first: for a run that ships the base itself.

    Args:
        task: what was judged.
        base: the model's scores on it.
        count: at most.
        depth: documents shown of each ranking.

    Returns:
        As of `pick_examples`, of the kind "failed"; what is told of both models is the same of both.
    """
    values = _each(task, base)
    rows = [int(row) for row in np.argsort(values, kind="stable")[:count] if values[row] < 1]
    return _examples(task, [("failed", row) for row in rows], base, base, depth)


def _examples(task: Task, chosen: Sequence[tuple[str, int]], base: Scores, tuned: Scores, depth: int) -> list[dict[str, Any]]:
    """Return what is shown of (kind, row of the task) pairs."""
    before, after = _each(task, base), _each(task, tuned)
    out = []
    for kind, row in chosen:
        common = {"dataset": task.name, "kind": kind}
        values = {"base": float(before[row]), "tuned": float(after[row]), "delta": float(after[row] - before[row])}
        if isinstance(task, RetrievalTask):
            out.append(common | values | _query(task, row, base, tuned, depth))
        else:
            out.append(common | values | _pair(task, row, base, tuned))
    if isinstance(task, RetrievalTask):
        _add_texts(task, out)
        _add_places(task, out)
    elif task.places is not None:
        for one, place in zip(out, task.places.of_rows([row for _, row in chosen]), strict=True):
            one["place"] = place
    return out


def count_changes(task: Task, base: Scores, tuned: Scores) -> dict[str, Any]:
    """Count what `gained`, `lost` or stayed the `same`, by the values of `pick_examples`; with the `kind` of the task.

    Returns:
        A plain dictionary of these four, JSON-serialisable.
    """
    delta = _each(task, tuned) - _each(task, base)
    gained, lost = int((delta > 0).sum()), int((delta < 0).sum())
    return {"kind": task.kind.value, "gained": gained, "lost": lost, "same": len(task) - gained - lost}


def _each(task: Task, scores: Scores) -> np.ndarray:
    """Return [Q] primary metric of each query, or [P] agreement in rank of each pair."""
    if isinstance(task, RetrievalTask):
        return scores.per_query[task.primary]
    return _rank_agreement(task, scores)


def _query(task: RetrievalTask, row: int, base: Scores, tuned: Scores, depth: int) -> dict[str, Any]:
    return {
        "query_id": task.query_ids[row],
        "query": _cut(task.queries[row]),
        "base_ranking": _ranking(task, row, base, depth),
        "tuned_ranking": _ranking(task, row, tuned, depth),
        "relevant": _relevant(task, row, base, tuned),
    }


def _relevant(task: RetrievalTask, row: int, base: Scores, tuned: Scores) -> list[dict[str, Any]]:
    grades = {document_id: grade for document_id, grade in task.qrels[task.query_ids[row]].items() if grade > 0}
    old, new = ({document_id: rank for rank, document_id in _ranked(task, row, scores)} for scores in (base, tuned))
    beyond = len(task.document_ids) + 1
    # of equal grades, those that one of the models found first tell most
    best = sorted(grades, key=lambda i: (-grades[i], min(old.get(i, beyond), new.get(i, beyond))))[:RELEVANT]
    return [{"id": i, "grade": grades[i], "base_rank": old.get(i), "tuned_rank": new.get(i)} for i in best]


def _ranked(task: RetrievalTask, row: int, scores: Scores) -> Iterator[tuple[int, str]]:
    """Return pairs (rank from 1, document id) of the documents that the search kept."""
    return ((rank, task.document_ids[i]) for rank, i in enumerate(_kept(task, scores).rows[row].tolist(), start=1))


def _add_texts(task: RetrievalTask, examples: Sequence[dict[str, Any]]) -> None:
    """Put the texts of relevant documents in, which need not be in any ranking, in one pass over the corpus."""
    wanted = {document["id"] for example in examples for document in example["relevant"]}
    texts = {i: _cut(task.documents[row]) for row, i in enumerate(task.document_ids) if i in wanted}
    for document in (document for example in examples for document in example["relevant"]):
        document["text"] = texts[document["id"]]


def _add_places(task: RetrievalTask, examples: Sequence[dict[str, Any]]) -> None:
    """Put in where queries and documents stand."""
    shown = [one for example in examples for key in ("base_ranking", "tuned_ranking", "relevant") for one in example[key]]
    queries, documents = {example["query_id"] for example in examples}, {one["id"] for one in shown}
    known = ({}, {}) if task.places is None else (task.places.of_queries(queries), task.places.of_documents(documents))
    for example in examples:
        example["place"] = known[0].get(example["query_id"], "")
    for one in shown:
        one["place"] = known[1].get(one["id"], "")


def _ranking(task: RetrievalTask, row: int, scores: Scores, depth: int) -> list[dict[str, Any]]:
    grades, ranking = task.qrels[task.query_ids[row]], _kept(task, scores)
    found = zip(ranking.rows[row, :depth].tolist(), ranking.scores[row, :depth].tolist(), strict=True)
    out = []
    for i, score in found:
        grade = grades.get(task.document_ids[i])
        relevant = grade is not None and grade > 0
        text = _cut(task.documents[i])
        out.append({"id": task.document_ids[i], "text": text, "relevant": relevant, "grade": grade, "score": score})
    return out


def _kept(task: RetrievalTask, scores: Scores) -> Ranking:
    if scores.ranking is None:
        raise ValueError(f"the scores hold no ranking of {task.name}")
    return scores.ranking


def _pair(task: ScoredTask, row: int, base: Scores, tuned: Scores) -> dict[str, Any]:
    return {
        "sentence1": _cut(task.sentences1[row]),
        "sentence2": _cut(task.sentences2[row]),
        "gold": float(task.scores[row]),
        "base_similarity": float(_similarities(task, base)[row]),
        "tuned_similarity": float(_similarities(task, tuned)[row]),
    }


def _rank_agreement(task: ScoredTask, scores: Scores) -> np.ndarray:
    """Return [P] in 0..1: 1 where a pair has the same rank by similarity and by gold."""
    return 1 - abs(stats.rankdata(_similarities(task, scores)) - stats.rankdata(task.scores)) / (len(task) - 1)


def _similarities(task: ScoredTask, scores: Scores) -> np.ndarray:
    if scores.similarities is None:
        raise ValueError(f"the scores hold no similarities of {task.name}")
    return scores.similarities


def _cut(text: str, length: int = EXCERPT) -> str:
    """Return the beginning of a text, cut between words where there are any near the end."""
    if len(text) <= length:
        return text
    kept = text[: length - 1]
    whole = kept.rsplit(maxsplit=1)[0] if any(c.isspace() for c in kept[-40:]) else kept
    return f"{whole.rstrip()}…"
