"""One level over all checks: what is the same stays quiet, what is new is found, and too little says that it is too little."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.watch.alarm import WindowVerdict, judge_window
from train.watch.checks import CanaryResult, Effect, IndexFacts, LostDocuments
from train.watch.measure import MEASURES, Compared
from train.watch.permute import draw_labels
from train.watch.sample import Sample


def made(n: int, seed: int, foreign: float = 0.0, dimensions: int = 64) -> Sample:
    """Return texts of one kind, a share of them of another."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(n, dimensions)) * np.exp(-np.arange(dimensions) / 15)
    vectors[: round(foreign * n), 40:] += 1.0
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Sample.of(vectors, lengths=generator.integers(5, 40, n), top1=generator.normal(0.6, 0.1, n))


def levels(verdict: WindowVerdict) -> dict[str, str]:
    return {check.name: check.level for check in verdict.checks}


def test_texts_of_the_same_kind_are_quiet_and_a_fifth_of_new_ones_is_an_alarm() -> None:
    reference = made(400, 1)
    same = judge_window(reference, made(150, 2), permutations=299)
    new = judge_window(reference, made(150, 3, foreign=0.2), permutations=299)
    assert same.level == "quiet" and same.told
    assert new.level == "alarm" and levels(new)["novelty"] == "alarm"
    assert (new.heading, new.shown_share, new.texts_speak) == ("alarm", new.foreign, True)
    assert not any("quiet does not mean" in note for note in new.notes)
    assert new.foreign is not None and new.foreign[1][0] < 0.2 < new.foreign[1][1]


def test_an_index_of_another_model_is_an_alarm_without_any_statistics() -> None:
    found = judge_window(made(5, 1), made(1, 2), index=IndexFacts("a", "b"))
    assert found.level == "alarm" and not found.told
    assert judge_window(made(5, 1), made(1, 2), index=IndexFacts("a", "a")).level == "quiet"


def test_canaries_that_moved_are_named_beyond_what_is_tolerated() -> None:
    reference, window = made(100, 1), made(50, 2)
    some = judge_window(reference, window, CanaryResult(50, moved=("one",)), permutations=199)
    many = judge_window(reference, window, CanaryResult(50, moved=tuple("abcdefgh")), permutations=199)
    assert (some.level, many.level) == ("quiet", "alarm")
    assert next(check for check in many.checks if check.name == "canaries").named == tuple("abcdefgh")


@pytest.mark.parametrize(
    ("gone", "level"), [(0, "quiet"), (5, "quiet"), (6, "look"), (24, "look"), (25, "alarm"), (43, "alarm"), (50, "alarm")]
)
def test_an_index_that_lost_documents_is_found_by_the_canaries(gone: int, level: str) -> None:
    queries = tuple(f"query {number}" for number in range(gone))
    found = judge_window(made(5, 1), made(1, 2), CanaryResult(50, (), queries), lost=LostDocuments(50, queries, "v.parquet"))
    check = next(one for one in found.checks if one.name == "documents")
    assert (found.level, check.level, check.named) == (level, level, queries) and check.figure == gone / 50
    assert level == "quiet" or f"{gone} of 50 canaries ({gone / 50:.0%})" in check.sentence


@pytest.mark.parametrize("dimensions", [32, 3072])
def test_a_reference_of_60_texts_and_vectors_of_any_width_do(dimensions: int) -> None:
    found = judge_window(made(60, 1, dimensions=dimensions), made(25, 2, dimensions=dimensions), permutations=199)
    assert found.level == "quiet" and found.told and found.findable is not None
    assert any("quiet does not mean" in note for note in found.notes)
    assert found.heading == f"quiet (only a share of about {found.findable:.0%} or more would be found)"
    assert found.foreign is not None and found.shown_share is None and not found.texts_speak


@pytest.mark.parametrize("n", [0, 1, 5])
def test_few_texts_say_that_they_are_too_few(n: int) -> None:
    found = judge_window(made(100, 1), made(20, 2, foreign=1.0).take(np.arange(n)), CanaryResult(20))
    assert found.level == "quiet" and not found.told and found.foreign is None and found.heading == "not told"
    assert any("fewer than 10" in note for note in found.notes)
    assert levels(found) == {"canaries": "quiet"}


def test_twenty_texts_of_another_kind_are_found_and_five_known_texts_are_no_reference() -> None:
    assert judge_window(made(100, 1), made(20, 2, foreign=1.0), permutations=199).level == "alarm"
    found = judge_window(made(5, 1), made(100, 2))
    assert not found.told and any("The reference has 5" in note for note in found.notes)


def test_one_query_sent_a_hundred_times_is_one_witness() -> None:
    reference, window = made(300, 1), made(61, 2)
    window.vectors[60, :] = np.eye(64)[50]
    burst = window.take(np.array([*range(60), *[60] * 100]))
    found = judge_window(reference, burst, permutations=199)
    assert found.level == "quiet" and (found.window.given, found.window.distinct) == (160, 61)
    assert any("one of them 100 times" in note for note in found.notes)


def test_equal_vectors_and_figures_without_variance_are_quiet() -> None:
    same = Sample.of(np.tile(np.float32([0.6, 0.8]), (200, 1)))
    assert not judge_window(same, same).told  # one text, two hundred times
    line = np.linspace(0, 1, 100, dtype=np.float32)[:, None] * np.float32([[1, 0]])
    assert judge_window(Sample.of(line[::2]), Sample.of(line[1::2])).level == "quiet"
    zero = Sample.of(np.zeros((50, 8), dtype=np.float32))
    assert judge_window(zero, zero).level == "quiet"
    found = judge_window(Sample.of(made(100, 1).vectors), Sample.of(made(50, 2).vectors))
    assert [check.name for check in found.checks if not check.told] == ["similarity", "length", "unknown", "cut"]


def test_a_shift_that_is_beyond_chance_but_too_small_is_told_and_quiet() -> None:
    sides = made(100, 1), made(100, 2)
    texts = Sample.of(np.concatenate([side.vectors for side in sides]), lengths=np.arange(200) // 2)
    in_window = np.arange(200) % 2 == 1
    compared = Compared(texts, in_window, draw_labels(np.arange(200), in_window, np.random.default_rng(0), 9))
    length = next(measure for measure in MEASURES if measure.name == "length")
    found = length.check(compared, 0.001, 0.01)
    assert found.figure == pytest.approx(0.5) and found.level == "quiet" and found.sentence.endswith("too little to matter.")
    assert [Effect(0.525, 0.55).level(size) for size in (0.52, 0.53, 0.56)] == ["quiet", "look", "alarm"]
    assert Effect(0.525, None).level(0.9) == "look"


def test_each_figure_moves_its_own_check() -> None:
    reference, window = made(300, 1), made(150, 2)
    some = np.arange(150) < 45
    changed = {
        "similarity": {"top1": window.top1 - 0.1},
        "cut": {"cut": some},
        "unknown": {"unknown": np.where(some, 0.3, 0.0)},
    }
    for name, values in changed.items():
        found = judge_window(reference, replace(window, **values), permutations=199)
        assert {check.name: check.level for check in found.checks if check.level != "quiet"} == {name: "alarm"}
    longer = judge_window(reference, replace(window, lengths=window.lengths + 10), permutations=199)
    assert longer.level == "look"  # long texts alone are no harm


def test_conversations_are_not_many_witnesses() -> None:
    """Ten texts of each conversation are alike: one by one they look like a shift, conversation by conversation they do not."""
    wrong = {"alone": 0, "grouped": 0}
    for seed in range(4):
        generator = np.random.default_rng(seed)
        about = np.repeat(generator.normal(size=(45, 12)), 10, axis=0)
        vectors = about + 0.7 * generator.normal(size=(450, 12))
        groups = np.repeat(np.arange(45), 10)
        for name, known in (("alone", None), ("grouped", groups)):
            sides = [
                Sample.of(vectors[rows], groups=None if known is None else known[rows]) for rows in (groups < 30, groups >= 30)
            ]
            wrong[name] += judge_window(sides[0], sides[1], permutations=149).level != "quiet"
    assert wrong["alone"] >= 3 and wrong["grouped"] <= 1


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="64 dimensions and the window 32"):
        judge_window(made(30, 1), made(30, 2, dimensions=32))
    with pytest.raises(ValueError, match="lengths"):
        Sample.of(np.ones((3, 2)), lengths=np.ones(2))
    with pytest.raises(ValueError, match="finite"):
        Sample.of(np.full((3, 2), np.nan))


def test_json_holds_plain_values() -> None:
    found = judge_window(made(60, 1), made(30, 2), CanaryResult(9, ("a",), ("b",)), IndexFacts("a", None), permutations=99)
    again = json.loads(json.dumps(found.to_dict()))
    assert again["level"] == found.level and len(again["checks"]) == len(found.checks) == 9
    assert {check["name"]: check["told"] for check in again["checks"]}["index"] is False
    assert all(check.sentence in str(found) for check in found.checks)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), foreign=st.sampled_from([0.0, 0.3]))
def test_neither_the_order_of_texts_nor_turning_all_vectors_changes_anything(seed: int, foreign: float) -> None:
    reference, window = made(60, seed, dimensions=16), made(30, seed + 1, foreign, dimensions=16)
    generator = np.random.default_rng(seed)
    turn = np.linalg.qr(generator.normal(size=(16, 16)))[0]
    other = [one.take(generator.permutation(len(one))) for one in (reference, window)]
    turned = [replace(one, vectors=(one.vectors @ turn).astype(np.float32)) for one in other]
    before = judge_window(reference, window, permutations=99)
    after = judge_window(turned[0], turned[1], permutations=99)
    assert before.level == after.level
    for one, two in zip(before.checks, after.checks, strict=True):
        assert one.told == two.told and one.figure == pytest.approx(two.figure, abs=1e-3)
        assert one.p == pytest.approx(two.p, abs=0.021)
