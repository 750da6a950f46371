"""Distinct texts: repeats count once, in any order, and popular queries do not look like a shift."""

from __future__ import annotations

import numpy as np
import pytest

from train.watch import distinct as module
from train.watch.distinct import distinct, distinct_of_both
from train.watch.sample import Sample

NEAR = 0.1


def random_texts(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 32)).astype(np.float32)


def test_repeats_and_nearly_equal_texts_count_once() -> None:
    vectors = random_texts(20)
    near = vectors[3] + 0.05 * random_texts(1, seed=9)[0]
    found = distinct(Sample.of(np.vstack([vectors, vectors[[5] * 99], [near]])), NEAR, np.random.default_rng(0))
    assert len(found.rows) == 20 and found.looked_at == 120
    assert sorted(found.copies.tolist()) == [*[1] * 18, 2, 100]


def test_the_same_texts_stand_whatever_the_order() -> None:
    vectors = np.vstack([random_texts(30), random_texts(30)[:10] * 1.0001])
    order = np.random.default_rng(3).permutation(40)
    one = distinct(Sample.of(vectors), NEAR, np.random.default_rng(0))
    other = distinct(Sample.of(vectors[order]), NEAR, np.random.default_rng(0))
    assert (vectors[one.rows] == vectors[order][other.rows]).all() and len(one.rows) == 30


def test_many_texts_are_drawn_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST", 50)
    found = distinct(Sample.of(random_texts(300)), NEAR, np.random.default_rng(0))
    assert len(found.rows) == 50 == found.looked_at and len(set(found.rows.tolist())) == 50


def test_where_both_sides_repeat_as_many_texts_of_each_are_looked_at() -> None:
    """Of popular queries a larger sample has a smaller share of different ones."""
    texts, generator = random_texts(2000), np.random.default_rng(1)
    popular = 1 / np.arange(1, 2001)
    drawn = generator.choice(2000, 1300, p=popular / popular.sum())
    reference, window = Sample.of(texts[drawn[:1000]]), Sample.of(texts[drawn[1000:]])
    first, second = distinct_of_both(reference, window, generator)
    assert first.looked_at == second.looked_at == 300
    assert first.repeated == pytest.approx(second.repeated, abs=0.1)
    alone, _ = distinct_of_both(Sample.of(texts[:900]), window, generator)
    assert alone.looked_at == 900  # a reference without repeats cannot tell how popular its texts are


def test_a_chain_of_neighbours_does_not_make_all_one() -> None:
    """Around a quarter of a circle, steps of 1 degree: 8.7 degrees are a squared distance of .023."""
    angle = np.radians(np.arange(90.0))
    circle = np.column_stack([np.cos(angle), np.sin(angle)]).astype(np.float32)
    found = distinct(Sample.of(circle), 0.023, np.random.default_rng(0))
    assert 90 / 17 <= len(found.rows) <= 90 / 8 and found.copies.sum() == 90


def test_what_is_nearly_the_same_depends_on_how_far_texts_are_from_each_other() -> None:
    """Some models give any two texts a cosine of .9 and more."""
    texts = np.column_stack([np.full(200, 10, dtype=np.float32), random_texts(200)[:, :8]])
    first, second = distinct_of_both(Sample.of(texts[:150]), Sample.of(texts[150:]), np.random.default_rng(0))
    assert len(first.rows) > 140 and len(second.rows) > 47


def test_no_text_is_no_text() -> None:
    assert len(distinct(Sample.of(np.empty((0, 4), dtype=np.float32)), NEAR, np.random.default_rng(0)).rows) == 0
