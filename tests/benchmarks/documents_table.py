"""Print the table of docs/recipe.md on taught and new documents, from the folders of finished runs.

    python -m tests.benchmarks.documents_table checkpoints/before-*

Runs of versions that did not record which queries train taught are completed: their data are split again as config.yaml says.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from train.config.load import load_config
from train.evaluate.slices import SliceResult, TaughtAndNew
from train.evaluate.slicing import by_documents, document_hashes, taught_queries
from train.evaluate.tasks import RetrievalTask, build_task
from train.plan.datasets import load_datasets
from train.runs.finished import FinishedRun, read_finished
from train.wording import change, fraction, interval

SEED = 42


def taught_and_new(run: FinishedRun, dataset: str) -> TaughtAndNew:
    """Return what the run's test says of taught and of new documents in one data set."""
    result = run.results[dataset]
    if result.slices:
        return TaughtAndNew.of(result.slices)
    config = load_config(run.folder / "config.yaml")
    datasets = load_datasets(config)
    texts = [text for one in datasets.values() if one.corpus is not None for text in one.splits["train"].unique("positive")]
    task = build_task(datasets[dataset], "test")
    if not isinstance(task, RetrievalTask):
        return TaughtAndNew(taught=None, new=None)
    taught = dict(zip(task.query_ids, taught_queries(task, document_hashes(texts)).tolist(), strict=True))
    values = run.values(dataset, result.metric)
    mask = np.array([taught[item] for item in values.items], dtype=bool)
    base, tuned = np.array(values.base), np.array(values.tuned)
    return TaughtAndNew.of(by_documents(mask, base, tuned, seed=SEED, groups=values.groups))


def row(run: FinishedRun, dataset: str) -> str:
    """Return one line of the table."""
    result, parts = run.results[dataset], taught_and_new(run, dataset)
    all_of_them = f"{fraction(result.base)} → {fraction(result.tuned)}"
    return f"| {dataset} | {all_of_them} | {_cells(parts.taught)} | {_cells(parts.new)} |"


def _cells(part: SliceResult | None) -> str:
    if part is None:
        return "0 | | "
    return f"{part.n:,} | {fraction(part.base)} → {fraction(part.tuned)} | {change(part.delta)} ({interval(part.ci95)})"


def main(folders: list[str]) -> None:
    """Print a row for each data set of queries of each run."""
    print("| data set | all | queries, taught | | gain | queries, new | | gain |\n|---|---|---|---|---|---|---|---|")
    for folder in folders:
        run = read_finished(Path(folder))
        for name, result in run.results.items():
            if result.kind != "scored":
                print(row(run, name), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
