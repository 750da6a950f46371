"""Judging checkpoints on dev while training runs: cheap, on the same pool for every checkpoint, never on test."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from data.prepared import PreparedDataset
from data.schema import text_id
from train.encode.protocol import TextEncoder
from train.evaluate.evaluator import Encoders, encoder_for, primary_value, score_model
from train.evaluate.slices import DevGain
from train.evaluate.slicing import with_taught
from train.evaluate.tasks import RetrievalTask, Task, build_task, with_documents, with_pool
from train.runs.records import DevParts, ScoreLine
from train.runs.score_log import dev_noise
from train.selection.parts import can_be_parted, parts_of

POOL_STEPS = (50, 20, 10)
"""Documents a query that are tried, in this order, when the pool is too large for the budget."""

CLEAR_GAIN = 0.05
"""A gain on a pool of the base's that its bias alone does not make: ten documents a query flattered a model that shares no
mistake with the base by 0.15, to 0.037 more than the base had, and a tuned one by 0.014 (finqa10k)."""

LAST_POOL = 20
"""Documents a query that the best checkpoint ranks highest and that join the pool before the last choice."""

FEWEST_QUERIES = 100
"""A dev pool is never made cheaper by asking fewer queries than this."""

LONGEST = 1024
"""Characters of a text that count: about 256 tokens of English."""


@dataclass
class DevJudge:
    """Scores checkpoints on the dev splits of the data sets that are trained on.

    The pool of a retrieval task is fixed by the base: judged documents plus those that the base ranks highest for each dev
    query. Scores on a pool are higher than on the full corpus and serve to choose a checkpoint only: a document that none but
    the checkpoints take for relevant is not in the pool. Where they are to be told apart from the base, see `extend_pool`.
    """

    tasks: dict[str, Task]
    base: dict[str, float] = field(default_factory=dict)
    base_queries: dict[str, np.ndarray] = field(default_factory=dict)
    """The base's value of each query, where dev has enough of them for taught and for new documents."""

    def score(self, encode: Encoders) -> dict[str, float]:
        """Return the primary metric of every data set, 0..1."""
        return self._judged(encode)[0]

    @property
    def noise(self) -> float:
        """Standard error of the difference of two checkpoints in the mean score, 0 without a dev split."""
        return dev_noise(map(len, self.tasks.values())) if self.tasks else 0.0

    def gain(self, name: str, tuned: Mapping[str, float]) -> DevGain | None:
        """Return what a model with these scores gained on the dev split of a data set; None where there is none."""
        if name not in self.tasks or name not in self.base or name not in tuned:
            return None
        base = self.base[name]
        return DevGain(n=len(self.tasks[name]), base=base, tuned=tuned[name], delta=tuned[name] - base)

    def line(self, step: int, encode: Encoders) -> ScoreLine:
        """Return one line of `scores.jsonl`: `dev` is the mean of the data sets' primary metrics, None without a dev split."""
        began = time.perf_counter()
        scores, parts = (self.base, {}) if step == 0 and self.base else self._judged(encode)
        mean = sum(scores.values()) / len(scores) if scores else None
        line = ScoreLine(step=step, dev=mean, datasets=scores, eval_seconds=round(time.perf_counter() - began, 3))
        return line.model_copy(update={"parts": parts}) if parts else line

    def _judged(self, encode: Encoders) -> tuple[dict[str, float], dict[str, DevParts]]:
        """Return the primary metric of every data set, and what it is on taught and on new documents where dev has enough."""
        scores: dict[str, float] = {}
        parts: dict[str, DevParts] = {}
        for name, task in self.tasks.items():
            found = score_model(task, encoder_for(name, encode))
            scores[name] = primary_value(found)
            if name in self.base_queries and isinstance(task, RetrievalTask) and task.taught is not None:
                parts[name] = parts_of(task.taught, self.base_queries[name], found.per_query[task.primary])
        return scores, parts


def extend_pool(judge: DevJudge, datasets: Mapping[str, PreparedDataset], encode: Encoders) -> tuple[DevJudge, dict[str, float]]:
    """Return a judge whose pools hold what this model ranks highest over the full corpus, too.

    So its own mistakes count as those of the base do. The base's score is the same among them: its own highest documents are in
    both pools.

    Args:
        judge: with pools that are the base's.
        datasets: that it judges, by name.
        encode: the model.

    Returns:
        The judge, and what it would say of this model, of the data sets whose pool was not the whole corpus.
    """
    tasks, values = dict(judge.tasks), {}
    for name, task in judge.tasks.items():
        corpus = datasets[name].corpus
        if not isinstance(task, RetrievalTask) or corpus is None or len(task.document_ids) == len(corpus):
            continue
        whole = build_task(datasets[name], "dev")
        assert isinstance(whole, RetrievalTask)
        whole = limit_queries(whole, len(task))
        found = score_model(whole, encoder_for(name, encode))
        assert found.ranking is not None
        top = {whole.document_ids[row] for row in np.unique(found.ranking.rows[:, :LAST_POOL])}
        tasks[name], values[name] = with_documents(whole, top.union(task.document_ids)), primary_value(found)
    return DevJudge(tasks, judge.base, judge.base_queries), values


def build_dev_judge(
    datasets: Mapping[str, PreparedDataset],
    encode_base: Encoders,
    queries: int,
    pool_top: int,
    budget: float,
    judged_base: Encoders | None = None,
    taught: np.ndarray | None = None,
) -> DevJudge:
    """Build the tasks of all dev splits, with pools from the base's ranking over the full corpus.

    Args:
        datasets: the data sets that are trained on.
        encode_base: the base model; should remember vectors, as the test judgement asks for the same corpus.
        queries: dev queries at most, chosen by hash; scored pairs are cheap and all used.
        pool_top: documents a query in the pool beside the judged ones, at most.
        budget: characters that judging one checkpoint may encode on each retrieval set; the pool shrinks to fit, but not below
            `FEWEST_QUERIES` queries with `POOL_STEPS[-1]` documents each.
        judged_base: the base in the precision in which checkpoints will be judged, where that is another one.
        taught: hashes of the documents that training rows hold, see `slicing.taught_queries`.
    """
    judged_base = encode_base if judged_base is None else judged_base
    tasks: dict[str, Task] = {}
    base: dict[str, float] = {}
    queries_of_base: dict[str, np.ndarray] = {}
    for name, prepared in datasets.items():
        if "dev" not in prepared.splits or not len(prepared.splits["dev"]):
            continue
        task = with_taught(build_task(prepared, "dev"), taught)
        if isinstance(task, RetrievalTask):
            task = affordable_pool(limit_queries(task, queries), encoder_for(name, encode_base), pool_top, budget)
        tasks[name] = task
        found = score_model(task, encoder_for(name, judged_base))
        base[name] = primary_value(found)
        if can_be_parted(task):
            queries_of_base[name] = found.per_query[task.primary]
    return DevJudge(tasks, base, queries_of_base)


def affordable_pool(task: RetrievalTask, encode_base: TextEncoder, pool_top: int, budget: float) -> RetrievalTask:
    """Return the task on the base's top documents, with the largest pool whose texts fit the budget.

    First the documents a query go down through `POOL_STEPS`, then the queries are halved: a few dozen hard candidates a query
    tell checkpoints apart as well as a hundred do, fewer queries cost precision.
    """
    ranking = score_model(task, encode_base).ranking
    if ranking is None:
        return task
    tops = [pool_top, *(top for top in POOL_STEPS if top < pool_top)]
    for top in tops:
        pool = with_pool(task, ranking, top=min(top, ranking.rows.shape[1]))
        if characters(pool) <= budget:
            return pool
    if len(task) >= 2 * FEWEST_QUERIES:
        return affordable_pool(limit_queries(task, len(task) // 2), encode_base, tops[-1], budget)
    return pool


def characters(task: RetrievalTask) -> int:
    """Count what a task costs to encode, with each text cut at `LONGEST` characters, as a tokenizer would cut it."""
    return sum(min(len(text), LONGEST) for text in (*task.distinct_documents.texts, *task.distinct_queries.texts))


def limit_queries(task: RetrievalTask, most: int) -> RetrievalTask:
    """Return the task with at most so many queries, those with the lowest hash of their text: the same ones in every run."""
    if len(task.query_ids) <= most:
        return task
    order = sorted(range(len(task.query_ids)), key=lambda i: text_id(task.queries[i]))
    keep = sorted(order[:most])
    ids = [task.query_ids[i] for i in keep]
    return dataclasses.replace(
        task,
        query_ids=ids,
        queries=[task.queries[i] for i in keep],
        qrels={query: task.qrels[query] for query in ids},
        groups=None,  # nothing is resampled on dev
        taught=None if task.taught is None else task.taught[keep],
    )
