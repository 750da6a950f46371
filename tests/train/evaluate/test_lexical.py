"""BM25 and its fusion with a model, against figures worked out by hand and a second implementation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from data.load import prepare
from data.spec import DatasetSpec, SplitSpec
from train.evaluate.exact_search import Ranking
from train.evaluate.lexical import K1, B, fuse, rank_by_words, ranked_by_model, score_ranked, seconds_of_words
from train.evaluate.score import score_retrieval
from train.evaluate.tasks import DEPTH, RetrievalTask, build_task
from train.evaluate.words import note_on_words, words_of


def task(queries: Sequence[str], documents: dict[str, str], qrels: dict[str, dict[str, float]] | None = None) -> RetrievalTask:
    ids = [f"q{i}" for i in range(len(queries))]
    first = next(iter(documents))
    return RetrievalTask(
        "toy", "test", ids, queries, list(documents), list(documents.values()), qrels or {i: {first: 1.0} for i in ids}
    )


def ids_of(one: RetrievalTask, ranked: Sequence[np.ndarray]) -> list[list[str]]:
    return [[one.document_ids[row] for row in rows] for rows in ranked]


def test_bm25_by_hand() -> None:
    # |d| = 2, 4, 3, mean 3; "red" in two of three documents, "boat" in one
    one = task(["Red boat"], {"a": "red car", "b": "a red, red boat", "c": "one green car"})
    idf = {"red": math.log(1 + 1.5 / 2.5), "boat": math.log(1 + 2.5 / 1.5)}
    a = idf["red"] * 1 / (1 + K1 * (1 - B + B * 2 / 3))
    b = idf["red"] * 2 / (2 + K1 * (1 - B + B * 4 / 3)) + idf["boat"] * 1 / (1 + K1 * (1 - B + B * 4 / 3))
    assert b > a and ids_of(one, rank_by_words(one)) == [["b", "a"]], "c shares no word and is not found"
    assert score_ranked(one, rank_by_words(one)).values["mrr@10"] == 0.5


def test_bm25_like_a_second_implementation() -> None:
    random = np.random.default_rng(0)
    vocabulary = [f"w{i}" for i in range(40)]
    texts = {f"d{i:03}": " ".join(random.choice(vocabulary, random.integers(1, 30))) for i in range(300)}
    one = task([" ".join(random.choice(vocabulary, 5)) for _ in range(20)], texts)
    counts = [Counter(text.split()) for text in texts.values()]
    lengths = np.array([sum(count.values()) for count in counts])
    for query, ranked in zip(one.queries, rank_by_words(one), strict=True):
        scores = np.zeros(len(texts))
        for word in query.split():
            tf = np.array([count[word] for count in counts])
            df = (tf > 0).sum()
            scores += np.log(1 + (len(texts) - df + 0.5) / (df + 0.5)) * tf / (tf + K1 * (1 - B + B * lengths / lengths.mean()))
        expected = sorted(range(len(texts)), key=lambda row: (round(scores[row], 6), one.document_ids[row]), reverse=True)
        assert ranked.tolist() == [row for row in expected if scores[row] > 0][:DEPTH]


def test_equal_scores_are_ordered_by_id_also_where_the_last_rank_ties() -> None:
    one = task(["red"], {f"d{i:03}": "red car" for i in range(150)})
    assert ids_of(one, rank_by_words(one)) == [[f"d{i:03}" for i in range(149, 49, -1)]]


def test_a_query_that_stands_in_the_corpus_is_left_out_of_its_own_ranking() -> None:
    documents = {"q0": "the red boat", "d1": "a red boat", "d2": "a green boat"}
    one = task(["the red boat"], documents, {"q0": {"d1": 1.0}})
    assert ids_of(one, rank_by_words(one)) == [["d1", "d2"]]
    vectors = torch.eye(3)
    ranking = score_retrieval(one, vectors[:1], vectors).ranking
    assert ranking is not None and ids_of(one, ranked_by_model(one, ranking)) == [["d2", "d1"]]


@pytest.mark.parametrize("documents", [{"a": "...", "b": "!"}, {"a": "red", "b": "..."}], ids=["no words at all", "other words"])
def test_nothing_is_found_where_no_word_is_shared(documents: dict[str, str]) -> None:
    one = task(["boat", "?"], documents)
    ranked = rank_by_words(one)
    assert [len(rows) for rows in ranked] == [0, 0] and score_ranked(one, ranked).values["ndcg@10"] == 0
    other = [np.array([1, 0]), np.array([0, 1])]
    assert ids_of(one, fuse(one, ranked, other)) == [["b", "a"], ["a", "b"]], "what is left is the other ranking"


def test_fusion_by_hand() -> None:
    one = task(["x"], {name: name for name in "abcd"})
    # a: 1/61, b: 1/62 + 1/61, c: 1/63 + 1/62, d: 1/63
    assert ids_of(one, fuse(one, [np.array([0, 1, 2])], [np.array([1, 2, 3])])) == [["b", "c", "a", "d"]]
    assert ids_of(one, fuse(one, [np.array([0])], [np.array([1])])) == [["b", "a"]], "equal: by id, descending"


def test_a_ranking_of_vectors_scores_as_the_vectors_do() -> None:
    random = torch.Generator().manual_seed(0)
    one = task([f"q {i}" for i in range(30)], {f"d{i:03}": f"d {i}" for i in range(200)})
    scores = score_retrieval(one, torch.randn(30, 8, generator=random), torch.randn(200, 8, generator=random))
    assert isinstance(scores.ranking, Ranking)
    again = score_ranked(one, ranked_by_model(one, scores.ranking))
    assert again.values == scores.values and again.top_ids == scores.top_ids


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't STOP: x_1, 2nd.", ["don", "t", "stop", "x_1", "2nd"]),
        ("ＦＵＬＬ ﬁne", ["full", "fine"]),
        ("cafe\u0301 Straße", ["café", "straße"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("東京都に行く", ["東京", "京都", "都に", "に行", "行く"]),
        ("GPU的 速度!", ["gpu", "的", "速度"]),
        ("กิน ข้าว", ["กิน", "ข้า", "าว"]),
        ("", []),
    ],
    ids=["english", "wide signs", "accents", "hindi", "korean", "japanese", "mixed", "thai", "nothing"],
)
def test_words(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_it_is_said_where_signs_stand_for_words() -> None:
    assert note_on_words("faq", ["東京都に行く", "速度", "a word"]) == (
        "Most texts of faq are in a script that puts no blanks between words: "
        "BM25 takes every two neighbouring signs for a word there."
    )
    assert note_on_words("faq", ["東京", "a word", "हिन्दी में"]) is None and note_on_words("faq", []) is None


def test_what_it_takes_grows_with_the_texts_and_the_queries() -> None:
    small, large = task(["a"], {"a": "b" * 1000}), task(["a"] * 5, {"a": "b" * 1000, "c": "d" * 1000})
    assert 0 < seconds_of_words(small) < seconds_of_words(large) < 0.01


@pytest.mark.shared
@pytest.mark.parametrize(("name", "published"), [("scifact", 0.679), ("nfcorpus", 0.322)])
def test_bm25_is_near_published_figures(shared_datasets: Path, tmp_path: Path, name: str, published: float) -> None:
    """Those of Anserini's flat index (k1 0.9, b 0.4; BEIR 1.0.0), which stems and leaves out stop words, as ours does not."""
    found = build_task(prepare(DatasetSpec(source=str(shared_datasets / name)), SplitSpec(), tmp_path), "test")
    assert isinstance(found, RetrievalTask)
    assert published - 0.02 < score_ranked(found, rank_by_words(found)).values["ndcg@10"] < published + 0.01
