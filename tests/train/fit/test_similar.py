"""Batches of similar rows: neighbours meet, rows with a text in common do not, and no row is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.fit import similar
from train.fit.batching import ShuffledBatchSampler
from train.fit.relevance import Relevance
from train.fit.similar import CLUSTER, SimilarBatchSampler


def distinct(rows: int) -> Relevance:
    return Relevance(np.arange(rows), np.arange(rows)[:, None] + rows)


def directions(rows: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((rows, 16))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


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
    for batch in SimilarBatchSampler(distinct(len(of)), vectors.astype(np.float16), CLUSTER, seed=0):
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
