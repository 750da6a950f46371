"""Two verdicts, on training and on the shipped model, and what stands in the first line where a gain is unproven."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from sentence_transformers import SentenceTransformer

from tests.train.evaluate.test_seeds import result_of_seeds
from tests.train.evaluate.test_verdict import UNCLEAR, crossed, result
from train import pipeline
from train.config.choices import FailOn
from train.config.fail_on import Condition
from train.config.load import load_config
from train.evaluate.holm import together
from train.evaluate.luck import Luck, with_luck
from train.evaluate.proven import is_proven
from train.evaluate.results import CrossValidation, DatasetResult, run_verdict
from train.evaluate.statistics import Comparison
from train.report.failing import why_it_fails
from train.report.page import render
from train.report.page_panel import loss_warnings
from train.report.seeds_table import seed_lines
from train.report.sentences import dataset_sentence, verdict_lines
from train.report.terminal import story
from train.report.training import on_shipped, on_training
from train.runs.records import JudgedDataset, PanelPart, PanelRecord, RunReport, Selection
from train.wording import counted

UNSURE = {**UNCLEAR, "ci95": (-0.03, 0.05), "n": 50, "p_value": 0.6}
KEPT = {**UNCLEAR, "tuned": 0.532, "delta": 0.0, "ci95": (0.0, 0.0), "p_value": 1.0, "kept_base": True}


def with_parts(found: DatasetResult, ci95: tuple[float, float]) -> DatasetResult:
    return found.model_copy(update={"cross_validation": crossed(ci95)})


@pytest.mark.parametrize(
    ("found", "proven"),
    [
        (result(p_value=0.001), True),
        (result(**UNSURE), False),
        (result(verdict="regressed", delta=-0.06, ci95=(-0.09, -0.03), p_value=0.001), False),
        (result(**KEPT), False),
        (with_parts(result(**UNSURE), (0.02, 0.06)), True),
        (with_parts(result(p_value=0.01), (-0.02, 0.04)), False),  # test is a part of what cross-validation judged
        (with_parts(result(verdict="regressed", ci95=(-0.09, -0.03), p_value=0.001), (0.02, 0.06)), False),
        (with_parts(result(**KEPT), (0.02, 0.06)), False),
        (result_of_seeds(0.1), True),
        (result_of_seeds(0.0), False),
    ],
)
def test_what_is_proven(found: DatasetResult, proven: bool) -> None:
    assert is_proven([found]) == on_shipped([found]).proven == proven
    first = on_shipped([found]).headline
    start = "The base is shipped: " if found.kept_base else "Worse: " if found.on_test == "regressed" else "Unproven: "
    assert first is None if proven else str(first).startswith(start)


def test_a_gain_on_one_of_many_data_sets_is_proven_only_among_all_of_them() -> None:
    weak = [result(name="d0", p_value=0.03), *(result(name=f"d{i}", p_value=0.5, verdict="no_evidence") for i in range(1, 5))]
    assert is_proven(weak) and not is_proven(together(weak))
    headline = on_shipped(together(weak)).headline
    assert headline is not None and "it is better on none of 5 data sets" in headline


def test_one_seed_is_said_to_be_one() -> None:
    told = on_training([result(p_value=0.001, ci95=(0.075, 0.103), n=1225)])
    assert told.sentence.startswith("One seed was trained. Models of other seeds differ from each other by chance (standard ")
    assert "deviation 0.011, declared and not measured)" in told.sentence and "training.seeds=3" in told.sentence
    # arms of .014 become sqrt(.014² + (1.96 · .011)²) = .0257
    assert (
        "the interval of the gain of such training is +0.063 to +0.115" in told.sentence and "training.seeds=3" in told.sentence
    )
    assert told.verdict == "improved"
    narrow = on_training([result(p_value=0.001, delta=0.01, ci95=(0.005, 0.015), n=1225)])
    assert narrow.verdict == "no_evidence", "what another seed may undo"


def test_both_verdicts_of_a_cross_validated_run() -> None:
    worse = with_parts(result(verdict="regressed", delta=-0.06, ci95=(-0.09, -0.03), p_value=0.001), (0.02, 0.06))
    training, shipped = on_training([worse]), on_shipped([worse])
    assert (training.verdict, shipped.verdict) == ("improved", "regressed")
    assert training.sentence.startswith("Training makes a model that is better than the base")
    assert shipped.sentence.startswith("The model that is shipped is the one that this run trained, on test alone, and is worse")


def report(found: DatasetResult, **more: Any) -> RunReport:
    found = found.model_copy(update={"withheld": bool(more)})
    told = {"training": on_training([found]), "shipped": on_shipped([found]), "selection": Selection(**more)}
    return RunReport(verdict="no_evidence", datasets=(JudgedDataset.of_result(found),), run="r", cost={}, **told)


def test_unproven_is_the_first_line_of_terminal_page_and_text() -> None:
    found = result(**UNSURE)
    whole = report(found)
    headline = "Unproven: nothing shows that what was trained is better than the base on python_api (0.532 → 0.542 (+0.010, "
    printed = story([found], headline=whole.shipped.headline, about_training=whole.training.sentence, console=Console(width=400))
    assert printed.splitlines()[0].startswith(headline) and "\n  One seed was trained." in printed
    assert str(whole).startswith(headline)
    page = render(RunReport.model_validate(whole.to_dict()), [], [])
    doubt = "Nothing shows that what was trained is better than the base on python_api. export.unproven=base would"
    assert page.index("Unproven: nDCG@10 0.532 → 0.542") < page.index(doubt) < page.index("<p>Whether ")
    assert "One seed was trained." in page
    older = RunReport.model_validate({key: value for key, value in whole.to_dict().items() if key not in ("training", "shipped")})
    assert doubt not in render(older, [], []) and "Unproven" not in str(older)


def test_a_base_that_is_shipped_instead_is_called_so() -> None:
    whole = report(result(**UNSURE), step=4, withheld=True)
    assert whole.shipped.verdict == "no_evidence" and whole.shipped.headline.startswith("The base is shipped: nothing shows")
    assert "The model that is shipped is the base itself" in whole.shipped.sentence


def test_the_table_of_seeds() -> None:
    found = result_of_seeds(0.1, kept=1)
    lines = seed_lines([found])
    assert [line.seed for line in lines] == ["42", "43", "44", "mean", "SD"]
    assert (lines[0].note, lines[1].note) == ("dev would keep the base", "shipped") and lines[4].test == f"{found.seeds.sd:.4f}"
    assert "Seeds on test" in story([found], console=Console(width=200)) and 'id="seeds-title"' in render(report(found), [], [])
    assert not seed_lines([result()]) and "Seeds on test" not in story([result()])


def test_the_base_is_exported_where_the_user_wants_it_for_an_unproven_gain(work: Path, tmp_path: Path) -> None:
    words = ["model.device=cpu", "training.precision=fp32", "training.max_steps=3", "evaluation.resamples=100", "run_name=run"]
    words += [f"model.name={work / 'tiny'}", f"output_dir={tmp_path}", "training.interpolation=off", "training.evaluations=1"]
    words += ["evaluation.panel=off", "evaluation.references=off"]
    words += ["export.unproven=base", "training.learning_rate=1e-2"]
    config = load_config(None, data=str(work / "scored.csv"), overrides=words)
    run = pipeline.start_run(config)
    told = json.loads((run / "report.json").read_text(encoding="utf-8"))
    assert told["selection"]["withheld"] is True and told["selection"]["share"] == 1 and told["datasets"][0]["delta"] != 0
    assert told["shipped"]["headline"].startswith("The base is shipped: ")
    texts = ["a red car", "the blue house"]
    shipped, base = (SentenceTransformer(str(path), device="cpu").encode(texts) for path in (run / "model", work / "tiny"))
    assert np.array_equal(shipped, base)
    assert "the base, as the gain is unproven" in (run / "report.html").read_text(encoding="utf-8")


def test_a_base_that_is_kept_has_a_verdict_on_training_among_all_data_sets() -> None:
    """Of ten data sets without any difference, one in four looked better in three seeds."""
    unclear = result(**KEPT).model_copy(update={"seeds": result_of_seeds(0.0).seeds.model_copy(update={"p_value": 0.5})})
    lucky = unclear.seeds.model_copy(update={"verdict": "improved", "p_value": 0.03, "ci95": (0.001, 0.02)})
    found = [unclear.model_copy(update={"name": f"d{i}", "seeds": unclear.seeds if i else lucky}) for i in range(10)]
    assert on_training(found).verdict == "improved" and on_training(together(found)).verdict == "no_evidence"
    first, *others = verdict_lines(together(found))
    assert first.startswith("Whether such training makes a model that differs from the base is unproven on each of 10")
    assert all(line.startswith("Whether such training") for line in others)
    assert "among all tests of the run p = 0.300." in others[0]
    assert together(found)[0].lines()[0].settled == "no_evidence", "in the table, too"
    weak = [result(name=f"d{i}", delta=0.024, ci95=(0.019, 0.029), p_value=0.0001) for i in range(3)]
    assert [on_training(weak[:many]).verdict for many in (1, 3)] == ["improved", "no_evidence"], "so are single models"


def test_few_items_of_a_cross_validation_rule_out_nothing_by_the_luck_that_is_declared() -> None:
    items = Comparison(8, 0.5, 0.5, 0.0, (0.0, 0.0), 1.0)
    luck = Luck()
    found = CrossValidation.of(with_luck(items, luck.variance([2] * 4)), 4, items=items, luck=luck)
    said = dataset_sentence(result(**UNSURE).model_copy(update={"cross_validation": found}))
    assert (
        "None of them changed, which does not rule out a change in up to 38% of such queries." in said and "unlikely" not in said
    )
    little = found.model_copy(update={"item_ci95": (-0.001, 0.001)})
    assert "unlikely" not in dataset_sentence(result(**UNSURE).model_copy(update={"cross_validation": little})), "of 8 queries"
    one = on_training([result(**{**UNSURE, "n": 1, "delta": 0.0, "ci95": (0.0, 0.0)})]).sentence
    assert "which the interval does not hold" in one and " to +" not in one


def test_one_of_a_thing_is_singular() -> None:
    assert [counted(n, kind, n) for n in (1, 2) for kind in ("pair", "scored")] == [
        "1 query in 1 group", "1 pair in 1 group", "2 queries in 2 groups", "2 pairs in 2 groups",
    ]  # fmt: skip


def test_a_failure_says_what_is_worse() -> None:
    worse = with_parts(result(verdict="regressed", delta=-0.06, ci95=(-0.09, -0.03), p_value=0.001), (-0.02, 0.04))
    reason = why_it_fails(Condition(FailOn.WORSE), run_verdict([worse]), [worse])
    assert reason is not None and reason.startswith("the verdict is worse. What was trained is worse than the base on ")


def test_what_was_lost_elsewhere_by_a_model_that_is_not_shipped_is_said_so() -> None:
    part = PanelPart(
        name="other",
        kind="pair",
        metric="ndcg@10",
        n=9,
        base=0.5,
        tuned=0.4,
        delta=-0.1,
        ci95=(-0.2, -0.05),
        p_value=0.01,
        lost=True,
    )
    panel = PanelRecord(parts=(part,))
    assert loss_warnings(panel, Selection())[0].startswith("lost elsewhere: other")
    assert loss_warnings(panel, Selection(withheld=True))[0].startswith(
        "lost elsewhere, by what was trained and is not shipped: "
    )
