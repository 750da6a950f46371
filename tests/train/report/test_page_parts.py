"""What the pages are made of: scales of intervals, curves, examples, steps to repeat, and the parts kept beside the templates."""

from __future__ import annotations

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pages import curve, pair, query, typed
from train.console import plain
from train.report.drawing.intervals import Bar, Forest
from train.report.html_page import ASSETS, inline_script, moment, script_data, writable
from train.report.page_curve import Curve
from train.report.page_examples import Cases, Change
from train.report.page_reproduce import Repeat
from train.runs.records import ModelRecord


def test_intervals_are_placed_in_one_scale_with_0_in_it() -> None:
    forest = Forest.of([(0.0, 0.1), (-0.1, -0.05)])
    # 0.2 wide and 0.008 free at each side
    assert (forest.low, forest.high) == (pytest.approx(-0.108), pytest.approx(0.108))
    assert forest.zero == 50.0
    assert forest.bar(0.05, (0.0, 0.1)) == Bar(low=50.0, high=pytest.approx(96.3), at=pytest.approx(73.15))
    assert [(round(at, 2), round(value, 3)) for at, value in forest.ticks] == [
        (3.7, -0.1),
        (26.85, -0.05),
        (50.0, 0.0),
        (73.15, 0.05),
        (96.3, 0.1),
    ]


def test_a_ruined_run_does_not_press_the_others_together() -> None:
    usual = [(0.01, 0.03)] * 19
    forest = Forest.of([*usual, (-0.9, -0.8)], share=0.95)
    assert forest.low > -0.1
    assert forest.bar(-0.85, (-0.9, -0.8)) == Bar(0.0, 0.0, 0.0, cut_low=True)
    assert not forest.bar(0.02, (0.01, 0.03)).cut_high


@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)).map(lambda ends: (min(ends), max(ends))), max_size=30))
def test_every_interval_lies_within_its_scale_in_its_order(intervals: list[tuple[float, float]]) -> None:
    forest = Forest.of(intervals)
    assert forest.low < 0 < forest.high and 0 < forest.zero < 100
    assert 1 <= len(forest.ticks) <= 7 and any(value == 0 for _, value in forest.ticks)
    for low, high in intervals:
        bar = forest.bar((low + high) / 2, (low, high))
        assert 0 <= bar.low <= bar.at <= bar.high <= 100 and not bar.cut_low and not bar.cut_high


def test_a_curve_of_several_data_sets_has_their_mean_first() -> None:
    found = Curve.of(typed(curve(["a", "b"])))
    assert found is not None
    assert [line.name for line in found.lines] == ["mean of 2 data sets", "a", "b"]
    assert found.lines[0].values == pytest.approx([0.45, 0.465, 0.48, 0.495])
    assert found.lines[2].values == pytest.approx([0.5, 0.52, 0.54, 0.56])
    assert found.steps == [0, 20, 40, 60] and found.best == 60 and found.has_base
    assert found.lines[0].css == "mean" and found.lines[1].css == "s0"


def test_the_checkpoint_that_was_judged_is_marked() -> None:
    found = Curve.of(typed(curve(["a"])), best_step=60)
    assert found is not None and [row.note for row in found.rows] == ["base", "", "", "best: judged on test"]
    assert found.best_is_highest
    assert found.summary.startswith("The best of 3 checkpoints is that of step 60: dev score 0.430 (+0.030 against the base)")


def test_a_checkpoint_that_was_taken_without_the_highest_score_is_not_called_the_best() -> None:
    lines = curve(["a"])
    lines[2]["dev"] = 0.433
    for line in lines[1:]:
        line["noise"] = 0.004
    found = Curve.of(typed(lines))
    assert found is not None and [row.note for row in found.rows] == ["base", "", "", "taken: judged on test"]
    told = (
        "Of 3 checkpoints, that of step 60 is the last whose score cannot be told apart from the highest, 0.433: dev score 0.430"
    )
    assert found.summary.startswith(f"{told} (+0.030 against the base)")
    assert not found.best_is_highest
    lines[3]["dev"] = 0.433  # as good as the one before it: the last of equals is the best
    found = Curve.of(typed(lines))
    assert found is not None and [row.note for row in found.rows] == ["base", "", "", "best: judged on test"]
    assert found.best_is_highest and found.summary.startswith("The best of 3 checkpoints is that of step 60")


def test_a_curve_without_a_base_shows_no_changes() -> None:
    found = Curve.of(typed(curve(["a"])[1:]))
    assert found is not None and not found.has_base
    assert [row.change for row in found.rows] == [None] * 3 and "against" not in found.summary


def test_fewer_than_two_judged_checkpoints_are_no_curve() -> None:
    assert Curve.of([]) is None and Curve.of(typed([{"step": 0, "dev": 0.5}, {"step": 5, "dev": None}])) is None


def test_a_data_set_that_was_not_judged_each_time_leaves_a_gap() -> None:
    lines = curve(["a", "b"])
    del lines[2]["datasets"]["b"]
    found = Curve.of(typed(lines))
    assert found is not None and found.lines[2].values[2] is None and found.rows[2].scores[1] is None


def test_lines_differ_by_more_than_their_colour() -> None:
    found = Curve.of(typed(curve([f"set {i}" for i in range(12)])))
    assert found is not None
    looks = {(line.css, line.dash) for line in found.lines}
    assert len(looks) == 13 and {line.dash for line in found.lines[1:]} == {"dash0", "dash1", "dash2"}


def test_documents_tell_from_which_rank_they_came() -> None:
    example = query("q", ["one", "two", "three"])
    example["tuned_ranking"] = [
        example["base_ranking"][2],
        example["base_ranking"][1],
        {**example["base_ranking"][0], "id": "new"},
    ]
    found = Cases.of([example])
    assert found is not None
    moved = [document["moved"] for document in found.groups[0].list[0]["tuned_ranking"]]
    assert moved == ["↑ from rank 3", "= same rank", "↑ new among the first 3"]
    assert [document["moved"] for document in found.groups[0].list[0]["base_ranking"]] == [""] * 3


def test_ranks_of_relevant_documents_that_were_not_found() -> None:
    example = query("q", ["one", "two"])
    example["relevant"][0] |= {"base_rank": None, "tuned_rank": 7}
    found = Cases.of([example])
    assert found is not None and found.groups[0].list[0]["relevant"][0]["ranks"] == "rank beyond 100 → 7"


def test_examples_are_grouped_by_data_set_and_direction_in_their_order() -> None:
    found = Cases.of([query("a", ["x", "y"]), query("b", ["x", "y"]), query("c", ["x", "y"], "lost"), pair("d", "e")])
    assert found is not None
    assert [(group.dataset, group.kind, [case["head"] for case in group.list]) for group in found.groups] == [
        (0, "gained", ["a", "b"]),
        (0, "lost", ["c"]),
        (1, "lost", ["d"]),
    ]
    assert found.introduction == "The 2 that gained and the 2 that lost most. Open one to see its right and wrong documents."


def test_shares_of_gained_and_lost_fill_the_bar() -> None:
    found = Change.of("docs", {"kind": "pair", "gained": 1, "lost": 2, "same": 1})
    assert [(share["colour"], share["begin"], share["width"]) for share in found.shares] == [
        ("gained", 0, 25),
        ("same", 25, 25),
        ("lost", 50, 50),
    ]
    assert found.sentence == "1 of 4 queries gained, 2 lost, 1 stayed the same."


def test_models_that_were_compared_are_named_with_their_weights() -> None:
    models = [ModelRecord(name="a", revision="r1"), ModelRecord(name="b", sha256="s2")]
    found = Repeat.of(None, command="embed-tune evaluate a b", models=models)
    assert found is not None
    assert [(step.text, step.facts) for step in found.steps[:2]] == [
        ("Use the same weights, a:", [("revision", "r1")]),
        ("Use the same weights, b:", [("SHA-256", "s2")]),
    ]
    assert Repeat.of(None) is None


def test_the_readme_of_the_assets_names_all_of_them() -> None:
    readme = (ASSETS / "README.md").read_text(encoding="utf-8")
    assert {path.name for path in ASSETS.iterdir()} == set(re.findall(r"`([\w.]+\.(?:css|js|md))`", readme)) | {"README.md"}


@pytest.mark.parametrize("text", ['"</script>"', "'</SCRIPT >'", "/<!--/", "`<script>`"])
def test_scripts_cannot_end_their_element(text: str) -> None:
    assert not re.search("</script|<script|<!--", inline_script(text), re.IGNORECASE)
    assert inline_script(text).replace("\\x3C", "<") == text
    assert inline_script("a < b && c </ d") == "a < b && c </ d"


@given(st.recursive(st.text() | st.floats(allow_nan=False, allow_infinity=False), st.lists))
def test_script_data_reads_back_and_holds_no_markup(value: object) -> None:
    text = script_data(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")


def test_script_data_refuses_what_is_no_json() -> None:
    with pytest.raises(ValueError):
        script_data(math.nan)


@given(st.text(st.characters(), max_size=50))
def test_pages_can_be_written_whatever_is_in_them(text: str) -> None:
    assert writable(text + "\ud83d\ude00 \ud800 \0").encode("utf-8").endswith("😀 \ufffd \ufffd".encode())


def test_names_keep_letters_of_all_scripts_and_lose_what_turns_or_controls() -> None:
    assert plain("ünï 漢字 😀 שלום क्‍ष") == "ünï 漢字 😀 שלום क्‍ष"
    assert plain("a\u202eb\u2066c\x1b[31m\0d\ud800") == "abc[31md"


@pytest.mark.parametrize(
    ("given_time", "shown"),
    [
        ("2026-11-22T17:35:10+00:00", "2026-11-22 17:35 UTC"),
        ("2026-11-22T01:35:10+02:00", "2026-11-21 23:35 UTC"),
        ("yesterday", "yesterday"),
    ],
)
def test_times_are_utc(given_time: str, shown: str) -> None:
    assert moment(given_time) == shown
