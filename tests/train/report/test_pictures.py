"""What the pictures of a run say: their sentences and tables, from figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.support.pages import curve, extras_of, page_arguments, rendered, result, typed
from train.evaluate.results import DatasetResult
from train.report.drawing.scatter import thinned
from train.report.page import render
from train.report.page_panel import Traded
from train.report.page_slices import sliced
from train.report.pictures.ranks import rank_bin, rank_picture
from train.report.pictures.repeats import repeats_picture
from train.report.pictures.similarities import QueryNearness, Similarities, similarity_picture
from train.report.pictures.slices import slice_picture
from train.report.pictures.trade import trade_picture
from train.report.pictures.training import training_picture
from train.runs.records import RunReport
from train.wording import Sides


def typed_result(name: str = "docs", **changes: Any) -> DatasetResult:
    return DatasetResult.model_validate(result(name, **changes))


def logged(*losses: float | None) -> list[SimpleNamespace]:
    return [SimpleNamespace(step=10 * i, loss=loss, learning_rate=2e-5, losses={}) for i, loss in enumerate(losses, start=1)]


@pytest.mark.parametrize(
    ("losses", "how"),
    [
        ((2.0, 1.9, 1.5, 1.4, 1.1, 1.0), "fell from 1.95 to 1.05"),
        ((1.0, 1.0, 1.2, 1.2, 1.5, 1.5), "rose from 1 to 1.5"),
        ((1.0, 0.2, 0.6, 0.6, 0.3, 1.1), "stayed about 0.633"),  # the noise of its points is larger than their change
        ((1.0, 1.25), "was 1 at first and 1.25 at last"),
    ],
)
def test_the_loss_is_said_as_it_went(losses: tuple[float, ...], how: str) -> None:
    found = training_picture(logged(*losses))
    assert found is not None and found.sentence == f"Over {10 * len(losses)} steps the training loss {how}."


def test_each_data_set_has_a_loss_of_its_own_where_several_train_together() -> None:
    log = [
        SimpleNamespace(step=i, loss=loss, learning_rate=2e-5, losses={name: loss})
        for i, (name, loss) in enumerate([("pairs", 0.5), ("scored", 0.07)] * 6, start=1)
    ]
    found = training_picture(log)
    assert found is not None
    assert (
        found.sentence
        == "Over 12 steps the training loss of pairs stayed about 0.5 and the training loss of scored stayed about 0.07."
    )
    assert "training loss of pairs" in str(found.drawn) and "training loss of scored" in str(found.drawn)


def test_dev_stands_beside_the_loss_where_the_base_was_scored() -> None:
    log = logged(2.0, None, 1.0)
    found = training_picture(log, typed(curve(["a"])))
    assert found is not None and found.sentence.endswith("; dev stands +0.030 against the base at step 60.")
    assert found.table is not None and list(found.table.rows) == [
        ("0", "", "", "+0.000"),
        ("10", "2", "2e-05", ""),
        ("20", "", "2e-05", "+0.010"),
        ("30", "1", "2e-05", ""),
        ("40", "", "", "+0.020"),
        ("60", "", "", "+0.030"),
    ]
    alone = training_picture(log, typed(curve(["a"])[1:]))
    assert alone is not None and "dev" not in alone.sentence


def test_a_long_training_lists_some_of_its_steps_and_the_last() -> None:
    found = training_picture(logged(*[1.0] * 601))
    assert found is not None and found.table is not None
    assert len(found.table.rows) <= 62 and found.table.rows[-1][0] == "6,010" and "one of 11 logged steps" in found.table.caption


def test_runs_without_a_training_log_lack_the_picture() -> None:
    assert training_picture([]) is None and training_picture(logged(1.0, None)) is None


def near(relevant: list[float], wrong: list[float], rank: list[int]) -> QueryNearness:
    return QueryNearness(tuple(relevant), tuple(wrong), tuple(rank))


QUERIES = Similarities(
    queries=(
        near([0.5, 0.6, 0.4, 0.7, 0.2], [0.6, 0.5, 0.5, 0.6, 0.6], [2, 1, 11, 1, 101]),
        near([0.7, 0.7, 0.6, 0.5, 0.3], [0.5, 0.4, 0.5, 0.6, 0.6], [1, 1, 1, 3, 100]),
    ),
    threshold=0.55,
)


def test_similarities_say_who_stands_first_and_by_how_much() -> None:
    found = similarity_picture(QUERIES, typed_result(), Sides())
    assert found is not None and found.table is not None
    # leads: -0.1, 0.1, -0.1, 0.1, -0.4, and then 0.2, 0.3, 0.1, -0.1, -0.3
    assert found.sentence == (
        "A relevant document stands first for 40% of 5 queries with the base and for 60% with the tuned model; its median lead"
        " over the best wrong document goes from -0.100 to +0.100."
    )
    rows = {row[0]: row[1:] for row in found.table.rows}
    assert rows["Base: relevant"] == ("0.240", "0.400", "0.500", "0.600", "0.680") and rows["Tuned: lead"][2] == "+0.100"
    assert "threshold 0.55" in found.drawn.broad and found.drawn.broad.count("threshold") == 1


def test_ranks_are_counted_by_groups_before_against_after() -> None:
    assert [rank_bin(rank) for rank in (1, 2, 3, 4, 10, 11, 100, 101, 5000)] == [0, 1, 1, 2, 2, 3, 3, 4, 4]
    found = rank_picture(QUERIES, Sides())
    assert found is not None and found.table is not None
    assert found.sentence == (
        "From the base to the tuned model, the best relevant document moves up to a better group of ranks for 3 of 5 queries and"
        " down for 1; it stands first for 3, before for 2."
    )
    assert [row[1:] for row in found.table.rows[:2]] == [("1", "1", "0", "1", "0"), ("1", "0", "0", "0", "0")]
    assert sum(int(cell) for row in found.table.rows for cell in row[1:]) == 5


def test_queries_of_which_a_similarity_is_not_known_are_left_out_of_both_models() -> None:
    base = SimpleNamespace(relevant=np.array([0.5, 0.6]), wrong=np.array([np.nan, 0.4]), rank=np.array([1, 1]))
    tuned = SimpleNamespace(relevant=np.array([0.7, 0.8]), wrong=np.array([0.3, 0.2]), rank=np.array([1, 1]))
    scores = [SimpleNamespace(similarities=None, closest=one) for one in (base, tuned)]
    found = Similarities.of(*scores)  # type: ignore[arg-type]
    assert found.queries == (near([0.6], [0.4], [1]), near([0.8], [0.2], [1]))
    assert similarity_picture(found, typed_result(), Sides()) is None, "one query shows nothing"
    without = [SimpleNamespace(similarities=None, closest=None)] * 2
    assert Similarities.of(*without) == Similarities()  # type: ignore[arg-type]


def test_scored_pairs_are_shown_with_the_middle_of_each_part_of_the_gold_scores() -> None:
    gold = (0.0, 0.1, 1.0, 4.9, 5.0)
    found = Similarities(gold=gold, pairs=((0.1, 0.2, 0.3, 0.4, 0.5), (0.0, 0.1, 0.4, 0.8, 1.0)))
    picture = similarity_picture(found, typed_result(kind="scored", metric="spearman", base=0.8, tuned=0.9), Sides())
    assert picture is not None and picture.table is not None and rank_picture(found, Sides()) is None
    assert picture.sentence.endswith("follow their gold scores with Spearman 0.800 with the base and 0.900 with the tuned model.")
    assert list(picture.table.rows) == [
        ("0 to 0.1", "2", "0.150", "0.050"),
        ("1 to 1", "1", "0.300", "0.400"),
        ("4.9 to 5", "2", "0.450", "0.900"),
    ]


def test_clouds_of_many_points_are_thinned_over_all_of_them() -> None:
    points = [(i / 1000, i / 2000) for i in range(1000)]
    kept = thinned(points, 400)
    assert len(kept) <= 400 and kept[0] == points[0] and kept[-1][0] > 0.99


def part(by: str, name: str, delta: float, half: float = 0.03) -> dict[str, Any]:
    ends = {"ci95": [delta - half, delta + half], "p_value": 0.001 if abs(delta) > half else 0.5}
    return {"by": by, "name": name, "n": 100, "base": 0.5, "tuned": 0.5 + delta, "delta": delta} | ends


def test_parts_that_are_the_whole_or_too_small_for_a_correlation_are_left_out() -> None:
    slices = [part("length", "long", 0.1), part("length", "short", 0.2) | {"n": 10}, part("documents", "new", 0.1) | {"n": 300}]
    (pairs,) = sliced([typed_result(kind="scored", metric="spearman", n=300, slices=slices)])
    assert [(one.by, [each.name for each in one.parts]) for one in pairs.divisions] == [("length", ["long"])]
    assert slice_picture(pairs, Sides()).sentence.endswith(" Left out, as they hold fewer than 20 pairs: 1.")
    (queries,) = sliced([typed_result(n=300, slices=slices)])
    assert [each.name for each in queries.divisions[0].parts] == ["long", "short"] and len(queries.divisions) == 1


def test_parts_are_counted_by_their_verdicts_and_the_ends_are_named() -> None:
    slices = [part("documents", "taught", 0.1), part("documents", "new", 0.01), part("length", "long", -0.1)]
    (found,) = sliced([typed_result(slices=slices)])
    picture = slice_picture(found, Sides())
    assert picture.sentence == (
        "Of 3 parts: 1 better, 1 worse, 1 unproven; the change goes from -0.100 (length: long) to +0.100 (documents: taught)."
    )
    assert "Documents" in picture.drawn.slim and "change of nDCG@10, better →" in picture.drawn.slim


def test_seeds_and_parts_stand_as_dots_beside_their_mean() -> None:
    mean = {"base": 0.5, "tuned": 0.53, "delta": 0.03, "ci95": [-0.01, 0.07], "p_value": 0.2, "verdict": "no_evidence", "n": 90}
    seeds = mean | {"seeds": [{"seed": i, "tuned": 0.5 + d, "delta": d} for i, d in ((1, -0.01), (2, 0.07))], "sd": 0.04}
    crossed = mean | {"folds": 3, "parts": [{"n": 30, "base": 0.5, "tuned": 0.5 + d, "delta": d} for d in (0.0, 0.03, 0.06)]}
    results = [typed_result("a", seeds=seeds | {"item_ci95": [0.0, 0.06]}), typed_result("b", cross_validation=crossed)]
    found = repeats_picture(results)
    assert found is not None and found.table is not None
    assert found.sentence == (
        "On a 1 of 2 seeds are above the base, from -0.010 to +0.070; mean +0.030, 95% interval -0.010 to +0.070."
        " On b 2 of 3 parts are above the base, from +0.000 to +0.060; mean +0.030, 95% interval -0.010 to +0.070."
    )
    assert found.drawn.broad.count("hollow") == 5 and len(found.table.rows) == 3
    older = typed_result("b", cross_validation={key: value for key, value in crossed.items() if key != "parts"})
    assert repeats_picture([older]) is None, "older reports do not say what each part came to"


def test_the_trade_off_is_told_at_its_end_and_where_one_stays() -> None:
    traded = [
        Traded(0.0, 0.40, 0.7, None, "base"),
        Traded(0.5, 0.45, 0.69, -0.01, "taken"),
        Traded(0.75, None, None, None, ""),
        Traded(1.0, 0.46, 0.65, -0.05, "the best on dev"),
    ]
    found = trade_picture(traded)
    assert found is not None and found.sentence == (
        "The whole way to the checkpoint changes dev by +0.060 and other work by -0.050; the 50% that were taken +0.050"
        " and -0.010."
    )
    assert "50%, taken" in found.drawn.broad and "100%: dev +0.060, other work -0.050 (the best on dev)" in found.drawn.broad
    assert trade_picture(traded[:2]) is None and trade_picture(traded[1:]) is None


def test_a_page_shows_what_is_known_and_lacks_what_is_not() -> None:
    report, log, examples, extras = page_arguments()
    plain = rendered(report, log, examples, extras)
    assert 'id="near"' not in plain and 'id="training"' not in plain
    known = replace(extras_of(extras), training=logged(2.0, 1.0), similarities={"docs": QUERIES})
    html = render(RunReport.model_validate(report), typed(log), examples, known)
    for name in ("similarities-0", "ranks-0", "training-picture", "curve-picture"):
        assert html.count(f'id="{name}"') == 1
    assert 'href="#near"' in html and 'href="#training"' in html
