"""Every method of search against a second implementation; blocks, ties, bytes, and vectors in two files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.vectors import index as vector_search
from train.vectors.index import FEASIBLE, METHODS, Index, Method
from train.vectors.quantization import Precision, calibrate, dequantise, quantise

D = 24


def made(seed: int, count: int, dimensions: int = D) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimensions)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def ranked(scores: np.ndarray, k: int) -> list[list[int]]:
    """Rows by score, equal ones in their order: in plain Python."""
    return [sorted(range(len(line)), key=lambda row: (-line[row], row))[:k] for line in scores.tolist()]


def hamming(queries: np.ndarray, documents: np.ndarray) -> np.ndarray:
    """Equal signs, counted one by one."""
    return np.array([[sum((a > 0) == (b > 0) for a, b in zip(q, d, strict=True)) for d in documents] for q in queries])


@pytest.fixture(params=[64 << 20, 1 << 12], ids=["one block", "many blocks"], autouse=True)
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_search, "BLOCK_BYTES", request.param)


def test_exact_search_is_that_of_all_dot_products() -> None:
    documents, queries = made(1, 300), made(2, 7)
    hits = Index(documents, "float32", D).search(queries, 9)
    assert hits.rows.tolist() == ranked(queries @ documents.T, 9)
    np.testing.assert_allclose(hits.scores[:, 0], (queries @ documents.T).max(axis=1), atol=1e-6)


@given(seed=st.integers(0, 999), dimensions=st.sampled_from([1, 7, 8, 9, 24, 65]), k=st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_ubinary_counts_equal_signs_and_orders_ties_by_row(seed: int, dimensions: int, k: int) -> None:
    documents, queries = made(seed, 50, dimensions), made(seed + 1, 3, dimensions)
    expected = hamming(queries, documents)
    for precision in ("float32", "binary", "ubinary"):
        hits = Index(quantise(documents, precision), precision, dimensions).search(queries, k, "ubinary")  # type: ignore[arg-type]
        assert hits.rows.tolist() == ranked(expected, k)
        np.testing.assert_allclose(hits.scores, np.take_along_axis(expected, hits.rows, axis=1) / dimensions, atol=1e-6)


@pytest.mark.parametrize("stored", ["float32", "float16", "int8", "uint8"])
def test_int8_scores_are_those_of_dequantised_documents(stored: Precision) -> None:
    documents, queries = made(3, 200), made(4, 5)
    ranges = calibrate(documents)
    index = Index(quantise(documents, stored, ranges), stored, D, ranges if "int" in stored else None)
    back = dequantise(quantise(documents, "int8", ranges), "int8", D, ranges)
    expected = queries @ (back / np.linalg.norm(back, axis=1, keepdims=True)).T
    hits = index.search(queries, 10, "int8")
    overlap = np.mean([len(set(a) & set(b)) for a, b in zip(hits.rows.tolist(), ranked(expected, 10), strict=True)])
    assert overlap >= (9 if stored == "float16" else 10)
    np.testing.assert_allclose(hits.scores[:, 0], expected.max(axis=1), atol=2e-3 if stored == "float16" else 1e-5)


@pytest.mark.parametrize(("method", "precision"), [("ubinary+int8", "int8"), ("ubinary+float", "float32")])
def test_rescoring_orders_the_candidates_of_the_bits(method: Method, precision: Precision) -> None:
    documents, queries = made(5, 400), made(6, 6)
    ranges = calibrate(documents)
    back = dequantise(quantise(documents, precision, ranges), precision, D, ranges)
    scores = queries @ (back / np.linalg.norm(back, axis=1, keepdims=True)).T
    candidates = ranked(hamming(queries, documents), 12)
    expected = [sorted(rows, key=lambda row: (-line[row], row))[:4] for rows, line in zip(candidates, scores, strict=True)]
    assert Index(documents, "float32", D).search(queries, 4, method, rescore=3).rows.tolist() == expected


def test_enough_candidates_give_what_full_search_gives() -> None:
    documents, queries = made(7, 100), made(8, 6)
    index = Index(documents, "float32", D)
    assert index.search(queries, 5, "ubinary+float", 20).rows.tolist() == index.search(queries, 5).rows.tolist()


def test_equal_vectors_stand_in_the_order_of_their_rows() -> None:
    documents = np.repeat(made(9, 1), 40, axis=0)
    index = Index(documents, "float32", D)
    for method in METHODS:
        assert index.search(documents[:1], 5, method).rows.tolist() == [[0, 1, 2, 3, 4]], method


def test_cosine_takes_no_notice_of_lengths_and_dot_does() -> None:
    documents = np.array([[1.0, 0.0], [10.0, 10.0]], dtype=np.float32)
    query = np.array([[1.0, 0.2]], dtype=np.float32)
    assert Index(documents, "float32", 2).search(query, 2).rows.tolist() == [[0, 1]]
    assert Index(documents, "float32", 2, unit=False).search(query, 2).rows.tolist() == [[1, 0]]


def test_total_bytes_are_those_of_all_that_is_read() -> None:
    index = Index(made(0, 100, 384), "float32", 384)
    ranges = 2 * 4 * 384
    sizes = {
        "exact": 153_600,
        "int8": 38_400 + ranges,
        "ubinary": 4_800,
        "ubinary+int8": 43_200 + ranges,
        "ubinary+float": 158_400,
    }
    assert {method: index.total_bytes(method) for method in METHODS} == sizes
    assert sizes["exact"] == 32 * sizes["ubinary"]


@pytest.mark.parametrize("finer", ["int8", "float32"])
def test_bits_in_one_file_and_finer_vectors_in_another_are_searched_as_one(finer: Precision) -> None:
    documents, queries = made(10, 300), made(11, 4)
    ranges = calibrate(documents)
    second = Index(quantise(documents, finer, ranges), finer, D, ranges if finer == "int8" else None)
    index = Index(quantise(documents, "ubinary"), "ubinary", D, finer=second)
    expected: Method = "ubinary+int8" if finer == "int8" else "ubinary+float"
    assert expected in index.methods and "exact" not in index.methods and "int8" not in index.methods
    whole = Index(documents, "float32", D)
    assert index.search(queries, 5, expected).rows.tolist() == whole.search(queries, 5, expected).rows.tolist()
    assert index.total_bytes(expected) == whole.total_bytes(expected)


def test_finer_vectors_of_other_texts_are_refused() -> None:
    with pytest.raises(ValueError, match="are not"):
        Index(quantise(made(1, 5), "ubinary"), "ubinary", D, finer=Index(made(1, 6), "float32", D))


def test_what_the_stored_numbers_do_not_allow_is_refused() -> None:
    documents = made(0, 5)
    for precision in FEASIBLE:
        index = Index(quantise(documents, precision, calibrate(documents)), precision, D, calibrate(documents))
        assert index.methods == FEASIBLE[precision]
        for method in set(METHODS) - set(index.methods):
            with pytest.raises(ValueError, match="cannot be computed"):
                index.search(documents, 1, method)
    with pytest.raises(ValueError, match="do not fit"):
        Index(documents, "float32", D).search(documents[:, :3], 1)


def test_more_hits_than_vectors_are_all_of_them() -> None:
    hits = Index(made(0, 5), "float32", D).search(made(1, 2), 50, "ubinary+float")
    assert hits.rows.shape == (2, 5)
