"""Batches: no false negatives, every row at most once, the same number of batches in every epoch."""

from __future__ import annotations

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from data.schema import DataError
from train.fit.batching import RankingBatchSampler, RankShare, ShuffledBatchSampler, ranking_keys

rows = st.lists(st.tuples(st.integers(0, 12), st.integers(100, 115), st.integers(100, 130)), min_size=2, max_size=80)


@settings(max_examples=150, deadline=None)
@given(rows=rows, batch_size=st.integers(2, 16), epoch=st.integers(0, 3))
def test_no_document_of_a_row_is_relevant_to_another_row_of_its_batch(
    rows: list[tuple[int, int, int]], batch_size: int, epoch: int
) -> None:
    queries = np.array([q for q, _, _ in rows])
    documents = np.array([[p, n] for _, p, n in rows])
    sampler = RankingBatchSampler(queries, documents, batch_size, seed=3)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    relevant: dict[int, set[int]] = {}
    for query, positive, _ in rows:
        relevant.setdefault(query, set()).add(positive)
    for batch in batches:
        assert len(batch) <= batch_size
        for row in batch:
            for other in batch:
                if other != row:
                    assert not relevant[rows[row][0]] & {rows[other][1], rows[other][2]}
    placed = [row for batch in batches for row in batch]
    assert len(placed) == len(set(placed))
    assert len(placed) + sampler.left_out == len(rows)
    assert len(batches) == len(sampler)


def test_rows_without_conflicts_fill_whole_batches() -> None:
    sampler = RankingBatchSampler(np.arange(1000), np.arange(1000, 2000)[:, None], 64, seed=0)
    sizes = sorted(len(batch) for batch in sampler)
    assert len(sizes) == 16
    assert sizes[1:] == [64] * 15
    assert sampler.left_out == 0


def test_rows_of_one_positive_get_a_batch_each() -> None:
    # 60 rows, 10 positives with 6 queries each: at most 10 rows fit a batch although 32 were asked for
    documents = np.repeat(np.arange(10), 6)[:, None]
    sampler = RankingBatchSampler(np.arange(100, 160), documents, 32, seed=0)
    batches = list(sampler)
    assert len(batches) == 6
    assert all(len({int(documents[row, 0]) for row in batch}) == len(batch) for batch in batches)
    assert sampler.left_out == 0


def test_a_text_is_never_the_negative_of_itself() -> None:
    # paraphrases as (a, b) and (c, a): in one batch, `a` the document would be a negative of `a` the query
    sampler = RankingBatchSampler(np.array([0, 2]), np.array([[1], [0]]), 2, seed=0)
    assert sorted(map(sorted, sampler)) == [[0]] and sampler.left_out == 1
    table = Dataset.from_dict({"anchor": ["a", "c", *"defg"], "positive": ["b", "A ", *"hijk"]})
    whole = RankingBatchSampler(*ranking_keys(table), batch_size=3, seed=0)
    assert all(not {0, 1} <= set(batch) for batch in whole)


def test_rows_without_a_place_are_counted() -> None:
    sampler = RankingBatchSampler(np.arange(100, 1100), np.zeros((1000, 1), dtype=np.int64), 64, seed=0)
    assert sampler.count_left_out() == 1000 - len(sampler) == 1000 - 64
    assert ShuffledBatchSampler(10, 3, seed=0).count_left_out() == 0


def test_order_depends_on_seed_and_epoch_alone() -> None:
    def plan(seed: int, epoch: int) -> list[list[int]]:
        sampler = ShuffledBatchSampler(50, 8, seed)
        sampler.set_epoch(epoch)
        return list(sampler)

    assert plan(1, 0) == plan(1, 0)
    assert plan(1, 0) != plan(1, 1)
    assert plan(1, 0) != plan(2, 0)
    assert sorted(row for batch in plan(1, 4) for row in batch) == list(range(50))


def test_keys_join_equal_texts_across_columns() -> None:
    table = Dataset.from_dict(
        {
            "row": ["f:1", "f:2"],
            "anchor": ["What is a pod?", "kubernetes"],
            "positive": ["The smallest unit.", "what  is a POD?"],
            "negative_1": ["A whale.", "the smallest unit."],
        }
    )
    queries, documents = ranking_keys(table)
    assert queries.tolist()[0] == documents.tolist()[1][0]
    assert documents.tolist()[0][0] == documents.tolist()[1][1]
    assert len({*queries.tolist(), *documents.ravel().tolist()}) == 4


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
