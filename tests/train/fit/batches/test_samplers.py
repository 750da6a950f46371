"""Batches: every row once an epoch, groups spread over them, the same number of batches in every epoch."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.errors import DataError
from train.fit.batches.relevance import Relevance
from train.fit.batches.samplers import RankingBatchSampler, RankShare, ShuffledBatchSampler


def spread(positives: list[int], batch_size: int, epoch: int = 0) -> tuple[RankingBatchSampler, list[list[int]]]:
    """Batches of rows with a query each and these positives."""
    queries = np.arange(100, 100 + len(positives))
    sampler = RankingBatchSampler(Relevance(queries, np.array(positives)[:, None]), batch_size, seed=3)
    sampler.set_epoch(epoch)
    return sampler, list(sampler)


@settings(max_examples=150, deadline=None)
@given(positives=st.lists(st.integers(0, 20), min_size=2, max_size=80), batch_size=st.integers(2, 16), epoch=st.integers(0, 3))
def test_every_row_has_a_place_and_groups_are_spread_as_thinly_as_can_be(
    positives: list[int], batch_size: int, epoch: int
) -> None:
    sampler, batches = spread(positives, batch_size, epoch)
    assert sorted(row for batch in batches for row in batch) == list(range(len(positives)))
    assert len(batches) == len(sampler)
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    full = max(1, len(positives) // batch_size)
    crowded = 0
    for positive, size in Counter(positives).items():
        together = [sum(positives[row] == positive for row in batch) for batch in batches]
        assert max(together) <= -(-size // full)
        crowded += size if size > full else 0
    assert sampler.count_crowded() == crowded


def test_rows_of_one_positive_get_a_batch_each() -> None:
    # 64 rows, 8 positives with 8 queries each, 8 batches of 8: each batch has every positive once
    _, batches = spread([row // 8 for row in range(64)], 8)
    assert all(sorted(row // 8 for row in batch) == list(range(8)) for batch in batches)


def test_a_chain_of_texts_is_one_group() -> None:
    # (a, b), (c, a), (d, c): `a` and `c` are a query in one row and a positive in another
    table = Dataset.from_dict({"anchor": ["a", "c", "d", *"efghi"], "positive": ["b", "A ", "c", *"jklmn"]})
    relevance = Relevance.of(table)
    assert relevance.tied.tolist() == [True] * 3 + [False] * 5
    for epoch in range(20):
        sampler = RankingBatchSampler(relevance, 2, seed=0)
        sampler.set_epoch(epoch)
        assert all(len({0, 1, 2} & set(batch)) <= 1 for batch in sampler)


def test_the_texts_of_a_group_that_is_too_large_are_spread() -> None:
    # one chain of 40 rows holds 10 positives with 4 rows each; in 5 batches its rows meet, but not those of one positive
    positives = np.repeat(np.arange(10), 4)
    queries = np.where(np.arange(40) % 4 == 0, 100 + np.arange(40) // 4, 200 + np.arange(40))
    queries[3::4] = 100 + (np.arange(10) + 1) % 10
    sampler = RankingBatchSampler(Relevance(queries, positives[:, None]), 8, seed=0)
    assert sampler.count_crowded() == 40
    for batch in sampler:
        assert max(Counter(positives[batch].tolist()).values()) == 1


def test_rows_of_different_groups_meet_by_chance_alone() -> None:
    meetings = 0
    for epoch in range(300):
        _, batches = spread([0, 0, 0, 1, 1, 1, *range(2, 20)], 6, epoch)
        meetings += any({0, 3} <= set(batch) for batch in batches)
    assert 0.15 < meetings / 300 < 0.35  # one in four batches


def test_order_depends_on_seed_and_epoch_alone() -> None:
    def plan(seed: int, epoch: int) -> list[list[int]]:
        sampler = ShuffledBatchSampler(50, 8, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert plan(1, 0) == plan(1, 0)
    assert plan(1, 0) != plan(1, 1)
    assert plan(1, 0) != plan(2, 0)
    assert sorted(row for batch in plan(1, 4) for row in batch) == list(range(50))


@given(rows=st.integers(2, 60), batch=st.integers(2, 12), world=st.integers(1, 4), epoch=st.integers(0, 3))
def test_the_shares_of_all_processes_make_up_the_global_batches(rows: int, batch: int, world: int, epoch: int) -> None:
    assume(min(rows, batch) >= world)
    whole = ShuffledBatchSampler(rows, batch, seed=1)
    whole.set_epoch(epoch)
    shares = [RankShare(ShuffledBatchSampler(rows, batch, seed=1), rank, world) for rank in range(world)]
    for share in shares:
        share.set_epoch(epoch)
    parts = [list(share) for share in shares]
    assert {len(part) for part in parts} == {len(whole)} == {len(share) for share in shares}
    dropped = 0
    for number, expected in enumerate(whole.plan()):
        together = [row for part in parts for row in part[number]]
        assert len({len(part[number]) for part in parts}) == 1  # gathering needs equal shapes
        if len(expected) >= world:
            assert together == expected[: len(together)]
            dropped += len(expected) - len(together)
        else:
            assert together == whole.plan()[0][: len(together)]  # replaced by a whole batch
            dropped += len(expected)
    assert shares[0].count_dropped() == dropped


def test_rows_too_few_for_the_processes_are_refused() -> None:
    with pytest.raises(DataError, match="2 training rows are too few for 4 processes"):
        list(RankShare(ShuffledBatchSampler(2, 8, seed=1), 0, 4))


def test_a_part_of_an_epoch_sees_rows_of_all_texts() -> None:
    """200 queries with 30 rows each, over documents that recur: a fifth of the batches has some rows of nearly every query."""
    queries = np.repeat(np.arange(200), 30)
    documents = 1000 + np.random.default_rng(0).integers(0, 300, len(queries))
    sampler = RankingBatchSampler(Relevance(queries, documents[:, None]), 16, seed=1)
    plan = sampler.plan()
    part = [row for batch in plan[: len(plan) // 5] for row in batch]
    counts = np.bincount(queries[part], minlength=200)
    assert (counts > 0).mean() > 0.95  # by chance a query is missed with a probability of 0.8^30
    assert counts.max() < 20
