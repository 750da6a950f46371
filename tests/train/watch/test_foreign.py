"""The most foreign texts of a window are the ones that are new, and each shown is of another kind."""

from __future__ import annotations

import numpy as np

from train.watch.foreign import most_foreign
from train.watch.sample import Sample


def planted() -> tuple[Sample, Sample, list[set[int]]]:
    """Return a reference, a window, and the rows of three new kinds in it, of 6, 4 and 3 texts."""
    generator = np.random.default_rng(0)
    reference, window = generator.normal(size=(200, 40)), generator.normal(size=(130, 40))
    reference[:, 30:] = 0
    window[:, 30:] = 0
    kinds, start = [], 20
    for kind, count in enumerate((6, 4, 3)):
        rows = list(range(start, start + count))
        window[rows] *= 0.2
        window[rows, 30 + kind] = 4
        kinds.append(set(rows))
        start += 10
    return Sample.of(reference), Sample.of(window), kinds


def test_each_kind_is_shown_once_with_those_like_it() -> None:
    reference, window, kinds = planted()
    found = most_foreign(reference, window, 3)
    assert [[one.row in kind for one in found].count(True) for kind in kinds] == [1, 1, 1]
    assert all(one.row == one.like[0] and one.similarity < 0.5 for one in found)


def test_repeats_stand_for_one_and_are_counted() -> None:
    reference, window, kinds = planted()
    again = window.take(np.concatenate([np.arange(130), np.full(40, 20)]))
    found = most_foreign(reference, again, 3)
    largest = max(found, key=lambda one: len(one.like))
    assert set(largest.like) >= {20, *range(130, 170)} and len(found) == 3
    assert set(largest.like) & set(range(130)) <= kinds[0]


def test_fewer_texts_than_asked_for_are_all_shown_and_none_of_nothing() -> None:
    reference, window, _ = planted()
    assert len(most_foreign(reference, window.take(np.array([1, 2])), 5)) == 2
    assert most_foreign(reference, window.take(np.array([], dtype=int)), 5) == []
    assert len(most_foreign(reference, window.take(np.zeros(9, dtype=int)), 5)) == 1


def test_the_order_of_texts_does_not_matter() -> None:
    reference, window, _ = planted()
    shuffled = np.random.default_rng(1).permutation(130)
    one = most_foreign(reference, window, 5)
    other = most_foreign(reference.take(np.random.default_rng(2).permutation(200)), window.take(shuffled), 5)
    assert [found.row for found in one] == [int(shuffled[found.row]) for found in other]
