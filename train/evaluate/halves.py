"""Parts of a task: some of its items, and its two halves, so that what chooses never judges."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from data.schema import text_id
from train.evaluate.statistics import group_numbers
from train.evaluate.tasks import RetrievalTask, Task, with_documents


def take(task: Task, keep: Sequence[int]) -> Task:
    """Return the task with only those of its queries or pairs, in their order; a corpus stays whole.

    Args:
        task: the task.
        keep: their numbers, from 0.
    """
    rows = np.asarray(sorted(keep), dtype=np.int64)
    groups = None if task.groups is None else group_numbers([str(number) for number in task.groups[rows]])
    if not isinstance(task, RetrievalTask):
        first, second = ([texts[row] for row in rows] for texts in (task.sentences1, task.sentences2))
        return dataclasses.replace(task, sentences1=first, sentences2=second, scores=task.scores[rows], groups=groups)
    ids = [task.query_ids[row] for row in rows]
    return dataclasses.replace(
        task,
        query_ids=ids,
        queries=[task.queries[row] for row in rows],
        qrels={query: task.qrels[query] for query in ids},
        groups=groups,
        taught=None if task.taught is None else task.taught[rows],
    )


def fewer_documents(task: RetrievalTask, most: int) -> RetrievalTask:
    """Return the task over at most so many documents: the judged ones, and of the others those with the lowest hash."""
    judged = {document for query in task.query_ids for document in task.qrels[query]}
    others = sorted(
        (text_id(text), identity)
        for identity, text in zip(task.document_ids, task.documents, strict=True)
        if identity not in judged
    )
    return with_documents(task, judged.union(identity for _, identity in others[: max(most - len(judged), 0)]))


def halves(task: Task) -> tuple[Task, Task]:
    """Return the task as two with about as many items, whole groups on one side: the same halves in every run.

    Items, or groups of them, are dealt in the order of a hash of their first text, each to the side that has fewer items. Beside
    the documents that its own queries are judged on the first half searches a quarter of the others, the second one the rest:
    choosing is done several times, judging once.
    """
    texts = task.queries if isinstance(task, RetrievalTask) else task.sentences1
    hashes = [text_id(text) for text in texts]
    units: dict[int, list[int]] = {}
    for item, unit in enumerate(range(len(texts)) if task.groups is None else task.groups.tolist()):
        units.setdefault(unit, []).append(item)
    sides: tuple[list[int], list[int]] = ([], [])
    for unit in sorted(units.values(), key=lambda items: min(hashes[item] for item in items)):
        min(sides, key=len).extend(unit)
    first, second = (take(task, side) for side in sides)
    if isinstance(first, RetrievalTask) and isinstance(second, RetrievalTask):
        return _over(first, quarter=True), _over(second, quarter=False)
    return first, second


def _over(task: RetrievalTask, *, quarter: bool) -> RetrievalTask:
    """Return the task over its judged documents and a quarter of the others, by their hash, or all but that quarter."""
    judged = {document for query in task.query_ids for document in task.qrels[query]}
    pool = [
        identity
        for identity, text in zip(task.document_ids, task.documents, strict=True)
        if identity in judged or (int(text_id(text), 16) % 4 == 0) is quarter
    ]
    return with_documents(task, pool)
