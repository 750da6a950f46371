"""The recipe benchmark: intervals that a hand can compute, runs that are made once, mistakes that are said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import recipe
from tests.benchmarks.recipe_record import RESAMPLES, UNIT, Measured, append, read_record
from tests.benchmarks.recipe_table import as_markdown, by_data, compared, left_out, with_seeds
from tests.benchmarks.workloads import BenchmarkError

RAMP = np.arange(RESAMPLES) / RESAMPLES
"""Draws whose quantiles are known: 0.000, 0.001, …, 0.999."""


def line(data: str = "a", arm: str = "ours", seed: int = 1, dev: float = 0.6, tuned: float = 0.7, **changes: object) -> Measured:
    """A run on 400 items with a base of 0.5; its draws are `tuned` everywhere."""
    whole = {"data": data, "arm": arm, "seed": seed, "settings": [], "metric": "ndcg@10", "n": 400, "test_sha256": data}
    whole |= {"base": 0.5, "tuned": tuned, "dev_base": 0.5, "dev": dev, "step": 9, "share": 1.0, "verdict": "improved"}
    whole |= {"seconds": 90.0, "chosen": [], "commit": "abc", "hardware": "none"}
    whole |= {"base_draws": [round(0.5 * UNIT)] * RESAMPLES, "draws": [round(tuned * UNIT)] * RESAMPLES}
    return Measured(**(whole | changes))


def test_the_interval_holds_the_middle_of_the_paired_draws() -> None:
    """Base 0.5 on all samples, ours 0.5 + 0.000 to 0.999: 95% lie between 0.025 and 0.974."""
    ours = by_data([line(draws=[round((0.5 + value) * UNIT) for value in RAMP])])["a"]["ours"]
    assert compared(ours, None) == pytest.approx((0.2, 0.025, 0.974), abs=1e-3)
    assert compared(ours, ours)[1:] == (0.0, 0.0), "an arm differs from itself on no sample"


def test_all_seeds_of_an_item_go_together() -> None:
    """One seed rises where the other falls: their mean is the same on every sample."""
    up, down = ([round((0.6 + sign * value / 10) * UNIT) for value in RAMP] for sign in (1, -1))
    arms = by_data([line(seed=1, draws=up), line(seed=2, tuned=0.8, draws=down)])["a"]
    assert compared(arms["ours"], None) == pytest.approx((0.25, 0.1, 0.1))


def test_the_table_says_what_the_rows_say_together() -> None:
    lines = [line("a"), line("a", "stock", tuned=0.6), line("b", tuned=0.52), line("b", "stock", tuned=0.5)]
    lines += [line("c", n=100, tuned=0.45, verdict="regressed")]
    table = as_markdown(by_data(lines))
    rows = [row for row in table.splitlines() if row.startswith("| ")][1:]
    assert [row.split(" | ")[0] for row in rows] == ["| a", "| b", "| c"]
    assert "| 0.500 | 0.600 | 0.700 | 1 | +0.200 (+0.200 to +0.200) |  | +0.100 (+0.100 to +0.100) |" in rows[0]
    assert "on 2 of 2 data sets of 300 test items" in table  # c is smaller
    assert "mean of 2 data sets: +0.060" in table and "*regressed*: c" in table


def test_three_seeds_widen_the_interval_by_their_spread() -> None:
    """Items: 0.025 to 0.974 around 0.5. Seeds 0.9, 1.0, 1.1: t(2) = 4.303, 0.1 / sqrt(3) = 0.0577, so an arm of 0.248."""
    draws = [round((0.5 + value) * UNIT) for value in RAMP]
    runs = [line(seed=seed, tuned=tuned, draws=draws) for seed, tuned in enumerate((0.9, 1.0, 1.1))]
    low, high = with_seeds(by_data(runs)["a"]["ours"]) or (0.0, 0.0)
    assert (0.5 - low) ** 2 == pytest.approx(0.475**2 + 0.2484**2, abs=2e-3)
    assert (high - 0.5) ** 2 == pytest.approx(0.474**2 + 0.2484**2, abs=2e-3)
    assert with_seeds(by_data(runs[:2])["a"]["ours"]) is None, "two do not tell how far they scatter"


def test_runs_on_other_items_are_not_compared() -> None:
    with pytest.raises(BenchmarkError, match="the runs on a were judged on different items"):
        by_data([line(), line(seed=2, test_sha256="other")])


def test_the_arm_that_the_other_data_sets_choose() -> None:
    """Gains on dev and on test: without `c`, slow is better on dev by 0.01; without `a` or `b`, fast."""
    gains = {
        "a": {"slow": (0.10, 0.08), "fast": (0.08, 0.07)},
        "b": {"slow": (0.05, 0.04), "fast": (0.06, 0.06)},
        "c": {"slow": (0.01, 0.01), "fast": (0.09, 0.02)},
    }
    lines = [line(data, arm, dev=0.5 + dev, tuned=0.5 + test) for data, of in gains.items() for arm, (dev, test) in of.items()]
    rows = [row.split(" | ") for row in left_out(by_data(lines)).splitlines()[2:]]
    assert [row[-2:] for row in rows] == [["fast", "+0.070 |"], ["fast", "+0.060 |"], ["slow", "+0.010 |"]]


def test_the_last_line_on_a_run_counts(tmp_path: Path) -> None:
    for tuned in (0.6, 0.7):
        append(tmp_path / "record.jsonl", line(tuned=tuned))
    append(tmp_path / "record.jsonl", line(seed=2))
    found = read_record(tmp_path / "record.jsonl")
    assert found == {("a", "ours", 1): line(), ("a", "ours", 2): line(seed=2)}
    assert read_record(tmp_path / "none.jsonl") == {}


def test_an_arm_that_is_recorded_with_other_settings_is_refused(tmp_path: Path) -> None:
    append(tmp_path / "record.jsonl", line(settings=["training.epochs=1"]))
    with pytest.raises(BenchmarkError, match="give yours another name"):
        recipe.found("somewhere/a", "ours", 1, tmp_path, tmp_path / "record.jsonl", ["training.epochs=2"])


def test_the_record_that_comes_with_the_repository_can_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    lines = list(read_record(recipe.RECORD).values())
    assert lines and as_markdown(by_data(lines))
    for one in lines:
        assert len(one.draws) == len(one.base_draws) == RESAMPLES
        assert np.mean(one.draws) / UNIT == pytest.approx(one.tuned, abs=0.01)


@pytest.mark.slow
def test_the_recipe_beside_the_stock_settings(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "pairs.csv"
    lines = [f"what is thing {i} of kind {i % 7}?,thing {i} is of kind {i % 7}" for i in range(60)]
    data.write_text("question,answer\n" + "\n".join(lines) + "\n", encoding="utf-8")
    settings = [f"model.name={tiny_model}", "model.device=cpu", "training.max_steps=2", "evaluation.resamples=100"]
    settings += ["evaluation.cross_validation=off"]
    record, table = tmp_path / "record.jsonl", tmp_path / "table.md"
    words = ["--data", str(data), "--seeds", "1,2", "--runs", str(tmp_path / "runs"), "--record", str(record)]
    words += ["--markdown", str(table), "--settings", *settings]
    monkeypatch.setattr("sys.argv", ["recipe", *words])
    recipe.main()
    assert table.read_text() in capsys.readouterr().out
    found = read_record(record)
    assert {key[1:] for key in found} == {(arm, seed) for arm in ("stock", "ours") for seed in (1, 2)}
    for one in found.values():
        assert one.n == 12 and one.settings[-len(settings) :] == settings
        assert np.mean(one.base_draws) / UNIT == pytest.approx(one.base, abs=0.03)
    assert "thing" not in record.read_text(), "no text of the data is kept"
    monkeypatch.setattr(recipe, "make_run", None)
    recipe.main()  # makes nothing anew
    assert read_record(record) == found
