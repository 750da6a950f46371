"""Encode a task with a model, score it, and compare two models on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from torch import Tensor

from train.evaluate.statistics import RESAMPLES, compare_means, compare_spearman
from train.evaluate.tasks import RetrievalTask, Scores, Similarity, Task, score
from train.evaluate.verdict import DatasetResult, MetricPair, dataset_verdict

Role = Literal["query", "document", "symmetric"]
"""What a text is to the model; it decides the prompt. "symmetric" is a side of a scored pair."""


class Encoder(Protocol):
    """A model as a function from texts to vectors."""

    def encode(self, texts: Sequence[str], role: Role) -> Tensor:
        """[N, D] float32, row i for text i."""
        ...


def score_model(task: Task, encode: Encoder, similarity: Similarity | None = None) -> Scores:
    """Encode every distinct text of the task once and score the vectors. Errors are those of `tasks.score`.

    Args:
        task: what is judged.
        encode: the model.
        similarity: how vectors are compared; by default as the model does (its `similarity`), else by cosine. Scored pairs
            are always compared by cosine.
    """
    how: Similarity = similarity if similarity is not None else getattr(encode, "similarity", "cosine")
    if isinstance(task, RetrievalTask):
        queries = encode.encode(task.distinct_queries.texts, "query")
        documents = encode.encode(task.distinct_documents.texts, "document")
        return score(task, queries, documents.to(queries.device), how)
    vectors = encode.encode(task.distinct.texts, "symmetric")
    rows = task.distinct.rows
    return score(task, vectors[rows[: len(task)]], vectors[rows[len(task) :]])


def compare(task: Task, base: Scores, tuned: Scores, seed: int = 0, resamples: int = RESAMPLES) -> DatasetResult:
    """Judge tuned against base on a task that both were scored on.

    Args:
        task: the task.
        base: the base's scores on it.
        tuned: the tuned model's.
        seed: of the resampling.
        resamples: of the bootstrap and of the randomisation test.

    Raises:
        ValueError: the scores are not of this task.
    """
    metric = task.primary
    if isinstance(task, RetrievalTask):
        found = compare_means(base.per_query[metric], tuned.per_query[metric], seed=seed, resamples=resamples)
    elif base.similarities is not None and tuned.similarities is not None:
        found = compare_spearman(task.scores, base.similarities, tuned.similarities, seed=seed, resamples=resamples)
    else:
        raise ValueError(f"{task.name} is a task of scored pairs, but the scores hold no similarities")
    if found.n != len(task):
        raise ValueError(f"scores of {found.n} queries or pairs do not fit the {len(task)} of {task.name}")
    return DatasetResult(
        name=task.name,
        kind=task.kind.value,
        split=task.split,
        metric=metric,
        n=found.n,
        base=found.base,
        tuned=found.tuned,
        delta=found.delta,
        ci95=found.ci95,
        p_value=found.p_value,
        verdict=dataset_verdict(found.ci95, found.n),
        metrics={name: MetricPair(base=value, tuned=tuned.values[name]) for name, value in base.values.items()},
    )
