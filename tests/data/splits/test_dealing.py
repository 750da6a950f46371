"""The parts of a split: rows that hang together, hashes, and how they are dealt."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from data.schema import SPLITS, UNSPLIT
from data.splits.hashes import mix
from data.splits.split import components, deal
from tests.support.splits import pairs, planned


def brute_components(columns: list[list[int]], group: list[int]) -> list[set[int]]:
    sets = [{row} for row in range(len(group))]
    changed = True
    values = [{column[row] for column in columns} | ({group[row]} - {0}) for row in range(len(group))]
    while changed:
        changed = False
        for i in range(len(sets)):
            for j in range(i):
                if sets[i] is not sets[j] and any(values[a] & values[b] for a in sets[i] for b in sets[j]):
                    merged = sets[i] | sets[j]
                    for row in merged:
                        sets[row] = merged
                    changed = True
    return sets


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12), st.sampled_from([0, 0, 100, 101])), min_size=1, max_size=14))
def test_components_against_brute_force(rows):
    first, second, group = (np.array(column, dtype=np.uint64) for column in zip(*rows, strict=True))
    keys = components([first, second], group)
    expected = brute_components([first.tolist(), second.tolist()], group.tolist())
    for i in range(len(rows)):
        assert {j for j in range(len(rows)) if keys[j] == keys[i]} == expected[i]


def test_deal_counts_units_not_rows():
    keys = np.arange(100, dtype=np.uint64) // np.uint64(10)
    dealt, got = deal(keys, keys, {"test": 2}, seed=0)
    assert got == {"test": 2}
    assert (dealt == SPLITS.index("test")).sum() == 20


def test_mix_is_splitmix64():
    # first outputs of SplitMix64 with seed 0, from the reference implementation
    golden = np.uint64(0x9E3779B97F4A7C15)
    states = np.array([0, golden, np.uint64((2 * int(golden)) % 2**64)], dtype=np.uint64)
    assert [hex(value) for value in mix(states).tolist()] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f"]


def test_a_hundred_thousand_rows_are_split_fast():
    table = {UNSPLIT: pairs([(f"question number {i}", f"answer number {i // 2}") for i in range(100_000)])}
    begin = time.perf_counter()
    plan = planned(table)
    assert time.perf_counter() - begin < 10
    assert plan.counts["shared_documents_train_test"] == 0
