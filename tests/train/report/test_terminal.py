from __future__ import annotations

import re

import pytest
from rich.console import Console

from train.evaluate.evaluator import ModelResult
from train.evaluate.results import DatasetResult
from train.evaluate.statistics import Measured
from train.report.terminal import best_line, measured_table, side_by_side, story
from train.runs.records import ScoreLine
from train.wording import Sides

RETRIEVAL = DatasetResult.model_validate(
    {
        "name": "python_api", "kind": "pair", "split": "test", "metric": "ndcg@10", "n": 12250, "base": 0.532, "tuned": 0.621,
        "delta": 0.089, "ci95": [0.075, 0.103], "p_value": 0.0001, "verdict": "improved",
        "metrics": {"ndcg@10": {"base": 0.532, "tuned": 0.621}, "recall@100": {"base": 0.8, "tuned": 0.79}},
    }
)  # fmt: skip
SCORED = DatasetResult.model_validate(
    {
        "name": "a_data_set_with_a_long_name", "kind": "scored", "split": "test", "metric": "spearman", "n": 84, "base": 0.8,
        "tuned": 0.81, "delta": 0.01, "ci95": [-0.03, 0.05], "p_value": 0.4, "verdict": "no_evidence",
        "metrics": {"pearson": {"base": 0.8, "tuned": 0.79}},
    }
)  # fmt: skip
CURVE = [ScoreLine(step=step, dev=dev) for step, dev in ((0, 0.5), (20, 0.57), (1040, 0.57), (60, 0.49))]
COST = {"train_seconds": 412.2, "train_rows_per_second": 118.0, "total_seconds": 4000.0, "peak_memory_mb": 2311.0}


def plain(width: int = 80) -> str:
    return story([RETRIEVAL, SCORED], CURVE, COST, Console(width=width, color_system=None))


def test_verdict_in_words_comes_first() -> None:
    assert plain().startswith("Verdict: The tuned model is better than the base on 1 of 2 data sets")


def test_fits_into_80_columns_without_colour_or_cut_figures() -> None:
    text = plain()
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "\x1b" not in text
    assert "…" not in text
    row = next(line for line in text.splitlines() if line.startswith("python_api"))
    assert row.split() == [
        "python_api",
        "nDCG@10",
        "12,250",
        "0.532",
        "0.621",
        "+0.089",
        "+0.075",
        "to",
        "+0.103",
        "<0.001",
        "better",
    ]


def test_long_names_are_folded_not_cut() -> None:
    lines = plain().splitlines()
    start = next(i for i, line in enumerate(lines) if "Spearman" in line and line.endswith("unproven"))
    assert "".join(line.split()[0] for line in lines[start : start + 3] if line.strip()).startswith("a_data_set_with_a_long_name")


def test_secondary_metrics_leave_out_the_primary_one() -> None:
    after = plain(120).split("Other metrics on test")[1].split("Learning curve")[0]
    assert re.search(r"python_api\s+Recall@100\s+0\.800 0\.790 -0\.010", after)
    assert re.search(r"a_data_set_with_a_long_name\s+Pearson", after)
    assert "nDCG@10" not in after


def test_learning_curve_marks_base_and_best() -> None:
    after = plain().split("Learning curve on dev")[1]
    assert re.search(r"0 0\.500\s+base", after)
    assert re.search(r"20 0\.570\s+\+0\.070 best: judged on test", after), "the earliest of equals"
    assert re.search(r"1,040 0\.570\s+\+0\.070\n", after)
    assert re.search(r"60 0\.490\s+-0\.010\n", after)


def test_cost_says_units_and_leaves_out_what_was_not_measured() -> None:
    text = " ".join(plain().split())
    assert text.endswith("Cost: training 6 min 52 s; training speed 118.0 rows/s; everything 1 h 7 min; peak memory 2,311 MB.")


def test_colour_on_a_terminal_only() -> None:
    text = story([RETRIEVAL], console=Console(width=80, force_terminal=True, color_system="standard", no_color=False))
    assert "\x1b[32mbetter" in text
    assert "\x1b[1;32mVerdict" in text


def test_markup_in_a_name_stays_text() -> None:
    text = story([RETRIEVAL.model_copy(update={"name": "[red]x[/red]"})], console=Console(width=100, color_system=None))
    assert text.count("[red]x[/red]") == 3  # sentence and two tables


@pytest.mark.parametrize("curve", [[], [ScoreLine(step=0), ScoreLine(step=5)], [ScoreLine(step=0, dev=0.5)]])
def test_nothing_to_show_is_left_out(curve: list[ScoreLine]) -> None:
    text = story([], curve, {}, Console(width=80, color_system=None))
    assert "Nothing was judged" in text
    assert "Learning curve" not in text and "Cost" not in text


def test_best_line_is_never_the_base() -> None:
    assert best_line([ScoreLine(step=0, dev=0.9)]) is None
    assert best_line(CURVE) is CURVE[1]


def named(before: str, after: str, width: int = 80) -> str:
    return story([RETRIEVAL, SCORED], sides=Sides(before, after), console=Console(width=width, color_system=None))


def test_short_names_head_the_columns() -> None:
    lines = named("first", "second").splitlines()
    assert "second against first on test" in lines
    assert any(line.split()[:5] == ["data", "set", "metric", "n", "first"] for line in lines)
    assert not any(" is first, " in line for line in lines)


def test_long_names_are_explained_once_and_the_table_still_fits() -> None:
    text = named("sentence-transformers/all-MiniLM-L6-v2", "checkpoints/a-run-with-a-long-name")
    assert max(len(line) for line in text.splitlines()) <= 80 and "…" not in text
    assert "A is sentence-transformers/all-MiniLM-L6-v2, B is" in text and "B against A on test" in text


def test_markup_in_the_names_of_models_stays_text() -> None:
    for text in (named("[red]x[/red]", "[/]", 120), named("[b]", "[/b]", 120)):
        assert "[/" in text
    assert "A is [red]x[/red], B is [/]" in named("[red]x[/red]", "[/]", 120)
    assert "[/b] against [b] on test" in named("[b]", "[/b]", 120)


def test_what_was_judged_is_in_the_titles() -> None:
    everything = story([SCORED.model_copy(update={"split": "all"})], console=Console(width=80, color_system=None))
    assert "Tuned against base on all rows" in everything and "Other metrics on all rows" in everything


QUERY = {"dataset": "faq", "kind": "gained", "base": 0.0, "tuned": 0.631, "query": "how do I\n\x1b[31m[red]reset[/red] it?"}
PAIR = {
    "dataset": "sts", "kind": "lost", "base": 0.9, "tuned": 0.2, "gold": 0.8, "base_similarity": 0.75,
    "tuned_similarity": -0.0001, "sentence1": "a dog", "sentence2": "the animal " * 20,
}  # fmt: skip


def test_examples_take_a_line_each_and_cannot_control_the_terminal() -> None:
    text = story([RETRIEVAL], console=Console(width=80, color_system=None), examples=[QUERY, QUERY, PAIR])
    after = text.split("Gained most on faq (metric before and after)\n")[1].splitlines()
    assert after[0] == after[1] == "  0.000 → 0.631  how do I [31m[red]reset[/red] it?"
    assert after[3] == "Went furthest from the order of the gold scores on sts"
    assert after[4].startswith("  gold 0.800, cosine 0.750 → 0.000  a dog | the animal the")
    assert after[4].endswith("…") and len(after[4]) == 80


def test_one_model_alone_has_every_metric_with_its_interval() -> None:
    metrics = {"ndcg@10": Measured(0.5321, (0.51, 0.55)), "mrr@10": Measured(0.4, (0.38, 0.42))}
    result = ModelResult("faq", "pair", "all", "ndcg@10", 1234, None, metrics, "x")
    text = measured_table([result], "[b]m[/b]", Console(width=80, color_system=None))
    assert text.splitlines()[0].strip() == "[b]m[/b] on all rows"
    rows = [line.split() for line in text.splitlines()[-2:]]
    assert rows[0] == ["faq", "nDCG@10", "1,234", "0.532", "0.510", "to", "0.550"]
    assert rows[1][1] == "MRR@10"


def test_side_by_side_folds_long_values() -> None:
    text = side_by_side("Settings", [("x" * 30, "y" * 60, "[red]z[/red]")], Sides(), Console(width=80, color_system=None))
    assert max(len(line) for line in text.splitlines()) <= 80
    assert text.count("y") == 60 and "[red]z[/red]" in text.replace("\n", "").replace(" ", "")
