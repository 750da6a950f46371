"""The recipe: written rules, bounds, and what the user says wins."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.schema import RowKind
from train.config.schema import TrainingConfig
from train.fit.recipe import RowFacts, apply_ceiling, choose_batches, mining_pays, plan_recipe
from train.fit.rules import FEWEST_STEPS, batch_size, rule_for


def rows(kind: RowKind, count: int) -> RowFacts:
    """So many rows without a text in common."""
    return RowFacts(kind, count, count, count)


def test_a_few_thousand_pairs() -> None:
    recipe = plan_recipe(TrainingConfig(), {"qa": rows(RowKind.PAIR, 6300)}, 256)
    assert (recipe.epochs, recipe.learning_rate, recipe.batch_sizes["qa"]) == (4, 2e-4, 128)
    assert recipe.steps_per_epoch == 50  # 6300 / 128 = 49.2
    assert recipe.max_steps == 200
    assert recipe.evaluation_steps == (50, 100, 150, 200)
    assert recipe.warmup_steps == 20
    assert recipe.max_tokens == 256


def test_scored_pairs_train_gently() -> None:
    recipe = plan_recipe(TrainingConfig(), {"sts": rows(RowKind.SCORED, 5749)}, 256)
    assert (recipe.epochs, recipe.learning_rate, recipe.batch_sizes["sts"]) == (4, 1e-4, 32)


def test_settings_of_the_person_win() -> None:
    config = TrainingConfig(epochs=0.5, learning_rate=3e-6, batch_size=10, max_tokens=40, gradient_accumulation=2)
    recipe = plan_recipe(config, {"a": rows(RowKind.PAIR, 1000), "b": rows(RowKind.SCORED, 55)}, 256)
    assert recipe.batch_sizes == {"a": 10, "b": 10}
    assert recipe.steps_per_epoch == 53  # (100 + 6) batches, two a step
    assert (recipe.max_steps, recipe.max_tokens, recipe.learning_rate) == (26, 40, 3e-6)
    assert plan_recipe(TrainingConfig(max_steps=7, epochs=3), {"a": rows(RowKind.PAIR, 1000)}, 256).max_steps == 7


@given(st.sampled_from(list(RowKind)), st.integers(2, 3_000_000), st.integers(1, 20))
def test_evaluation_steps_ascend_and_end_at_the_last_step(kind: RowKind, count: int, evaluations: int) -> None:
    recipe = plan_recipe(TrainingConfig(evaluations=evaluations), {"x": rows(kind, count)}, 512)
    steps = recipe.evaluation_steps
    assert steps[-1] == recipe.max_steps
    assert list(steps) == sorted(set(steps)) and steps[0] >= 1
    assert len(steps) <= evaluations


def test_rows_that_must_not_meet_ask_for_more_steps() -> None:
    recipe = plan_recipe(TrainingConfig(epochs=2), {"x": rows(RowKind.PAIR, 1000)}, 256, lambda name, size: 40)
    assert (recipe.steps_per_epoch, recipe.max_steps) == (40, 80)


def test_training_texts_are_cut_by_row_kind_and_never_beyond_the_model() -> None:
    assert plan_recipe(TrainingConfig(), {"s": rows(RowKind.SCORED, 500)}, 512).max_tokens == 128
    assert plan_recipe(TrainingConfig(), {"s": rows(RowKind.SCORED, 500), "p": rows(RowKind.PAIR, 9)}, 512).max_tokens == 256
    recipe = plan_recipe(TrainingConfig(max_tokens=400), {"p": rows(RowKind.PAIR, 500)}, 256)
    assert recipe.max_tokens == 256 and any("the model's limit" in reason for reason in recipe.reasons)


def test_batches_divide_among_the_processes() -> None:
    facts = {"a": rows(RowKind.PAIR, 6000), "b": rows(RowKind.SCORED, 6000)}
    recipe = plan_recipe(TrainingConfig(), facts, 256, processes=6)
    assert recipe.batch_sizes == {"a": 132, "b": 36}  # 128 and 32, rounded up
    assert plan_recipe(TrainingConfig(batch_size=64), facts, 256, processes=2).batch_sizes == {"a": 64, "b": 64}


def test_judgements_that_recombine_few_texts_are_not_passed_over_as_often() -> None:
    """110,575 judgements on 2,590 queries and 3,593 documents take as many steps as 3,593 pairs."""
    recombined, plain = RowFacts(RowKind.PAIR, 110_575, 2_590, 3_593), rows(RowKind.PAIR, 3_593)
    many, few = (plan_recipe(TrainingConfig(), {"x": one}, 256) for one in (recombined, plain))
    assert (many.learning_rate, many.batch_sizes) == (few.learning_rate, few.batch_sizes) == (2e-4, {"x": 64})
    assert len(many.evaluation_steps) == len(few.evaluation_steps) == 4
    assert many.max_steps == few.max_steps == 4 * 57  # 3,593 / 64 = 56.1
    assert many.reasons[0] == "main data set: 110,575 pair rows of 2,590 queries and 3,593 positives, which count as 3,593"
    assert (
        plan_recipe(TrainingConfig(epochs=1), {"x": recombined}, 256).max_steps == 1728
    )  # what the person says is passes over rows


def test_several_data_sets_get_what_each_needs_whichever_is_the_largest() -> None:
    """110,000 judgements on 3,600 documents beside 3,500 or 3,700 pairs: four passes over what is distinct in both."""
    recurring = RowFacts(RowKind.PAIR, 110_000, 2_600, 3_600)
    for others in (3_500, 3_700):
        recipe = plan_recipe(TrainingConfig(), {"a": rows(RowKind.PAIR, others), "nf": recurring}, 256)
        assert recipe.batches_per_epoch == {"a": -(-others // 64), "nf": 57}
        assert recipe.max_steps == 4 * recipe.steps_per_epoch == 4 * sum(recipe.batches_per_epoch.values())
        assert "an epoch has 3.3% of the rows of nf, whose texts recur" in recipe.reasons
    asked = plan_recipe(TrainingConfig(epochs=1), {"a": rows(RowKind.PAIR, 3_500), "nf": recurring}, 256)
    assert asked.batches_per_epoch == {"a": 55, "nf": 1_719}


@pytest.mark.parametrize(
    ("facts", "asked", "plain", "expected"),
    [
        (RowFacts(RowKind.PAIR, 110_000, 2_600, 3_600, 60), "auto", True, "joint"),
        (RowFacts(RowKind.PAIR, 110_000, 2_600, 3_600, 2), "auto", True, "random"),
        (RowFacts(RowKind.PAIR, 20_000, 2_600, 3_600, 2), "auto", True, "random"),
        (RowFacts(RowKind.PAIR, 5_000, 500, 499, 60), "auto", True, "random"),
        (RowFacts(RowKind.PAIR, 110_000, 2_600, 3_600, 60), "auto", False, "random"),
        (RowFacts(RowKind.TUPLE, 110_000, 2_600, 3_600, 60), "auto", True, "random"),
        (RowFacts(RowKind.PAIR, 110_000, 2_600, 3_600, 60), "random", True, "random"),
        (RowFacts(RowKind.PAIR, 10_000, 10_000, 70), "auto", True, "random"),
        (RowFacts(RowKind.PAIR, 10_000, 10_000, 8_000), "auto", True, "similar"),
        (RowFacts(RowKind.TUPLE, 10_000, 10_000, 9_000), "auto", True, "similar"),
        (RowFacts(RowKind.PAIR, 499, 499, 499), "auto", True, "random"),
        (RowFacts(RowKind.PAIR, 500, 500, 500), "auto", True, "similar"),
        (RowFacts(RowKind.PAIR, 100_000, 100_000, 100_000), "auto", True, "random"),
        (RowFacts(RowKind.PAIR, 300, 300, 300), "similar", True, "similar"),
        (RowFacts(RowKind.PAIR, 300, 300, 300), "joint", True, "joint"),
        (RowFacts(RowKind.SCORED, 10_000, 10_000, 10_000), "similar", True, "random"),
    ],
)
def test_which_rows_meet(facts: RowFacts, asked: Any, plain: bool, expected: str) -> None:
    assert choose_batches(TrainingConfig(batches=asked), facts, plain) == expected


def test_rows_whose_texts_recur_are_no_negatives_of_each_other_so_blind_batches_are_not_joint() -> None:
    facts = RowFacts(RowKind.PAIR, 110_000, 2_600, 3_600, 60)
    assert choose_batches(TrainingConfig(groups="blind"), facts, True) == "random"
    assert choose_batches(TrainingConfig(groups="blind"), RowFacts(RowKind.PAIR, 9_000, 9_000, 9_000), True) == "random"
    for batches in ("joint", "similar"):
        with pytest.raises(ValueError, match=f"batches={batches} needs groups=auto"):
            TrainingConfig(groups="blind", batches=batches)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "rows", "positives", "documents", "expected"),
    [
        (RowKind.PAIR, 828, 700, 5_000, True),
        (RowKind.PAIR, 499, 499, 5_000, False),
        (RowKind.PAIR, 500, 500, 1_000, True),
        (RowKind.PAIR, 500, 500, 999, False),
        (RowKind.PAIR, 1_999, 1_000, 2_000, True),
        (RowKind.PAIR, 2_000, 1_000, 5_000, False),
        (RowKind.PAIR, 828, 700, 100_000, False),
        (RowKind.PAIR, 828, 700, 0, False),
        (RowKind.TUPLE, 828, 700, 5_000, False),
        (RowKind.SCORED, 828, 700, 5_000, False),
    ],
)
def test_few_pairs_beside_many_documents_are_mined(
    kind: RowKind, rows: int, positives: int, documents: int, expected: bool
) -> None:
    assert mining_pays(TrainingConfig(), kind, rows, positives, documents) is expected
    assert not mining_pays(TrainingConfig(batches="joint"), kind, rows, positives, documents)


def test_an_epoch_of_joint_batches_has_all_documents() -> None:
    facts = {"x": RowFacts(RowKind.PAIR, 110_000, 2_600, 3_600)}
    recipe = plan_recipe(TrainingConfig(), facts, 256, lambda name, size: 57, joint={"x"})
    assert recipe.batches_per_epoch["x"] == recipe.steps_per_epoch == 57
    assert any("64 documents for x" in reason for reason in recipe.reasons)


def test_documents_count_for_joint_batches_however_many_queries_there_are() -> None:
    few = {"x": RowFacts(RowKind.PAIR, 4_000, 400, 40, 60)}
    recipe = plan_recipe(TrainingConfig(), few, 256, lambda name, size: -(-40 // size), joint={"x"})
    assert recipe.batch_sizes["x"] == 5 and recipe.steps_per_epoch == 8
    all_at_once = plan_recipe(TrainingConfig(batch_size=64), few, 256, lambda name, size: 1, joint={"x"})
    assert any("x has only 40 documents: one batch holds all" in reason for reason in all_at_once.reasons)


def test_scored_rows_count_each() -> None:
    assert RowFacts(RowKind.SCORED, 100, 20, 30).distinct_rows == 100
    assert RowFacts(RowKind.PAIR, 10, 20, 30).distinct_rows == 10


def test_a_base_near_the_ceiling_is_trained_gently() -> None:
    config = TrainingConfig()
    recipe = plan_recipe(config, {"qa": rows(RowKind.PAIR, 6300)}, 256)
    assert apply_ceiling(recipe, 0.93, config) is recipe
    assert apply_ceiling(recipe, None, config) is recipe
    for base in (0.931, 0.937, 0.96, 1.0):
        gentle = apply_ceiling(recipe, base, config)
        assert (gentle.learning_rate, gentle.max_steps) == (1e-4, recipe.max_steps), "no slope: it gained nothing over half"
    assert gentle.reasons[-1].startswith("learning rate 0.0001, half of it: the base has 1.000 on dev")
    asked = TrainingConfig(learning_rate=1e-3)
    assert apply_ceiling(recipe, 0.99, asked) is recipe


@given(st.sampled_from(list(RowKind)), st.integers(1, 3_000_000))
def test_every_size_has_a_rule_with_its_figure(kind: RowKind, count: int) -> None:
    rule = rule_for(kind, count)
    assert count < rule.below and rule.figure
    smaller = rule_for(kind, max(1, count // 2))
    assert smaller.epochs >= rule.epochs and smaller.batch_size <= rule.batch_size  # more rows: fewer passes, larger batches
    size = batch_size(kind, count)
    assert 2 <= size <= rule.batch_size
    assert size == rule.batch_size or size in (2, count // FEWEST_STEPS), "of few rows an eighth"


def test_the_figure_is_told_unless_the_person_decided() -> None:
    facts = {"qa": rows(RowKind.PAIR, 6300)}
    told = [r for r in plan_recipe(TrainingConfig(), facts, 256).reasons if r.startswith("measured for this rule: ")]
    assert told == [f"measured for this rule: {rule_for(RowKind.PAIR, 6300).figure}"]
    decided = TrainingConfig(learning_rate=1e-5, epochs=1)
    assert not [r for r in plan_recipe(decided, facts, 256).reasons if "comes from" in r]


@pytest.mark.parametrize(
    ("steps", "share", "warm"), [(1, 0.1, 0), (1, 0.9, 0), (4, 0.1, 0), (4, 0.9, 3), (48, 0.1, 5), (200, 0.1, 20)]
)
def test_warm_up_never_takes_all_steps(steps: int, share: float, warm: int) -> None:
    """Its first step has a rate of 0: a run of one step would train nothing, and of four lose a quarter."""
    facts = {"a": RowFacts(RowKind.PAIR, 1000, 1000, 1000)}
    found = plan_recipe(TrainingConfig(max_steps=steps, warmup=share), facts, 256)
    assert found.warmup_steps == warm
