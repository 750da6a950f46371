from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from train.evaluate.exact_search import RESOLUTION, Corpus, search

ROOT = Path(__file__).resolve().parents[3]


def brute_force(queries: np.ndarray, documents: np.ndarray, ids: Sequence[str], k: int) -> tuple[list[list[str]], np.ndarray]:
    """Ids and scores by sorting everything: score descending, id descending."""
    steps = np.round(queries.astype(np.float64) @ documents.astype(np.float64).T / RESOLUTION).astype(np.int64)
    orders = [sorted(range(len(ids)), key=lambda i: (row[i], ids[i]), reverse=True)[:k] for row in steps]
    return [[ids[i] for i in order] for order in orders], np.array([row[order] for row, order in zip(steps, orders, strict=True)])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 60), st.integers(1, 4)),
    k=st.integers(1, 80),
    query_chunk=st.sampled_from([1, 3, 1000]),
    document_chunk=st.sampled_from([1, 7, 1000]),
)
def test_equals_brute_force_with_many_ties(
    seed: int, sizes: tuple[int, int, int], k: int, query_chunk: int, document_chunk: int
) -> None:
    generator = np.random.default_rng(seed)
    q, c, d = sizes
    # few small integers: products are exact and most scores are tied, across the cut at k and across chunks
    queries, documents = generator.integers(-1, 2, (q, d)), generator.integers(-1, 2, (c, d))
    ids = [str(i) for i in generator.permutation(c)]
    found = search(
        torch.tensor(queries, dtype=torch.float32),
        torch.tensor(documents, dtype=torch.float32),
        ids,
        k,
        query_chunk=query_chunk,
        document_chunk=document_chunk,
    )
    expected_ids, expected_steps = brute_force(queries, documents, ids, k)
    assert [[ids[row] for row in rows] for rows in found.rows] == expected_ids
    assert np.array_equal(np.round(found.scores / RESOLUTION), expected_steps)
    assert found.scores.shape == found.rows.shape == (q, min(k, c))


@pytest.mark.parametrize("document_chunk", [1, 7, 1000])
def test_unit_vectors_are_ranked_as_by_brute_force(document_chunk: int) -> None:
    generator = torch.Generator().manual_seed(0)
    queries, documents = (torch.nn.functional.normalize(torch.randn(n, 16, generator=generator), dim=1) for n in (20, 300))
    ids = [f"d{i}" for i in range(300)]
    found = search(queries, documents, ids, 25, document_chunk=document_chunk)
    expected, steps = brute_force(queries.numpy(), documents.numpy(), ids, 25)
    # float32 against float64: a score may fall on the other side of a rounding boundary, never further
    assert np.abs(found.scores / RESOLUTION - steps).max() <= 1.01
    same = [[ids[row] for row in rows] == ids_ for rows, ids_ in zip(found.rows, expected, strict=True)]
    assert sum(same) >= 19


@pytest.mark.parametrize("document_chunk", [1, 7, 1000])
def test_documents_that_share_a_vector_tie_exactly(document_chunk: int) -> None:
    generator = torch.Generator().manual_seed(1)
    queries, vectors = (torch.nn.functional.normalize(torch.randn(n, 33, generator=generator), dim=1) for n in (50, 11))
    owner = np.random.default_rng(0).integers(0, 11, 200)
    ids = [f"{i:03}" for i in np.random.default_rng(1).permutation(200)]
    found = search(queries, vectors, ids, 200, vector_of=owner, document_chunk=document_chunk)
    for rows, scores in zip(found.rows, found.scores, strict=True):
        assert sorted(rows) == list(range(200))
        assert list(scores) == sorted(scores, reverse=True)
        for vector in range(11):
            assert len({score for row, score in zip(rows, scores, strict=True) if owner[row] == vector}) == 1
        pairs = [(score, ids[row]) for row, score in zip(rows, scores, strict=True)]
        assert pairs == sorted(pairs, reverse=True)


def test_scores_closer_than_the_resolution_tie_and_the_later_id_wins() -> None:
    documents = torch.tensor([[0.5 + 2e-7], [0.5], [0.5 + 3e-6]])
    found = search(torch.ones(1, 1), documents, ["a", "b", "c"], 3)
    assert found.rows.tolist() == [[2, 1, 0]]
    assert found.scores.tolist() == [[0.500003, 0.5, 0.5]]


def test_ids_are_ordered_as_code_points() -> None:
    ids = ["2", "10", "B", "a", "é", "漢", "😀"]
    found = search(torch.ones(1, 1), torch.ones(7, 1), ids, 7)
    assert [ids[row] for row in found.rows[0]] == ["😀", "漢", "é", "a", "B", "2", "10"]


def test_full_precision_under_autocast_and_low_matmul_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    queries, documents = (torch.nn.functional.normalize(torch.randn(n, 64, generator=generator), dim=1) for n in (10, 100))
    ids = [str(i) for i in range(100)]
    plain = search(queries, documents, ids, 10)
    # not every processor has the faster products, so what is asked of it is looked at too
    seen: list[tuple[str, bool]] = []
    best_keys = Corpus.best_keys

    def spy(self: Corpus, part: torch.Tensor, k: int) -> torch.Tensor:
        seen.append((torch.get_float32_matmul_precision(), torch.is_autocast_enabled("cpu")))
        return best_keys(self, part, k)

    monkeypatch.setattr(Corpus, "best_keys", spy)
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            under = search(queries, documents, ids, 10)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert seen == [("highest", False)]
    assert np.array_equal(plain.rows, under.rows)
    assert np.abs(plain.scores - under.scores).max() <= RESOLUTION * 1.01


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_vectors_that_are_not_finite_are_refused_with_their_row(bad: float) -> None:
    vectors = torch.ones(5, 3)
    broken = vectors.clone()
    broken[3, 1] = bad
    ids = list("abcde")
    with pytest.raises(ValueError, match="document vector 3 holds NaN or infinity"):
        search(vectors, broken, ids, 2)
    with pytest.raises(ValueError, match="query vector 3 holds NaN or infinity"):
        search(broken, vectors, ids, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "at least 1"),
        ({"document_chunk": 0}, "at least 1"),
        ({"queries": torch.ones(2, 4)}, r"queries \(2, 4\) and documents \(3, 2\)"),
        ({"document_ids": ["a", "b", "a"]}, "distinct"),
        ({"document_ids": ["a", "b"], "vector_of": np.array([0, 3])}, "do not fit 3 document vectors"),
        ({"document_ids": list("abcd")}, "do not fit 3 document vectors"),
        ({"document_ids": []}, "no document"),
        ({"documents": torch.full((3, 2), 1e12)}, "too large to rank exactly"),
    ],
)
def test_input_that_does_not_fit_is_refused(change: dict, message: str) -> None:
    given_ = {"queries": torch.ones(2, 2), "documents": torch.ones(3, 2), "document_ids": ["a", "b", "c"], "k": 2} | change
    with pytest.raises(ValueError, match=message):
        search(**given_)


MEMORY_SCRIPT = """
import torch
from train.machine import resident_peak_mb
from train.evaluate.exact_search import search
torch.manual_seed(0)
queries, documents = torch.randn(1000, 384), torch.randn(100_000, 384)
for vectors in (queries, documents):
    vectors /= torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
ids = [f"d{i}" for i in range(len(documents))]
before = resident_peak_mb()
found = search(queries, documents, ids, 100)
after = resident_peak_mb()
print(found.rows.shape, int(after), int(after - before))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_1000_queries_over_100000_documents_stay_under_1_gb() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY_SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.startswith("(1000, 100)")
    peak_mb, added_mb = (int(word) for word in done.stdout.split()[-2:])
    assert peak_mb < 1000, "the whole process, PyTorch and the vectors included"
    assert added_mb < 400


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_ranks_as_the_cpu() -> None:
    generator = torch.Generator().manual_seed(0)
    queries, documents = (torch.randint(-2, 3, (n, 8), generator=generator).float() for n in (40, 3000))
    ids = [str(i) for i in range(3000)]
    there = search(queries.cuda(), documents.cuda(), ids, 100, document_chunk=512)
    here = search(queries, documents, ids, 100, document_chunk=512)
    assert np.array_equal(there.rows, here.rows)
    assert np.array_equal(there.scores, here.scores)
