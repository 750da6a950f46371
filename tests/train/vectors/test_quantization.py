"""Quantised vectors: Sentence Transformers' bytes and bits, errors of half a step, clipped and never wrapped."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.util.quantization import quantize_embeddings

from train.errors import ConfigError
from train.vectors.quantization import (
    PRECISIONS,
    Precision,
    bytes_per_vector,
    calibrate,
    dequantise,
    dtype,
    outside,
    quantise,
    ranges_as_json,
    ranges_from_json,
    width,
)

VECTORS = np.random.default_rng(0).standard_normal((200, 24)).astype(np.float32)


@pytest.mark.parametrize("precision", ["int8", "uint8", "binary", "ubinary"])
def test_the_bytes_are_those_of_sentence_transformers(precision: Precision) -> None:
    ranges = calibrate(VECTORS)
    expected = quantize_embeddings(VECTORS, precision=precision, ranges=ranges)  # type: ignore[arg-type]
    found = quantise(VECTORS, precision, ranges)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_shape_type_and_size_are_as_said(precision: Precision) -> None:
    codes = quantise(VECTORS, precision, calibrate(VECTORS))
    assert (codes.shape, codes.dtype) == ((200, width(precision, 24)), dtype(precision))
    assert codes.nbytes == 200 * bytes_per_vector(precision, 24)


def test_ubinary_is_32_times_smaller_than_float32() -> None:
    assert all(bytes_per_vector("float32", n) == 32 * bytes_per_vector("ubinary", n) for n in (8, 384, 1024))
    assert bytes_per_vector("ubinary", 9) == 2


@given(seed=st.integers(0, 10_000), scale=st.floats(1e-3, 1e3), dimensions=st.integers(1, 20))
@settings(max_examples=40, deadline=None)
def test_a_byte_is_at_most_half_a_step_away(seed: int, scale: float, dimensions: int) -> None:
    vectors = (np.random.default_rng(seed).standard_normal((30, dimensions)) * scale).astype(np.float32)
    ranges = calibrate(vectors)
    steps = (ranges[1] - ranges[0]) / 255
    for precision in ("int8", "uint8"):
        back = dequantise(quantise(vectors, precision, ranges), precision, dimensions, ranges)  # type: ignore[arg-type]
        assert (np.abs(back - vectors) <= steps * 0.5 + np.abs(vectors).max() * 1e-5).all()


def test_by_hand() -> None:
    ranges = np.array([[0.0, -1.0], [255.0, 126.5]], dtype=np.float32)  # steps of 1 and of 0.5
    codes = quantise(np.array([[0.0, -1.0], [100.5, 126.5]], dtype=np.float32), "uint8", ranges)
    assert codes.tolist() == [[0, 0], [100, 255]]
    assert quantise(np.array([[0.0, -1.0]], dtype=np.float32), "int8", ranges).tolist() == [[-128, -128]]
    assert dequantise(codes, "uint8", 2, ranges)[1].tolist() == pytest.approx([100.5, 126.5])
    bits = np.array([[1.0, -1.0, 0.0, 2.0, -1.0, -1.0, -1.0, 3.0, 5.0]], dtype=np.float32)
    assert quantise(bits, "ubinary").tolist() == [[0b10010001, 0b10000000]]
    assert quantise(bits, "binary").tolist() == [[0b10010001 - 128, 0b10000000 - 128]]


@pytest.mark.parametrize("precision", ["int8", "uint8"])
def test_values_outside_the_ranges_go_to_their_ends(precision: Precision) -> None:
    ranges = calibrate(VECTORS)
    wild = VECTORS * 100
    codes = quantise(wild, precision, ranges)
    lowest, highest = (-128, 127) if precision == "int8" else (0, 255)
    assert (codes[wild > ranges[1]] == highest).all() and (codes[wild < ranges[0]] == lowest).all()
    assert outside(wild, ranges) == ((wild > ranges[1]) | (wild < ranges[0])).sum() > 0
    assert outside(VECTORS, ranges) == 0


def test_a_dimension_without_a_range_comes_back_as_it_was() -> None:
    vectors = np.full((3, 2), 0.25, dtype=np.float32)
    ranges = calibrate(vectors)
    assert (dequantise(quantise(vectors, "int8", ranges), "int8", 2, ranges) == 0.25).all()


@pytest.mark.parametrize("precision", ["binary", "ubinary"])
def test_bits_stand_for_signs(precision: Precision) -> None:
    back = dequantise(quantise(VECTORS[:, :13], precision), precision, 13)
    np.testing.assert_array_equal(back, np.where(VECTORS[:, :13] > 0, 1, -1))


def test_ranges_survive_a_file_exactly() -> None:
    ranges = calibrate(VECTORS)
    assert ranges_from_json(json.loads(json.dumps(ranges_as_json(ranges)))).tobytes() == ranges.tobytes()


@pytest.mark.parametrize(
    "content",
    [None, [], {"low": [1.0]}, {"low": [1.0], "high": [0.0]}, {"low": [0.0, 1.0], "high": [1.0]}, {"low": ["x"], "high": ["y"]},
     {"low": [0.0], "high": [float("nan")]}, {"low": 0.0, "high": 1.0}],
)  # fmt: skip
def test_what_is_no_range_is_refused(content: object) -> None:
    with pytest.raises(ValueError, match="range"):
        ranges_from_json(content)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ConfigError, match="one vector has none"):
        calibrate(VECTORS[:1])
    for work in (lambda: quantise(VECTORS, "int8"), lambda: dequantise(VECTORS.astype(np.int8), "int8", 24)):
        with pytest.raises(ValueError, match="needs ranges"):
            work()
