"""Which items were judged, as one hash: runs with equal hashes can be compared query by query."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from train.evaluate.tasks import RetrievalTask, Task


def task_sha256(task: Task) -> str:
    """SHA-256 over everything that a task judges a model with: ids, texts, judgements, corpus, gold scores.

    Names, splits and how the items came to be (split options, training rows at most) do not enter. Queries and documents are
    taken in the order of their ids, so a file in another order poses the same task; scored pairs in their own order, since their
    number is their only id.
    """
    digest = hashlib.sha256()
    if isinstance(task, RetrievalTask):
        _add(digest, "queries", sorted(zip(task.query_ids, task.queries, strict=True)))
        judgements = ((query, document, repr(float(g))) for query in task.query_ids for document, g in task.qrels[query].items())
        _add(digest, "judgements", sorted(judgements))
        _add(digest, "documents", sorted(zip(task.document_ids, task.documents, strict=True)))
    else:
        scores = (repr(float(score)) for score in task.scores)
        _add(digest, "pairs", zip(task.sentences1, task.sentences2, scores, strict=True))
    return digest.hexdigest()


def _add(digest: hashlib._Hash, part: str, rows: Iterable[tuple[str, ...]]) -> None:
    """Each text with its length before it, so that no two different lists give the same bytes."""
    digest.update(f"{part}\n".encode())
    for row in rows:
        for text in row:
            data = text.encode("utf-8", "surrogatepass")
            digest.update(b"%d:%b" % (len(data), data))
