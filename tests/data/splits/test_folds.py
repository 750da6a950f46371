"""Cross-validation: each row is test once, and groups stay whole."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.schema import SPLITS, UNSPLIT, RowKind
from data.spec import SplitSpec
from tests.support.splits import UNIQUE, pairs, planned, scored, taken


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=40, max_size=120), st.integers(2, 6), st.integers(0, 9)
)
def test_folds_are_disjoint_and_together_all_rows(numbers: list[tuple[int, int]], folds: int, seed: int) -> None:
    """Every row is test in one fold, but for rows of groups that are larger than a fold may be."""
    table = pairs([(f"question {a}", f"answer {b}") for a, b in numbers])
    tested = []
    for fold in range(folds):
        tables = {UNSPLIT: table}
        try:
            plan = planned(tables, has_corpus=True, spec=SplitSpec(folds=folds, fold=fold, seed=seed))
        except DataError as error:
            assert "too few" in str(error)
            return
        rows = taken(plan, tables)
        assert sorted(row for split in SPLITS for row in rows[split]) == list(range(len(numbers)))
        queries = {split: {numbers[row][0] for row in rows[split]} for split in SPLITS}
        assert not (queries["train"] & queries["test"] or queries["dev"] & queries["test"] or queries["train"] & queries["dev"])
        tested += rows["test"]
    assert sorted(tested) == list(range(len(numbers)))


def test_a_group_larger_than_a_fold_is_always_train() -> None:
    rows = [("one question", f"answer {i}") for i in range(50)] + UNIQUE[:100]
    groups = ["big"] * 50 + [""] * 100
    for fold in range(5):
        tables = {UNSPLIT: scored([(f"a {i} {a}", f"b {i} {b}") for i, (a, b) in enumerate(rows)], groups)}
        found = taken(planned(tables, kind=RowKind.SCORED, spec=SplitSpec(folds=5, fold=fold)), tables)
        assert set(range(50)) <= set(found["train"])
        assert 18 <= len(found["test"]) <= 22


def test_a_fold_must_be_one_of_the_folds() -> None:
    with pytest.raises(ValueError, match="fold must be below folds, which is 5"):
        SplitSpec(folds=5, fold=5)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 12)), min_size=60, max_size=200),
    st.integers(2, 6),
    st.integers(0, 9),
    st.booleans(),
)
def test_folds_of_rows_that_share_answers_are_all_dealt_in_one_way(
    numbers: list[tuple[int, int]], folds: int, seed: int, grouped: bool
) -> None:
    """No row is test twice, whether whole answers can be dealt or not; either no part can be dealt or all."""
    table = pairs([(f"question {a}", f"answer {b}") for a, b in numbers], [f"g{b}" for _, b in numbers] if grouped else None)
    tables, plans, refused = {UNSPLIT: table}, [], 0
    for fold in range(folds):
        try:
            plans.append(planned(tables, spec=SplitSpec(folds=folds, fold=fold, seed=seed)))
        except DataError:
            refused += 1
    assert refused in (0, folds)
    assert len({next(note.split(":")[0] for note in plan.notes if "whole groups by" in note) for plan in plans}) <= 1
    tested = [row for plan in plans for row in taken(plan, tables)["test"]]
    assert len(tested) == len(set(tested))
    dev = [len({numbers[row][0] for row in taken(plan, tables)["dev"]}) for plan in plans]
    assert all(size <= 1.5 * max(1, round(0.1 * len({a for a, _ in numbers}))) + 0.5 for size in dev)


def test_each_part_of_a_cross_validation_has_a_dev_of_its_own() -> None:
    """What is chosen by the same few rows in all parts would be right or wrong in all of them together."""
    tables = {UNSPLIT: pairs([(f"question {i}", f"answer {i}") for i in range(200)])}
    plans = [planned(tables, spec=SplitSpec(folds=5, fold=fold)) for fold in range(5)]
    devs = [set(taken(plan, tables)["dev"]) for plan in plans]
    assert all(18 <= len(dev) <= 22 for dev in devs)
    assert max(len(one & other) for i, one in enumerate(devs) for other in devs[:i]) <= 8  # by chance 2
    assert len(set().union(*devs)) >= 70


def test_groups_that_cannot_be_dealt_are_named() -> None:
    rows = [(f"question {i}", f"answer {i}") for i in range(200)]
    tables = {UNSPLIT: pairs(rows, ["big"] * 150 + [f"small {i}" for i in range(50)])}
    for fold in range(5):
        with pytest.raises(DataError, match=r"the largest of 150 of 200 rows\) cannot be dealt so that") as raised:
            planned(tables, spec=SplitSpec(folds=5, fold=fold))
        assert "make the groups smaller or remove the group column" in str(raised.value)
