from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from train.config.choices import FailOn
from train.config.fail_on import Condition
from train.evaluate.bounds import lower_bound
from train.evaluate.holm import together
from train.evaluate.luck import Luck, with_luck
from train.evaluate.needed import needed
from train.evaluate.results import CrossValidation, DatasetResult, run_verdict
from train.evaluate.statistics import Comparison, compare_means
from train.evaluate.verdict import DatasetVerdict, clearly_negative, dataset_verdict
from train.report.failing import why_it_fails
from train.report.sentences import dataset_sentence, verdict_lines, verdict_sentence
from train.wording import Sides


def result(**changes: object) -> DatasetResult:
    fields = {
        "name": "python_api", "kind": "pair", "split": "test", "metric": "ndcg@10", "n": 1225, "base": 0.532, "tuned": 0.621,
        "delta": 0.089, "ci95": (0.075, 0.103), "p_value": 0.0001, "verdict": "improved",
    }  # fmt: skip
    return DatasetResult.model_validate(fields | changes)


UNCLEAR = {"verdict": "no_evidence", "delta": 0.01, "tuned": 0.542, "p_value": 0.4}


@pytest.mark.parametrize(
    ("ci95", "n", "p_value", "verdict"),
    [
        ((0.001, 0.2), 100, 0.04, "improved"),
        ((0.001, 0.2), 100, 0.05, "improved"),
        ((0.001, 0.2), 100, 0.051, "no_evidence"),
        ((-0.2, -0.001), 100, 0.04, "regressed"),
        ((-0.2, -0.001), 100, 0.06, "no_evidence"),
        ((-0.1, 0.2), 100, 0.04, "no_evidence"),
        ((0.0, 0.2), 100, 0.04, "no_evidence"),
        ((-0.2, 0.0), 100, 0.04, "no_evidence"),
        ((0.0, 0.0), 100, 1.0, "no_evidence"),
        ((0.1, 0.1), 5, 0.01, "no_evidence"),
        ((0.1, 0.1), 6, 0.03, "improved"),
        ((-0.1, -0.1), 5, 0.01, "no_evidence"),
    ],
)
def test_verdict_on_a_data_set(ci95: tuple[float, float], n: int, p_value: float, verdict: str) -> None:
    assert dataset_verdict(ci95, n, p_value) == verdict


@pytest.mark.parametrize(
    ("spearman", "n", "clear"),
    [
        (-0.848, 12, True),
        (-0.5, 12, False),  # atanh(.5) = .549 is below 2.576 sqrt(1.06 / 9) = .884
        (-0.75, 12, True),
        (-0.06, 1000, False),  # .060 is below 2.576 sqrt(1.06 / 997) = .084
        (-0.1, 1000, True),
        (-1.0, 6, True),
        (-1.0, 5, False),
        (0.9, 1000, False),
        (0.0, 1000, False),
    ],
)
def test_a_correlation_is_clearly_negative_beyond_chance(spearman: float, n: int, clear: bool) -> None:
    assert clearly_negative(spearman, n) is clear


def test_a_base_without_a_clue_is_seldom_taken_for_one_that_contradicts() -> None:
    """Of correlations that are truly 0 about one in 200 counts, with many pairs and with few."""
    generator = np.random.default_rng(0)
    for n in (10, 40):
        draws = [stats.spearmanr(generator.normal(size=n), generator.normal(size=n)).statistic for _ in range(2000)]
        assert np.mean([clearly_negative(one, n) for one in draws]) < 0.015


def test_a_model_that_was_turned_round_is_not_better() -> None:
    turned = {"base": -0.848, "tuned": 0.854, "delta": 1.702, "ci95": (1.2, 2.0), "kind": "scored", "metric": "spearman", "n": 12}
    assert dataset_verdict((1.2, 2.0), 12, 0.001, against_scores=True) == "no_evidence"
    assert dataset_verdict((-0.3, -0.1), 12, 0.001, against_scores=True) == "regressed"
    found = result(**turned, verdict="no_evidence", against_scores=True)
    sentence = dataset_sentence(found)
    assert sentence.startswith("There is no verdict on python_api: the base ranks the pairs clearly against their scores")
    assert "data.score_range=[LOW,HIGH]" in sentence and "[HIGH,LOW]" in sentence and "-0.848 → 0.854" in sentence
    assert run_verdict([found]) == "no_evidence"


def test_what_few_of_many_queries_gained_is_no_evidence() -> None:
    """Four of fifty: the interval leaves 0 out, but of sixteen ways to draw four signs two are as one-sided."""
    tuned = np.full(50, 0.5)
    tuned[:4] = 1.0
    found = compare_means(np.full(50, 0.5), tuned, seed=0)
    assert found.ci95[0] > 0 and found.p_value == 2 / 2**4
    seen = DatasetResult.of(found, name="faq", kind="pair", split="test", metric="ndcg@10", metrics={}, test_sha256=None)
    assert seen.verdict == "no_evidence"
    assert "Too few queries changed to settle it: " in dataset_sentence(seen) and "p = 0.12." in dataset_sentence(seen)


@pytest.mark.parametrize(
    ("verdicts", "run"),
    [
        ([], "no_evidence"),
        (["no_evidence"], "no_evidence"),
        (["improved"], "improved"),
        (["improved", "no_evidence"], "improved"),
        (["no_evidence", "regressed"], "regressed"),
        (["regressed", "improved", "no_evidence"], "mixed"),
    ],
)
def test_verdict_on_a_run(verdicts: list[DatasetVerdict], run: str) -> None:
    assert run_verdict([result(verdict=verdict) for verdict in verdicts]) == run


def test_sentence_of_an_improvement() -> None:
    assert verdict_sentence([result()]) == (
        "The tuned model is better than the base on python_api: nDCG@10 0.532 → 0.621 (+0.089, 95% interval +0.075 to +0.103, "
        "1,225 queries)."
    )


def test_sentence_of_a_regression_on_scored_pairs() -> None:
    lost = result(kind="scored", metric="spearman", verdict="regressed", tuned=0.5, delta=-0.032, ci95=(-0.04, -0.02), n=84)
    assert dataset_sentence(lost) == (
        "The tuned model is worse than the base on python_api: Spearman 0.532 → 0.500 (-0.032, 95% interval -0.040 to -0.020, "
        "84 pairs)."
    )


def test_a_small_test_set_is_said_to_be_too_small_and_how_many_are_needed() -> None:
    sentence = dataset_sentence(result(**UNCLEAR, ci95=(-0.03, 0.05), n=50, margin=0.02, needed=needed(0.2, 0.02, of_mean=True)))
    assert sentence.startswith("Whether the tuned model differs from the base on python_api is unproven: nDCG@10 0.532 → 0.542")
    assert sentence.endswith(  # (2.8 * 0.2 / 0.02)^2 = 784
        "The test set is too small to settle it: to show a difference of 0.02 takes about 790 queries and a difference of 0.05 "
        "takes about 130 queries."
    )


def test_groups_are_what_counts_and_are_said() -> None:
    values = np.concatenate([np.full(20, v) for v in (0.1, 0.2, 0.3, 0.25, 0.15)])
    groups = np.repeat(np.arange(5), 20)
    found = compare_means(np.zeros(100), values, seed=1, groups=groups)
    told = {"name": "faq", "kind": "pair", "split": "test", "metric": "ndcg@10", "metrics": {}, "test_sha256": None}
    grouped = DatasetResult.of(found, **told)
    assert (grouped.n, grouped.groups, grouped.verdict) == (100, 5, "no_evidence"), "five groups never settle anything"
    assert DatasetResult.of(compare_means(np.zeros(100), values, seed=1), **told).verdict == "improved"
    assert "100 queries in 5 groups). The test set is too small" in dataset_sentence(grouped)
    assert CrossValidation.of(found, 5).verdict == "no_evidence" and CrossValidation.of(found, 5).groups == 5
    # as in the test above, with five queries a group
    sizes = {"margin": 0.02, "needed": needed(0.2, 0.02, of_mean=True)}
    sentence = dataset_sentence(result(**UNCLEAR, ci95=(-0.03, 0.05), n=50, groups=10, **sizes))
    assert "takes about 790 queries in 160 groups" in sentence
    unchanged = dataset_sentence(result(**UNCLEAR | {"delta": 0.0, "tuned": 0.532}, ci95=(0.0, 0.0), n=50, groups=10))
    assert "a change in up to 30% of such queries" in unchanged


def test_a_narrow_interval_says_what_it_excludes() -> None:
    sentence = dataset_sentence(result(**UNCLEAR | {"delta": 0.001}, ci95=(-0.004, 0.006)))
    assert sentence.endswith("A difference beyond 0.006 either way is unlikely.")


def test_fewer_than_six_queries_are_too_few_whatever_the_interval() -> None:
    sentence = dataset_sentence(result(verdict="no_evidence", delta=0.1, ci95=(0.1, 0.1), n=5))
    assert sentence.endswith("The test set is too small to settle it.")


def test_queries_needed_by_hand() -> None:
    found = {one.difference: one for one in needed(0.25, 0.02, of_mean=False)}
    assert list(found) == [0.01, 0.02, 0.05]
    assert found[0.02].to_show == math.ceil((2.8 * 0.25 / 0.02) ** 2) == 1225
    assert found[0.02].to_show_not_worse == math.ceil((2.485 * 0.25 / 0.02) ** 2) == 965
    assert 3_860 <= found[0.01].to_show_not_worse <= 3_900
    assert [one.difference for one in needed(0.25, 0.03, of_mean=True)] == [0.01, 0.02, 0.03, 0.05]
    assert needed(0.0, 0.02, of_mean=True) == needed(None, 0.02, of_mean=True) == ()
    assert needed(1e-3, 0.02, of_mean=True)[1].to_show_not_worse == 150, "the rule of three"


def test_that_many_queries_settle_the_question_four_times_out_of_five() -> None:
    generator = np.random.default_rng(0)
    size = next(one for one in needed(0.25, 0.05, of_mean=True) if one.difference == 0.05)
    differing = generator.normal(0.05, 0.25, (300, size.to_show)).clip(-1, 1)
    shown = [compare_means(np.zeros(size.to_show), one, seed=0, resamples=300).ci95[0] > 0 for one in differing]
    assert 0.74 <= np.mean(shown) <= 0.87
    equal = generator.normal(0, 0.25, (600, size.to_show_not_worse)).clip(-1, 1)
    assert 0.76 <= np.mean(lower_bound(equal) > -0.05) <= 0.88


def test_queries_needed_hardly_swing_from_sample_to_sample() -> None:
    generator = np.random.default_rng(1)
    found = []
    for _ in range(40):
        differences = generator.normal(0.02, 0.25, 100).clip(-1, 1)
        spread = compare_means(np.full(100, 0.5), 0.5 + differences, seed=0, resamples=100).spread
        found.append(needed(spread, 0.02, of_mean=True)[1].to_show)
    assert max(found) / min(found) < 2.5, "an estimate from the difference that was seen swung 30- to 180-fold"


def test_sentences_say_what_the_test_leaves_open() -> None:
    differences = np.random.default_rng(2).normal(0.0, 0.25, 60).clip(-0.5, 0.5)
    unclear = dataset_sentence(of_differences(differences))
    assert "The test set is too small to settle it: to show a difference of 0.02 takes about 1," in unclear
    assert " and a difference of 0.05 takes about " in unclear
    assert "A loss of 0.02 is not ruled out (lower one-sided 95% bound -0.0" in unclear and "would show it)" in unclear
    equal = dataset_sentence(of_differences(np.tile([0.05, -0.05], 200)))
    assert equal.endswith("It is not worse by 0.02 or more (lower one-sided 95% bound -0.009).")


def test_a_bound_below_the_interval_says_what_it_allows_for() -> None:
    rare = dataset_sentence(of_differences(np.tile([0.01, -0.01], 60)))
    assert "bound -0.0" in rare and ", which allows for losses too rare to be in this test" in rare
    # the sentence that follows it says that a loss of the margin is not ruled out
    narrow = of_differences(np.tile([0.01, -0.01], 90)).model_copy(update={"low95": -0.027, "not_worse": False})
    assert "A loss of 0.02 is not ruled out" in dataset_sentence(narrow) and "is unlikely" not in dataset_sentence(narrow)


def test_an_improvement_on_few_queries_names_the_losses_that_may_be_missing() -> None:
    assert of_differences(np.full(40, 0.1)).verdict == "improved"
    sentence = (
        "With 40 queries, a kind of query that makes up less than about 8% may be missing from the test, and a loss on it would"
        " not show."
    )
    assert dataset_sentence(of_differences(np.tile([0.1, 0.12], 20))).endswith(sentence)
    assert "may be missing" not in dataset_sentence(of_differences(np.tile([0.1, 0.12], 100)))


def test_several_data_sets_get_a_summary_first() -> None:
    unclear = result(**UNCLEAR, name="nfcorpus", ci95=(-0.03, 0.05))
    worse = result(name="stsb", verdict="regressed", ci95=(-0.2, -0.1))
    first = [
        verdict_lines(results)[0]
        for results in ([result(), unclear], [worse, unclear], [result(), worse, unclear], [unclear, unclear])
    ]
    assert first == [
        "The tuned model is better than the base on 1 of 2 data sets and worse on none.",
        "The tuned model is worse than the base on 1 of 2 data sets and better on none.",
        "The tuned model is better than the base on 1 of 3 data sets and worse on 1.",
        "Whether the tuned model differs from the base is unproven on each of 2 data sets.",
    ]
    assert len(verdict_lines([result(), unclear])) == 3
    assert "Nothing was judged" in verdict_sentence([])


def test_result_as_json_has_the_fields_of_the_report() -> None:
    dumped = json.loads(json.dumps(result().model_dump(mode="json"), allow_nan=False))
    assert set(dumped) >= {  # others are added
        "name", "kind", "split", "metric", "n", "groups", "base", "tuned", "delta", "ci95", "p_value", "verdict", "metrics",
        "test_sha256", "cross_validation", "kept_base", "against_scores",
    }  # fmt: skip
    assert dumped["ci95"] == [0.075, 0.103]
    assert DatasetResult.model_validate(dumped | {"added_later": 1}) == result()


def test_no_change_in_a_few_queries_is_not_called_certain() -> None:
    unchanged = result(verdict="no_evidence", delta=0.0, ci95=(0.0, 0.0), n=12)
    assert "a change in up to 25% of such queries" in dataset_sentence(unchanged)
    assert "unlikely" not in dataset_sentence(unchanged)
    many = result(verdict="no_evidence", delta=0.0, ci95=(0.0, 0.0), n=1228)
    assert "a change in up to 0.2% of such queries" in dataset_sentence(many), "never 0%"


def test_two_models_with_names_are_called_by_them() -> None:
    sides = Sides("all-MiniLM-L6-v2", "intfloat/e5-small")
    assert dataset_sentence(result(), sides).startswith(
        "intfloat/e5-small is better than all-MiniLM-L6-v2 on python_api: nDCG@10"
    )
    worse = result(verdict="regressed", ci95=(-0.2, -0.1))
    assert verdict_lines([worse, worse], sides)[0] == (
        "intfloat/e5-small is worse than all-MiniLM-L6-v2 on 2 of 2 data sets and better on none."
    )
    assert verdict_sentence([], sides) == (
        "Nothing was judged, so whether intfloat/e5-small differs from all-MiniLM-L6-v2 is unproven."
    )
    unclear = dataset_sentence(result(**UNCLEAR, ci95=(-0.03, 0.05)), sides)
    assert unclear.startswith("Whether intfloat/e5-small differs from all-MiniLM-L6-v2 on python_api is unproven:")


def crossed(ci95: tuple[float, float]) -> CrossValidation:
    middle, verdict = sum(ci95) / 2, dataset_verdict(ci95, 900, 0.01)
    return CrossValidation(folds=5, n=900, base=0.5, tuned=0.5 + middle, delta=middle, ci95=ci95, p_value=0.01, verdict=verdict)


def test_cross_validation_settles_what_a_small_test_cannot() -> None:
    found = result(ci95=(-0.01, 0.09), verdict="no_evidence").model_copy(update={"cross_validation": crossed((0.02, 0.06))})
    assert (found.verdict, found.settled, run_verdict([found])) == ("no_evidence", "improved", "improved")
    sentence = dataset_sentence(found)
    assert sentence.startswith(f"Training makes a model that is better than the base on {found.name}: cross-validated ")
    assert (
        "(+0.040, 95% interval +0.020 to +0.060, 900" in sentence
        and "in 5 parts. The model that is shipped is the one that this run trained, on test alone: " in sentence
    )
    whole, alone = found.lines()
    assert (whole.name, whole.n, whole.verdict) == (f"{found.name}, all 5 parts", 900, "improved")
    assert (alone.name, alone.n, alone.verdict) == (f"{found.name}, test alone", found.n, "no_evidence")
    assert DatasetResult.model_validate(json.loads(found.model_dump_json())) == found


def test_cross_validation_without_evidence_says_how_many_would_settle_it() -> None:
    part = crossed((-0.02, 0.04)).model_copy(update={"needed": needed(0.5, 0.02, of_mean=True)})
    found = result(margin=0.02, needed=needed(0.1, 0.02, of_mean=True)).model_copy(update={"cross_validation": part})
    sentence = dataset_sentence(found)
    assert sentence.startswith("Whether such training makes a model that differs from the base on")
    assert "to show a difference of 0.02 takes about 4,900 queries. The model that is shipped is" in sentence
    assert run_verdict([found]) == "no_evidence"


def test_the_base_that_was_kept_is_not_called_a_result_of_training() -> None:
    same = {**UNCLEAR, "tuned": 0.532, "delta": 0.0, "ci95": (0.0, 0.0), "p_value": 1.0}
    assert "does not rule out a change" in dataset_sentence(result(**same))
    said = dataset_sentence(result(**same, kept_base=True))
    assert said.endswith("The base itself was judged: nothing that training produced was better on dev.")


@pytest.mark.parametrize("interval", [(0.02, 0.06), (-0.06, -0.02)])
def test_a_run_that_ships_the_base_is_neither_better_nor_worse_whatever_its_parts_were(interval: tuple[float, float]) -> None:
    same = {**UNCLEAR, "tuned": 0.532, "delta": 0.0, "ci95": (0.0, 0.0), "p_value": 1.0, "kept_base": True}
    found = result(**same).model_copy(update={"cross_validation": crossed(interval)})
    assert run_verdict([found]) == "no_evidence"
    assert dataset_sentence(found).endswith(
        "The model that is shipped is the base itself: in this run nothing was better on dev."
    )


def test_a_shipped_model_that_is_worse_on_test_makes_the_run_mixed() -> None:
    """Cross-validation said `improved`, and a shipped model that is significantly worse passed `--fail-on regressed`."""
    worse = result(verdict="regressed", delta=-0.06, ci95=(-0.09, -0.03), p_value=0.001)
    better, unclear = (worse.model_copy(update={"cross_validation": crossed(ci95)}) for ci95 in ((0.02, 0.06), (-0.02, 0.04)))
    assert (better.settled, run_verdict([better])) == ("improved", "mixed")
    assert why_it_fails(Condition(FailOn.WORSE), "mixed", [better]) is not None
    assert run_verdict([unclear]) == "regressed"
    lost = result(verdict="regressed").model_copy(update={"cross_validation": crossed((-0.06, -0.02))})
    assert run_verdict([lost]) == "regressed"


def test_cross_validation_says_the_luck_in_its_interval_and_how_many_parts_kept_the_base() -> None:
    items = Comparison(40, 0.5, 0.5, 0.0, (0.0, 0.0), 1.0)
    luck = Luck()
    found = CrossValidation.of(with_luck(items, luck.variance([8] * 5)), 5, items=items, luck=luck, kept_base=5)
    assert found.ci95[0] < -0.015 and found.ci95[1] > 0.015 and found.item_ci95 == (0.0, 0.0)
    assert (found.luck_sd, found.luck_correlation, found.luck_seeds) == (0.011, 0.5, None)
    sentence = dataset_sentence(result().model_copy(update={"cross_validation": found}))
    allows = "The interval allows for the luck of training (SD 0.011 a model, with a correlation of 0.5 assumed between parts)."
    assert allows in sentence
    assert "In 5 of 5 parts dev would have kept the base; what was trained was judged." in sentence
    assert "The model that is shipped is the one that this run trained, on test alone: " in sentence
    measured = found.model_copy(update={"luck_sd": 0.004, "luck_seeds": 3})
    said = dataset_sentence(result().model_copy(update={"cross_validation": measured}))
    assert "(SD 0.004 a model as measured with 3 seeds, with a correlation" in said
    older = found.model_copy(update=dict.fromkeys(("luck_sd", "luck_correlation", "kept_base")))
    assert "luck" not in dataset_sentence(result().model_copy(update={"cross_validation": older}))


def test_a_run_with_many_data_sets_is_not_called_better_for_the_luck_of_one() -> None:
    lucky = result(ci95=(0.005, 0.1), p_value=0.03)
    others = [result(**UNCLEAR, name=f"set {i}", ci95=(-0.03, 0.05)) for i in range(4)]
    assert run_verdict([lucky, *others]) == "improved", "as it was without the correction"
    found = together([lucky, *others])
    assert (found[0].verdict, found[0].p_run, found[0].settled) == ("improved", pytest.approx(0.15), "no_evidence")
    assert run_verdict(found) == "no_evidence"
    assert verdict_lines(found)[0] == "Whether the tuned model differs from the base is unproven on each of 5 data sets."
    said = "By itself it would count as better (p = 0.030); among all tests of the run p = 0.150."
    assert dataset_sentence(found[0]).endswith(said)
    sure = together([result(p_value=0.001), lucky, *others])
    assert [one.settled for one in sure[:2]] == ["improved", "no_evidence"]
    (alone,) = together([lucky])
    assert (alone.p_run, alone.settled) == (0.03, "improved")


def test_runs_without_any_difference_are_rarely_called_better_or_worse_whatever_the_number_of_data_sets() -> None:
    generator = np.random.default_rng(11)
    n, sets = 60, 10
    pool = [of_differences(generator.normal(0, 0.25, n).clip(-1, 1)) for _ in range(300)]
    before = after = 0
    for _ in range(600):
        drawn = [pool[i].model_copy(update={"name": str(i)}) for i in generator.choice(len(pool), sets, replace=False)]
        before += run_verdict(drawn) in ("improved", "mixed")
        after += run_verdict(together(drawn)) in ("improved", "mixed")
    assert before / 600 > 0.08 and after / 600 <= 0.04


def of_differences(differences: np.ndarray) -> DatasetResult:
    """A result of these differences."""
    found = compare_means(np.full(len(differences), 0.5), 0.5 + differences, seed=0, resamples=200)
    return DatasetResult.of(found, name="x", kind="pair", split="test", metric="ndcg@10", metrics={}, test_sha256=None)
