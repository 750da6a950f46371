"""Which texts the items of a task share."""

from __future__ import annotations

from data.schema import text_id
from train.evaluate.tasks import RetrievalTask, Task
from train.evaluate.units import Units


def shared_texts(task: Task) -> list[tuple[str, ...]]:
    """Return for each item the ids of the texts that others may share with it: of a query its own and its relevant documents, of
    a scored pair both sentences."""
    if not isinstance(task, RetrievalTask):
        return [(text_id(a), text_id(b)) for a, b in zip(task.sentences1, task.sentences2, strict=True)]
    relevant = [[one for one, grade in task.qrels[query].items() if grade > 0] for query in task.query_ids]
    wanted = {one for some in relevant for one in some}
    texts = {one: text_id(text) for one, text in zip(task.document_ids, task.documents, strict=True) if one in wanted}
    return [(f"?{text_id(query)}", *(texts[one] for one in some)) for query, some in zip(task.queries, relevant, strict=True)]


def units_of(task: Task) -> Units:
    """Return which items of a task belong together; worked out once a task."""
    known = task.__dict__.get("_units")
    if known is None:
        known = Units.of(shared_texts(task) if task.groups is None else (), task.groups, task.kind.value)
        task.__dict__["_units"] = known  # as functools.cached_property does
    return known
