"""The time of a run holds everything that it will do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.config.load import load_config
from train.plan.plan import make_plan
from train.plan.whole_time import expected, in_words


def parts(rows: Path, model: Path, *settings: str) -> dict[str, float]:
    overrides = [f"model.name={model}", "model.device=cpu", f"output_dir={rows.parent}", "training.precision=fp32", *settings]
    return expected(make_plan(load_config(None, data=str(rows), overrides=overrides)), 10_000.0, 0.5)


def test_all_parts_of_a_run_are_in_its_time(tiny_model: Path, tmp_path: Path) -> None:
    lines = [f"where is thing {i}?,thing {i} is in place {i % 7} of the house" for i in range(60)]
    rows = tmp_path / "pairs.csv"
    rows.write_text("\n".join(["question,answer", *lines]) + "\n", encoding="utf-8")
    trial = parts(rows, tiny_model, "training.max_steps=20", "evaluation.references=off")
    assert trial.keys() == {"training", "judging"} and 10 <= trial["training"] < 12
    whole = parts(rows, tiny_model, "training.epochs=1", "training.seeds=3")
    assert whole.keys() == {"training", "judging", "other work", "references", "further seeds", "cross-validation"}
    assert whole["cross-validation"] == pytest.approx(5 / 2 * whole["further seeds"])


def test_words_are_no_more_exact_than_the_estimate() -> None:
    words = in_words({"training": 47.3, "judging": 3.2, "cross-validation": 611.0, "references": 0.2})
    assert words == "estimated time: about 11 min in all: 50 s of training, 3 s of judging and 10 min of cross-validation"


@given(st.dictionaries(st.sampled_from(["training", "judging", "references"]), st.floats(1, 24), min_size=2))
def test_the_parts_add_up_to_the_whole_as_they_are_said(seconds: dict[str, float]) -> None:
    whole, *shares = [float(number) for number in re.findall(r"(\d+) s\b", in_words(seconds))]
    assert whole == sum(shares), in_words(seconds)
