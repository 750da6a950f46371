"""Batches of documents with all their rows, and the loss over them, against loops that say the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from data.errors import DataError
from train.fit.batches.joint import JointBatchSampler
from train.fit.batches.mixture import DosedBatchSampler
from train.fit.batches.relevance import Relevance
from train.fit.batches.samplers import RankShare
from train.fit.losses.ranking import JointRankingLoss, MaskedRankingLoss

SYMMETRIC = {"directions": ("query_to_doc", "doc_to_query"), "partition_mode": "per_direction"}
MODEL: Any = nn.Identity()


def relevance_of(pairs: list[tuple[int, int]]) -> Relevance:
    """Queries from 0 on, documents from 100 on."""
    queries, documents = np.array(sorted(pairs)).T
    return Relevance(queries, documents[:, None] + 100)


PAIRS = st.sets(st.tuples(st.integers(0, 11), st.integers(0, 14)), min_size=1, max_size=60).map(sorted)


@given(PAIRS, st.integers(1, 6), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_an_epoch_has_every_document_once_with_all_of_its_rows(pairs: list[tuple[int, int]], size: int, epoch: int) -> None:
    relevance = relevance_of(pairs)
    sampler = JointBatchSampler(relevance, size, seed=5, queries=1000)
    sampler.set_epoch(epoch)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    assert sorted(row for batch in batches for row in batch) == list(range(len(pairs)))
    found = [{int(relevance.documents[row, 0]) for row in batch} for batch in batches]
    assert sum(len(documents) for documents in found) == len({document for _, document in pairs})
    assert all(len(documents) == size for documents in found[:-1])


@given(PAIRS, st.integers(1, 6))
@settings(max_examples=60, deadline=None)
def test_where_there_is_no_room_each_document_keeps_a_row(pairs: list[tuple[int, int]], size: int) -> None:
    relevance = relevance_of(pairs)
    sampler = JointBatchSampler(relevance, size, seed=5, queries=size)
    for batch in sampler:
        assert len({int(relevance.queries[row]) for row in batch}) <= size
    kept = {int(relevance.documents[row, 0]) for batch in sampler for row in batch}
    assert kept == set(relevance.documents[:, 0].tolist())


def test_other_documents_meet_in_another_epoch() -> None:
    sampler = JointBatchSampler(relevance_of([(i, i) for i in range(12)]), 4, seed=0, queries=100)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first


@given(PAIRS, st.integers(2, 3))
@settings(max_examples=40, deadline=None)
def test_processes_get_as_many_documents_each_and_no_row_twice(pairs: list[tuple[int, int]], processes: int) -> None:
    relevance = relevance_of(pairs)
    if len({document for _, document in pairs}) < processes:
        return
    samplers = [RankShare(JointBatchSampler(relevance, 6, 1, 1000), rank, processes) for rank in range(processes)]
    dropped = samplers[0].count_dropped()
    trained: list[int] = []
    for whole, *parts in zip(JointBatchSampler(relevance, 6, 1, 1000), *samplers, strict=True):
        counts = {len({int(relevance.documents[row, 0]) for row in part}) for part in parts}
        assert len(counts) == 1 and counts.pop() > 0
        rows = [row for part in parts for row in part]
        assert len(rows) == len(set(rows))
        if set(rows) <= set(whole):  # a batch too small for all is replaced by an earlier one
            trained += rows
    assert len(trained) == len(pairs) - dropped


def test_too_few_documents_for_the_processes_are_named() -> None:
    relevance = relevance_of([(query, 0) for query in range(50)])
    share = RankShare(DosedBatchSampler(JointBatchSampler(relevance, 6, 1, 1000), 2), 0, 2)
    with pytest.raises(DataError, match=r"the documents of the training rows \(1\) are too few for 2 processes"):
        list(share)


def by_loops(
    queries: Tensor, documents: Tensor, asked: list[int], found: list[int], pairs: set, scale: float, both: bool
) -> float:
    unit = nn.functional.normalize
    similar = (unit(queries) @ unit(documents).T * scale).tolist()
    total = 0.0
    for i, query in enumerate(asked):
        taught = [j for j, document in enumerate(found) if (query, document) in pairs]
        for j in taught:
            rest = sum(math.exp(similar[i][k]) for k, other in enumerate(found) if (query, other) not in pairs)
            value = math.log(math.exp(similar[i][j]) + rest) - similar[i][j]
            if both:
                rest = sum(math.exp(similar[k][j]) for k, other in enumerate(asked) if (other, found[j]) not in pairs)
                value = (value + math.log(math.exp(similar[i][j]) + rest) - similar[i][j]) / 2
            total += value / len(taught)
    return total / len(asked)


@pytest.mark.parametrize("both", [False, True])
def test_the_loss_is_that_of_each_relevant_pair_beside_what_is_none(both: bool) -> None:
    random = np.random.default_rng(4)
    pairs = [(i, j) for i in range(6) for j in range(5) if random.random() < 0.4 or i == j or j == i - 1]
    relevance = relevance_of(pairs)
    generator = torch.Generator().manual_seed(1)
    queries, documents = torch.randn(6, 8, generator=generator), torch.randn(5, 8, generator=generator)
    asked, found = list(range(6)), [100 + j for j in range(5)]
    loss = JointRankingLoss(MODEL, relevance, scale=3.0, **(SYMMETRIC if both else {}))
    value = loss.compute_loss_from_embeddings([queries, documents], torch.tensor(asked + found))
    expected = by_loops(queries, documents, asked, found, {(i, j + 100) for i, j in pairs}, 3.0, both)
    assert float(value) == pytest.approx(expected, abs=1e-5)


def test_without_texts_that_recur_it_is_the_stock_loss() -> None:
    relevance = relevance_of([(i, i) for i in range(5)])
    generator = torch.Generator().manual_seed(2)
    columns = [torch.randn(5, 8, generator=generator) for _ in range(2)]
    keys = torch.from_numpy(relevance.keys())
    joint = JointRankingLoss(MODEL, relevance, **SYMMETRIC).compute_loss_from_embeddings(columns, keys.T.flatten())
    stock = MaskedRankingLoss(MODEL, relevance, **SYMMETRIC).compute_loss_from_embeddings(columns, keys)
    assert float(joint) == pytest.approx(float(stock), abs=1e-6)


def test_a_query_to_which_everything_is_relevant_teaches_nothing_and_spoils_nothing() -> None:
    relevance = relevance_of([(0, 0), (0, 1), (1, 1)])
    columns = [torch.randn(2, 4, requires_grad=True), torch.randn(2, 4, requires_grad=True)]
    loss = JointRankingLoss(MODEL, relevance, **SYMMETRIC)
    value = loss.compute_loss_from_embeddings(columns, torch.tensor([0, 1, 100, 101]))
    value.backward()
    assert math.isfinite(float(value.detach()))
    assert all(column.grad is not None and bool(column.grad.isfinite().all()) for column in columns)


def test_a_text_that_is_query_and_document_is_not_taught_to_resemble_itself() -> None:
    relevance = Relevance(np.array([0, 1]), np.array([[1], [2]]))  # 0 → 1 and 1 → 2: the text 1 stands on both sides
    generator = torch.Generator().manual_seed(3)
    queries, documents = torch.randn(2, 4, generator=generator), torch.randn(2, 4, generator=generator)
    documents[0] = queries[1]
    value = JointRankingLoss(MODEL, relevance, scale=2.0).compute_loss_from_embeddings(
        [queries, documents], torch.tensor([0, 1, 1, 2])
    )
    similar = nn.functional.cosine_similarity(queries[:, None], documents[None], dim=2) * 2
    # of query 0 the document 2 is a negative; of query 1 its own copy is none
    first = float(torch.logaddexp(similar[0, 0], similar[0, 1]) - similar[0, 0])
    assert float(value) == pytest.approx(first / 2, abs=1e-6)


def test_what_is_only_known_to_belong_together_is_neither_taught_nor_a_negative() -> None:
    """Such as a row that was taken out of train because it is judged."""
    relevance = Relevance(np.array([0, 1]), np.array([[100], [101]]), np.array([[0, 101]]))
    generator = torch.Generator().manual_seed(4)
    queries, documents = torch.randn(2, 4, generator=generator), torch.randn(2, 4, generator=generator)
    value = JointRankingLoss(MODEL, relevance, scale=2.0).compute_loss_from_embeddings(
        [queries, documents], torch.tensor([0, 1, 100, 101])
    )
    similar = nn.functional.cosine_similarity(queries[:, None], documents[None], dim=2) * 2
    second = float(torch.logaddexp(similar[1, 0], similar[1, 1]) - similar[1, 1])
    assert float(value) == pytest.approx(second / 2, abs=1e-6)
