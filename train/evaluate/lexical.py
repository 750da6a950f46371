"""What can be had without training a model, or without one at all: BM25, which compares words, and BM25 together with a model.

Q queries, C documents. BM25 in Lucene's form, without stemming and without stop words:

    score(q, d) = Σ over the words t of q: log(1 + (C - df + 0.5) / (df + 0.5)) · tf / (tf + k1 · (1 - b + b · |d| / mean |d|))

Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond", Foundations and Trends in IR 3(4), 2009; the
form: Kamphuis, de Vries, Boytsov and Lin, "Which BM25 do you mean?", ECIR 2020; the library: Lù, "BM25S", arXiv:2407.03618. Two
rankings become one by reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from train.evaluate.exact_search import RESOLUTION, Ranking
from train.evaluate.ranking_metrics import retrieval_metrics
from train.evaluate.score import Scores
from train.evaluate.tasks import DEPTH, TOP, RetrievalTask
from train.evaluate.words import words_of

K1 = 1.5
B = 0.75
"""The library's own: how soon more of a word counts no more, and how much long documents are marked down. Measured on the test
queries of scifact and nfcorpus: nDCG@10 .665, .310; Lucene's 1.2 and .75 give .663 and .306, Anserini's .9 and .4 give .662 and
.305. Anserini itself, which stems English and leaves out stop words: .679 and .322 (BEIR 1.0.0, flat index)."""

FUSION_K = 60
"""The constant of reciprocal rank fusion, as in its paper: a document at rank r of a ranking gets 1 / (60 + r)."""

SECONDS_A_CHARACTER, SECONDS_A_PAIR = 3.5e-7, 2e-8
"""What BM25 takes, measured on two cores: for each character of the texts, and for each query times document (medquad: 3 s)."""

MOST_SECONDS = 60.0
"""By these figures; beyond it BM25 is left out."""

Ranked = Sequence[np.ndarray]
"""For each query the rows of its documents (indices into `document_ids`), best first, at most `DEPTH`."""


def seconds_of_words(task: RetrievalTask) -> float:
    """Estimate what BM25 on a task takes: from its size alone, not from a clock, so that equal runs report the same."""
    characters = sum(map(len, task.documents)) + sum(map(len, task.queries))
    return SECONDS_A_CHARACTER * characters + SECONDS_A_PAIR * len(task) * len(task.documents)


def rank_by_words(task: RetrievalTask, k1: float = K1, b: float = B) -> Ranked:
    """Rank the documents of a task by BM25, see the module.

    Documents that share no word with the query are not found. Equal scores are ordered by document id, descending, as everywhere
    (`exact_search`), and the document that is the query itself is left out, as in `score_retrieval`.

    Args:
        task: whose queries and corpus.
        k1, b: of the formula.
    """
    index, numbers = _index(task, k1, b)
    order, own = _id_ranks(task), task.own_rows
    found: dict[int, np.ndarray] = {}
    out = []
    for number, itself in zip(task.distinct_queries.rows.tolist(), own.tolist(), strict=True):
        if number not in found:
            known = [numbers[word] for word in words_of(task.distinct_queries.texts[number]) if word in numbers]
            scores = index.get_scores_from_ids(known) if known else np.zeros(len(task.documents))
            found[number] = _best(scores, order, DEPTH + 1)
        out.append(found[number][found[number] != itself][:DEPTH])
    return out


def _index(task: RetrievalTask, k1: float, b: float) -> tuple[Any, dict[str, int]]:
    """Return BM25 over the corpus, and the number of each of its words."""
    import bm25s

    numbers: dict[str, int] = {}
    rows = [[numbers.setdefault(word, len(numbers)) for word in words_of(text)] for text in task.documents]
    index = bm25s.BM25(k1=k1, b=b, method="lucene", dtype="float64", backend="numpy")
    if numbers:
        index.index((rows, numbers), create_empty_token=False, show_progress=False)
    return index, numbers


def ranked_by_model(task: RetrievalTask, ranking: Ranking) -> Ranked:
    """Return the ranking of a model's `Scores` as `Ranked`: without the document that is the query itself."""
    return [rows[rows != itself] for rows, itself in zip(ranking.rows, task.own_rows, strict=True)]


def fuse(task: RetrievalTask, first: Ranked, second: Ranked, k: int = FUSION_K) -> Ranked:
    """Fuse two rankings of a task: each gives a document at its rank r, from 1, 1 / (k + r); nothing where it is not found."""
    order = _id_ranks(task)
    scores = np.zeros(len(task.documents))
    out = []
    for one, other in zip(first, second, strict=True):
        for rows in (one, other):
            scores[rows] += 1 / (k + 1 + np.arange(len(rows)))
        either = np.union1d(one, other)
        out.append(either[_best(scores[either], order[either], DEPTH, resolution=1e-12)])
        scores[either] = 0
    return out


def score_ranked(task: RetrievalTask, ranked: Ranked) -> Scores:
    """Compute the metrics of a ranking that no vectors stand behind; errors are those of `retrieval_metrics`."""
    ids = [[task.document_ids[row] for row in rows.tolist()] for rows in ranked]
    per_query = retrieval_metrics(task.query_ids, ids, task.qrels)
    values = {name: float(found.mean()) for name, found in per_query.items()}
    return Scores(primary=task.primary, values=values, per_query=per_query, top_ids=[found[:TOP] for found in ids])


def _id_ranks(task: RetrievalTask) -> np.ndarray:
    """Return [C] the place of each document's id among all ids, ascending."""
    count = len(task.document_ids)
    ranks = np.empty(count, dtype=np.int64)
    ranks[sorted(range(count), key=task.document_ids.__getitem__)] = np.arange(count)
    return ranks


def _best(scores: np.ndarray, order: np.ndarray, k: int, resolution: float = RESOLUTION) -> np.ndarray:
    """Return the rows of the k highest scores above 0, best first; among equals the one of the highest `order`.

    Args:
        scores: [N], 0 for what was not found.
        order: [N] distinct.
        k: how many at most.
        resolution: scores that differ by less count as equal.
    """
    rows = np.flatnonzero(scores > 0)
    steps = np.round(scores[rows] / resolution)
    if len(rows) > k:
        # everything that ties with the last one stays until ids have decided
        kept = steps >= np.partition(steps, -k)[-k]
        rows, steps = rows[kept], steps[kept]
    return rows[np.lexsort((-order[rows], -steps))[:k]]
