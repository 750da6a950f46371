"""Batches of similar rows: neighbours meet, rows with a text in common do not, and no row is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.fit.batches import similar
from train.fit.batches.relevance import Relevance
from train.fit.batches.samplers import ShuffledBatchSampler
from train.fit.batches.similar import CLUSTER, STEPS, SimilarBatchSampler, in_steps


def distinct(rows: int) -> Relevance:
    return Relevance(np.arange(rows), np.arange(rows)[:, None] + rows)


def directions(rows: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((rows, 16))
    return in_steps(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


@given(st.integers(1, 300), st.integers(2, 40), st.integers(0, 3), st.integers(20, 400))
@settings(max_examples=40, deadline=None)
def test_every_row_has_its_place_in_every_epoch(rows: int, size: int, epoch: int, searched: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similar, "SEARCHED", searched)
        sampler = SimilarBatchSampler(distinct(rows), directions(rows), size, seed=2)
        sampler.set_epoch(epoch)
        batches = list(sampler)
    assert len(batches) == len(sampler)
    assert sorted(row for batch in batches for row in batch) == list(range(rows))
    assert all(len(batch) == size for batch in batches[:-1])


def test_the_order_follows_from_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        sampler = SimilarBatchSampler(distinct(100), directions(100), 32, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1) and order(1, 0) != order(2, 0)


def test_rows_of_a_topic_meet() -> None:
    topics = np.repeat(np.eye(8), 4 * CLUSTER, axis=0)
    vectors = topics + 0.01 * np.random.default_rng(0).standard_normal(topics.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    of = topics.argmax(axis=1)
    for batch in SimilarBatchSampler(distinct(len(of)), in_steps(vectors), CLUSTER, seed=0):
        assert len(set(of[batch])) == 1


def test_rows_with_a_text_in_common_are_in_different_clusters() -> None:
    # four rows for each positive, all equal: the nearest rows of each are those with its own positive
    positives = np.repeat(np.arange(64), 4)
    vectors = directions(64)[positives]
    relevance = Relevance(np.arange(256), positives[:, None] + 256)
    batches = list(SimilarBatchSampler(relevance, vectors, CLUSTER, seed=0))
    together = [len(batch) - len(set(positives[batch])) for batch in batches]
    at_random = [len(batch) - len(set(positives[batch])) for batch in ShuffledBatchSampler(256, CLUSTER, seed=0)]
    assert np.median(together) == 0  # where too few rows are left to choose from, some meet
    assert sum(together) < sum(at_random) / 2


def test_paraphrases_of_one_text_are_kept_apart_though_no_text_is_in_both_rows() -> None:
    # rows (a, b), (b, c) and (d, a) of each of 64 texts: the second and the third have no text in common
    texts = np.arange(256).reshape(64, 4)
    relevance = Relevance(texts[:, [0, 1, 3]].ravel(), texts[:, [1, 2, 0]].reshape(-1, 1))
    topics = np.repeat(np.arange(64), 3)
    vectors = directions(64)[topics]
    sampler = SimilarBatchSampler(relevance, vectors, 24, seed=0)
    clusters = sampler._clusters(np.arange(192), np.random.default_rng(0))
    assert all(len(set(topics[cluster])) == len(cluster) for cluster in clusters)


def test_rows_of_few_labels_still_fill_their_clusters() -> None:
    # three labels with a hundred rows each: however near those of one label are, a cluster has one of each
    labels = np.repeat(np.arange(3), 100)
    relevance = Relevance(np.arange(300), labels[:, None] + 300)
    sampler = SimilarBatchSampler(relevance, directions(3)[labels], CLUSTER, seed=0)
    clusters = sampler._clusters(np.arange(300), np.random.default_rng(0))
    assert [len(cluster) for cluster in clusters] == [3] * 100
    assert all(len(set(labels[cluster])) == 3 for cluster in clusters)


def test_a_cluster_is_a_row_with_its_nearest() -> None:
    vectors = directions(60, seed=5)
    exact = vectors.astype(np.int64) @ vectors.astype(np.int64).T
    sampler = SimilarBatchSampler(distinct(60), vectors, CLUSTER, seed=0)
    free = set(range(60))
    for cluster in sampler._clusters(np.arange(60), np.random.default_rng(0)):
        seed, *others = cluster.tolist()
        nearest = sorted(free - {seed}, key=lambda row: -exact[seed, row])[: CLUSTER - 1]
        assert sorted(exact[seed, others]) == sorted(exact[seed, nearest])
        free -= set(cluster.tolist())
    assert not free


@given(st.integers(0, 1000), st.integers(2, 2048))
@settings(max_examples=30, deadline=None)
def test_similarities_are_exact_in_float32(seed: int, dimensions: int) -> None:
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((4, dimensions))
    vectors[1] = vectors[0]
    whole = in_steps(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    exact = whole.astype(np.int64) @ whole.astype(np.int64).T
    assert np.array_equal(whole.astype(np.float32) @ whole.astype(np.float32).T, exact)
    assert abs(exact[0, 0] / STEPS**2 - 1) < 0.01 * max(1, dimensions / 512)
