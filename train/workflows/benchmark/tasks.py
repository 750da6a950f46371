"""Tasks for mteb: public ones by name, and the user's data sets in mteb's form."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import mteb
from datasets import Dataset
from mteb.abstasks import AbsTask
from mteb.abstasks.retrieval import AbsTaskRetrieval
from mteb.abstasks.sts import AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata

from data.errors import DataError, nearest
from train.errors import ConfigError
from train.evaluate.tasks import RetrievalTask, ScoredTask, Task, task_sha256

NO_LANGUAGE = "und-Zyyy"
"""ISO 639 and ISO 15924 for what is not determined."""
SUBSET = "default"


def named_tasks(names: Sequence[str]) -> list[AbsTask]:
    """Find public tasks, and those of public benchmarks (`MTEB(eng, v2)`), by their names in mteb; capital letters do not matter.

    Raises:
        ConfigError: there is none of that name.
    """
    tasks: dict[str, AbsTask] = {}
    for name in names:
        for task in _named(name):
            tasks.setdefault(task.metadata.name, task)
    return list(tasks.values())


def own_task(task: Task) -> AbsTask:
    """Turn a data set of the user's into a task for mteb: nDCG@10 of a search, or Spearman's correlation of scored pairs.

    Its name in mteb holds a digest of all that is judged, so results of other rows are never taken for its own.

    Raises:
        DataError: a judgement's grade is not a whole number, as mteb needs it.
    """
    kind = _Search if isinstance(task, RetrievalTask) else _Pairs
    # mteb takes the description of a task from its class
    described: Callable[[Task], AbsTask] = type(kind.__name__, (kind,), {"metadata": _metadata(task)})
    return described(task)


def size_of(task: AbsTask) -> tuple[int, int]:
    """Return how many texts a task has, and how many characters they have together, as far as mteb's own statistics say it."""
    if isinstance(task, _Search | _Pairs):
        texts = task.texts()
        return len(texts), sum(map(len, texts))
    statistics: dict[str, Any] = dict(task.metadata.descriptive_stats or {})
    found = [statistics.get(split) or {} for split in task.eval_splits]
    return sum(one.get("num_samples") or 0 for one in found), sum(one.get("number_of_characters") or 0 for one in found)


class _Search(AbsTaskRetrieval):
    def __init__(self, task: RetrievalTask) -> None:
        grades = {grade for query_id in task.query_ids for grade in task.qrels[query_id].values()}
        if any(grade != int(grade) for grade in grades):
            raise DataError(
                "mteb takes only whole numbers as relevance grades, and this data set has others",
                where=task.name,
                hint="round them, or judge with `embed-tune evaluate`",
            )
        super().__init__()
        self._task = task

    def texts(self) -> list[str]:
        """Return all that is encoded."""
        return [*self._task.queries, *self._task.documents]

    def load_data(self, num_proc: int | None = None, **kwargs: Any) -> None:
        """Hand over what is in memory already."""
        judged = {query: {one: int(grade) for one, grade in self._task.qrels[query].items()} for query in self._task.query_ids}
        self.dataset = {
            SUBSET: {
                self._task.split: {
                    "corpus": Dataset.from_dict({"id": list(self._task.document_ids), "text": list(self._task.documents)}),
                    "queries": Dataset.from_dict({"id": list(self._task.query_ids), "text": list(self._task.queries)}),
                    "relevant_docs": judged,
                    "top_ranked": None,
                }
            }
        }
        self.data_loaded = True


class _Pairs(AbsTaskSTS):
    min_score, max_score = 0, 1

    def __init__(self, task: ScoredTask) -> None:
        super().__init__()
        self._task = task

    def texts(self) -> list[str]:
        """Return all that is encoded."""
        return [*self._task.sentences1, *self._task.sentences2]

    def load_data(self, num_proc: int | None = None, **kwargs: Any) -> None:
        """Hand over what is in memory already."""
        columns = {"sentence1": list(self._task.sentences1), "sentence2": list(self._task.sentences2)}
        self.dataset = {SUBSET: {self._task.split: Dataset.from_dict({**columns, "score": self._task.scores.tolist()})}}
        self.data_loaded = True


def _metadata(task: Task) -> TaskMetadata:
    search = isinstance(task, RetrievalTask)
    digest = task_sha256(task)
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", task.name).strip("_") or "data"
    return TaskMetadata(
        name=f"{name}.{digest[:8]}",
        description=f"{task.name}: a data set of one's own",
        dataset={"path": "local", "revision": digest},
        type="Retrieval" if search else "STS",
        eval_splits=[task.split],
        eval_langs=[NO_LANGUAGE],
        main_score="ndcg_at_10" if search else "cosine_spearman",
        is_public=False,
    )


def _named(name: str) -> list[AbsTask]:
    try:
        return [mteb.get_task(name)]
    except KeyError:
        known = {one.metadata.name.lower(): one.metadata.name for one in mteb.get_tasks(exclude_superseded=False)}
    if name.lower() in known:
        return [mteb.get_task(known[name.lower()])]
    benchmarks = {one.name.lower(): one.name for one in mteb.get_benchmarks()}
    if name.lower() in benchmarks:
        return list(mteb.get_benchmark(benchmarks[name.lower()]).tasks)
    near = nearest(name.lower(), known | benchmarks, cutoff=0.5)
    meant = f"did you mean {(known | benchmarks)[near]}? " if near else ""
    raise ConfigError(
        f"{name}: mteb {mteb.__version__} has neither a task nor a benchmark of that name",
        hint=f"{meant}`mteb available-tasks` lists all; a data set of your own is given with --data",
    )
