"""Few scored pairs: dev and test get different scores, or it is said how many rows are needed."""

from __future__ import annotations

import pytest

from data.audit.usable import refuse_unjudgeable, refuse_untrainable
from data.errors import DataError
from data.prepared import PreparedDataset
from data.schema import UNSPLIT, Recognised, RowKind
from data.spec import SplitSpec
from tests.support.splits import UNIQUE, pairs, planned, scored, taken


def scores_of(rows: int, scores: tuple[float, ...], seed: int = 0) -> dict[str, set[float]]:
    table = {UNSPLIT: scored(UNIQUE[:rows], scores=scores)}
    split = taken(planned(table, RowKind.SCORED, spec=SplitSpec(seed=seed)), table)
    assert sorted(i for numbers in split.values() for i in numbers) == list(range(rows))
    return {name: {float(table[UNSPLIT]["score"][i]) for i in numbers} for name, numbers in split.items()}


@pytest.mark.parametrize("rows", [6, 7, 8, 9, 10, 12, 14, 20, 30])
@pytest.mark.parametrize("scores", [(0, 1), (0, 0, 1), (0, 0.5, 1)])
def test_dev_and_test_have_different_scores(rows, scores):
    for seed in range(3):
        found = scores_of(rows, scores, seed)
        assert len(found["dev"]) > 1 and len(found["test"]) > 1 and found["train"]


def test_rows_that_can_be_judged_are_dealt_as_ever():
    table = {UNSPLIT: scored(UNIQUE, scores=(0, 0.25, 0.5, 1))}
    plan = planned(table, RowKind.SCORED)
    assert not plan.marks and not any("anew" in note for note in plan.notes)
    few = planned({UNSPLIT: scored(UNIQUE[:10], scores=(0, 0, 0, 1))}, RowKind.SCORED)
    assert any("dealt anew until dev and test had pairs with different scores" in note for note in few.notes)


def test_all_parts_of_a_cross_validation_have_different_scores():
    table = {UNSPLIT: scored(UNIQUE[:10], scores=(0, 0, 1))}
    tested: list[int] = []
    for fold in range(2):
        split = taken(planned(table, RowKind.SCORED, spec=SplitSpec(folds=2, fold=fold)), table)
        assert all(len({table[UNSPLIT]["score"][i] for i in split[name]}) > 1 for name in ("dev", "test"))
        tested += split["test"]
    assert sorted(tested) == list(range(10))


@pytest.mark.parametrize(
    ("rows", "scores", "said"),
    [(3, (0, 1), "at least 6 pairs of texts are needed"), (2, (0, 1), "at least 6 pairs of texts are needed")],
)
def test_too_few_pairs_say_how_many_are_needed(rows, scores, said):
    with pytest.raises(DataError, match=said):
        scores_of(rows, scores)


@pytest.mark.parametrize("rows", [1, 2])
def test_too_few_queries_say_how_many_are_needed(rows):
    with pytest.raises(DataError, match="at least 4 queries are needed"):
        planned({UNSPLIT: pairs(UNIQUE[:rows])})


def prepared(table, kind: RowKind) -> PreparedDataset:
    plan = planned({UNSPLIT: table}, kind)
    splits = {name: table.select(rows) for name, rows in taken(plan, {UNSPLIT: table}).items()}
    return PreparedDataset("d", "d.csv", kind, splits, None, [], plan.counts, "0", Recognised(kind))


def test_one_training_row_says_how_many_rows_are_needed():
    with pytest.raises(DataError, match="at least 4 queries are needed"):
        refuse_untrainable(prepared(pairs(UNIQUE[:3]), RowKind.PAIR))


def test_scores_nearly_of_one_kind_say_how_many_others_are_needed():
    data = prepared(scored(UNIQUE[:6], scores=(0, 0, 0, 0, 0, 1)), RowKind.SCORED)
    with pytest.raises(DataError, match="add at least 1 more pair with another score than 0, which all but 1 have"):
        refuse_unjudgeable({"d": data}, ["d"])
    assert len(scores_of(7, (0, 0, 0, 0, 0, 1, 1))["dev"]) == 2  # and that is enough
