"""Splits: what belongs together stays together, given splits stay as given, the rest is counted and said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import DataError
from data.schema import SPLITS, UNSPLIT, RowKind, normalise_text
from data.spec import SplitSpec
from tests.support.splits import UNIQUE, pairs, planned, scored, taken


def test_shares_and_order():
    table = {UNSPLIT: pairs(UNIQUE)}
    plan = planned(table)
    split = taken(plan, table)
    assert list(plan.parts) == ["train", "dev", "test"]
    assert {name: len(rows) for name, rows in split.items()} == {"train": 70, "dev": 10, "test": 20}
    assert all(rows == sorted(rows) for rows in split.values())
    assert plan.counts["rows_train"] == plan.counts["queries_train"] == 70
    assert any("dev 10 queries, test 20 queries, of 100" in note for note in plan.notes)


def test_at_most_max_dev_and_max_test():
    table = {UNSPLIT: pairs(UNIQUE)}
    plan = planned(table, spec=SplitSpec(max_dev=3, max_test=5))
    assert {name: len(rows) for name, rows in taken(plan, table).items()} == {"train": 92, "dev": 3, "test": 5}


def test_the_seed_changes_the_splits_and_nothing_else_does():
    table = {UNSPLIT: pairs(UNIQUE)}
    first, again = taken(planned(table), table), taken(planned(table), table)
    other = taken(planned(table, spec=SplitSpec(seed=1)), table)
    assert first == again
    assert set(first["test"]) != set(other["test"])


def test_the_order_of_rows_does_not_matter():
    table, turned = {UNSPLIT: pairs(UNIQUE)}, {UNSPLIT: pairs(UNIQUE[::-1])}
    one, other = taken(planned(table), table), taken(planned(turned), turned)
    for split in SPLITS:
        assert {UNIQUE[i] for i in one[split]} == {UNIQUE[::-1][i] for i in other[split]}


def test_new_rows_move_few_old_ones():
    rows = [(f"question {i}", f"answer {i}") for i in range(1000)]
    before, after = {UNSPLIT: pairs(rows)}, {UNSPLIT: pairs(rows + [(f"new {i}", f"text {i}") for i in range(400)])}
    one, other = taken(planned(before), before), taken(planned(after), after)
    of_row = {i: split for split, numbers in other.items() for i in numbers}
    moved = [(split, of_row[i]) for split, numbers in one.items() for i in numbers if of_row[i] != split]
    assert len(moved) < 50
    assert ("test", "dev") not in moved
    assert ("dev", "test") not in moved


WORDS = st.sampled_from([f"w{i}" for i in range(60)])
ROWS = st.lists(st.tuples(WORDS, WORDS), min_size=12, max_size=60)


def disjoint_and_complete(split: dict[str, list[int]], number: int) -> bool:
    return sorted(i for rows in split.values() for i in rows) == list(range(number))


@settings(max_examples=150, deadline=None)
@given(ROWS, st.integers(0, 5))
def test_splits_are_disjoint_complete_and_share_no_text_unless_they_say_so(rows, seed):
    table = {UNSPLIT: pairs(rows)}
    try:
        plan = planned(table, spec=SplitSpec(seed=seed))
    except DataError as error:
        assert "too few" in str(error)
        return
    split = taken(plan, table)
    assert disjoint_and_complete(split, len(rows))
    assert all(split.values())
    texts = {name: {text for i in numbers for text in rows[i]} for name, numbers in split.items()}
    if any("by shared texts" in note for note in plan.notes):
        assert not texts["train"] & texts["test"]
        assert not texts["train"] & texts["dev"]
        assert not texts["dev"] & texts["test"]
    else:
        queries = {name: {rows[i][0] for i in numbers} for name, numbers in split.items()}
        assert not queries["train"] & queries["test"]
        assert not queries["train"] & queries["dev"]
        assert any("are linked" in note for note in plan.notes)
        shared = len({rows[i][1] for i in split["train"]} & {rows[i][1] for i in split["test"]})
        assert plan.counts["shared_documents_train_test"] == shared


@settings(max_examples=60, deadline=None)
@given(ROWS, st.lists(st.sampled_from(["", "a", "b", "c", "d", "e", "f"]), min_size=60, max_size=60))
def test_groups_of_the_source_are_never_torn(rows, groups):
    groups = groups[: len(rows)]
    for kind, make in ((RowKind.PAIR, pairs), (RowKind.SCORED, scored)):
        table = {UNSPLIT: make(rows, groups)}
        try:
            split = taken(planned(table, kind), table)
        except DataError:
            continue
        assert disjoint_and_complete(split, len(rows))
        for group in set(groups) - {""}:
            assert len({name for name, numbers in split.items() for i in numbers if groups[i] == group}) == 1


def test_texts_count_as_equal_after_normalising_and_negatives_connect():
    rows = [(f"q{i}", f"p{i}", f"n{i}") for i in range(40)]
    rows[1] = ("Ｑ0 ", "p1", "n1")
    rows[2] = ("q2", "p2", "P0")
    table = {UNSPLIT: pairs(rows)}
    for seed in range(8):
        split = taken(planned(table, RowKind.TUPLE, spec=SplitSpec(seed=seed)), table)
        assert len({name for name, numbers in split.items() for i in numbers if i < 3}) == 1
    assert normalise_text("Ｑ0 ") == "q0"


def test_over_a_corpus_only_queries_are_kept_apart():
    rows = [(f"q{i // 2}", f"d{i % 3}") for i in range(60)]
    table = {UNSPLIT: pairs(rows)}
    plan = planned(table, has_corpus=True)
    split = taken(plan, table)
    assert {name: len(numbers) for name, numbers in split.items()} == {"train": 42, "dev": 6, "test": 12}
    queries = {name: {rows[i][0] for i in numbers} for name, numbers in split.items()}
    assert not queries["train"] & queries["test"]
    assert plan.counts["shared_documents_train_test"] == 3
    assert not any("in common" in note for note in plan.notes)


def test_one_giant_group_falls_back_to_queries_and_says_so():
    rows = [(f"q{i}", "the same answer") for i in range(50)]
    table = {UNSPLIT: pairs(rows)}
    plan = planned(table)
    assert {name: len(numbers) for name, numbers in taken(plan, table).items()} == {"train": 35, "dev": 5, "test": 10}
    assert any("are linked" in note for note in plan.notes)
    assert "train and test have 1 document in common" in plan.notes


def test_a_big_group_goes_to_train_while_others_fill_the_rest():
    rows = [("hub", f"spoke {i}") for i in range(50)] + UNIQUE
    table = {UNSPLIT: scored(rows)}
    for seed in range(6):
        split = taken(planned(table, RowKind.SCORED, spec=SplitSpec(seed=seed)), table)
        assert set(range(50)) <= set(split["train"])
        assert (len(split["dev"]), len(split["test"])) == (15, 30)


def test_scored_pairs_of_one_component_fall_back_to_pairs_in_either_order():
    rows = [(f"s{i}", f"s{(i + 1) % 40}") for i in range(40)] + [("s1", "s0")]
    table = {UNSPLIT: scored(rows)}
    for seed in range(8):
        plan = planned(table, RowKind.SCORED, spec=SplitSpec(seed=seed))
        split = taken(plan, table)
        assert len({name for name, numbers in split.items() for i in numbers if i in (0, 40)}) == 1
        assert plan.counts["shared_pairs_train_test"] == 0
        assert plan.counts["shared_sentences_train_test"] > 0


@pytest.mark.parametrize("rows", [[("a", "b")], [("a", "b"), ("c", "d")], [("a", "b")] * 20])
def test_too_few_rows(rows):
    with pytest.raises(DataError, match="too few") as error:
        planned({UNSPLIT: pairs(rows)})
    assert "column `split`" in str(error.value)


def test_a_group_column_with_one_value():
    with pytest.raises(DataError, match="in one group"):
        planned({UNSPLIT: pairs(UNIQUE, ["all"] * 100)})


def test_three_rows_are_enough():
    table = {UNSPLIT: pairs(UNIQUE[:3])}
    assert {name: len(rows) for name, rows in taken(planned(table), table).items()} == {"train": 1, "dev": 1, "test": 1}


def test_given_splits_stay_as_given_and_leaks_are_counted():
    tables = {
        "train": pairs([("a", "1"), ("b", "2"), ("c", "3"), ("c", "4")]),
        "dev": pairs([("A", "1"), ("d", "2")]),
        "test": pairs([("c", "9"), ("e", "5")]),
    }
    plan = planned(tables)
    assert plan.parts == {"train": ("train", None), "dev": ("dev", None), "test": ("test", None)}
    expected = {
        "rows_train": 4, "queries_train": 3, "rows_dev": 2, "queries_dev": 2, "rows_test": 2, "queries_test": 2,
        "shared_pairs_train_dev": 1, "shared_queries_train_dev": 1, "shared_documents_train_dev": 2,
        "shared_pairs_train_test": 0, "shared_queries_train_test": 1, "shared_documents_train_test": 0,
        "shared_pairs_dev_test": 0, "shared_queries_dev_test": 0, "shared_documents_dev_test": 0,
    }  # fmt: skip
    assert plan.counts == expected
    assert "train and dev have 1 pair in common" in plan.notes
    assert all(type(number) is int for number in plan.counts.values())


def test_a_pair_is_shared_only_with_the_same_document():
    tables = {"train": pairs([("a", "1"), ("b", "2")]), "test": pairs([("a", "2"), ("1", "a")]), "dev": pairs([("x", "y")])}
    assert planned(tables).counts["shared_pairs_train_test"] == 0


@pytest.mark.parametrize(("given", "made", "sizes"), [("test", "dev", (90, 10)), ("dev", "test", (80, 20))])
def test_what_is_missing_is_carved_from_train(given, made, sizes):
    tables = {"train": pairs(UNIQUE), given: pairs([("x", "y")])}
    plan = planned(tables)
    split = taken(plan, tables)
    assert plan.parts[given] == (given, None)
    assert (len(split["train"]), len(split[made])) == sizes
    assert plan.parts[made][0] == "train"
    assert sorted(split["train"] + split[made]) == list(range(100))


@pytest.mark.parametrize("names", [("test",), ("dev", "test"), ("dev",)])
def test_without_train_nothing_is_made(names):
    tables = {name: pairs(UNIQUE) for name in names}
    assert planned(tables).parts == {name: (name, None) for name in names}


def test_max_rows_cuts_train_by_hash_not_by_position():
    tables = {"train": pairs(UNIQUE), "dev": pairs(UNIQUE[:5]), "test": pairs(UNIQUE[:5])}
    plan = planned(tables, max_rows=30)
    rows = taken(plan, tables)["train"]
    assert len(rows) == 30
    assert rows == sorted(rows)
    assert rows != list(range(30))
    assert plan.counts["rows_train"] == 30
    assert "train is cut to 30 of 100 rows, chosen by hash (max_rows)" in plan.notes
    fewer = taken(planned(tables, max_rows=20), tables)["train"]
    assert set(fewer) < set(rows)
    table = {UNSPLIT: pairs(UNIQUE)}
    carved = taken(planned(table, max_rows=30), table)
    assert [len(carved[name]) for name in SPLITS] == [30, 10, 20]


@pytest.mark.parametrize(("given", "made"), [("test", "dev"), ("dev", "test")])
def test_what_a_given_split_judges_is_not_dealt_to_the_other(given: str, made: str) -> None:
    """Dev made of rows that test has, too, would choose checkpoints by the test."""
    rows = [(f"question {i}", f"answer {i}") for i in range(240)]
    tables = {"train": pairs(rows), given: pairs([(f"Question {i}", f"other answer {i}") for i in range(60)])}
    plan = planned(tables, has_corpus=True)
    found = taken(plan, tables)
    assert set(range(60)) <= set(found["train"])  # where leaks are looked for, and taken out
    assert 10 <= len(found[made]) <= 40 and min(found[made]) >= 60
    assert plan.counts["shared_queries_dev_test"] == 0


def test_where_all_rows_are_judged_elsewhere_the_leak_is_what_is_said() -> None:
    tables = {"train": pairs(UNIQUE), "test": pairs(UNIQUE)}
    plan = planned(tables)
    assert len(taken(plan, tables)["dev"]) == 10
