"""The last screen of a run: it says the verdict, what is doubtful, and commands that fit."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from rich.console import Console

from tests.train.evaluate.test_verdict import UNCLEAR, result
from train.config.schema import TrainSettings
from train.evaluate.results import DatasetResult, run_verdict
from train.report.closing import closing
from train.runs.folder import RunFolder
from train.runs.records import JudgedDataset, RunReport, Selection

WORSE = {"verdict": "regressed", "delta": -0.06, "ci95": (-0.09, -0.03), "p_value": 0.001}
CONFIG = TrainSettings.model_validate({"data": {"source": "my pairs.csv"}})


def screen(*results: DatasetResult, width: int = 80, share: float = 1.0, run: str = "checkpoints/first") -> list[str]:
    report = RunReport(
        verdict=run_verdict(results),
        primary=results[0].name,
        datasets=tuple(JudgedDataset.of_result(one, ()) for one in results),
        selection=Selection(step=9, share=share),
        cost={"total_seconds": 65.0},
    )
    return closing(report, RunFolder(Path(run)), CONFIG, Console(width=width, color_system=None))


@pytest.mark.parametrize(
    ("results", "begins", "steps"),
    [
        ([result()], "Better: nDCG@10 0.532 → 0.621 on ", ["look:", "try:", "push:"]),
        ([result(**UNCLEAR)], "Unproven: ", ["look:", "prove:", "safer:"]),
        ([result(**WORSE)], "Worse: ", ["look:", "safer:"]),
        ([result(), result(**WORSE, name="other")], "Mixed, better on 1 and worse on 1 of 2 data sets: ", ["look:", "safer:"]),
    ],
)
def test_the_commands_fit_the_verdict(results: list[DatasetResult], begins: str, steps: list[str]) -> None:
    lines = screen(*results)
    assert lines[1].startswith(begins), lines
    first = [line.split(" ")[0] for line in lines]
    assert [word for word in first if word.endswith(":") and word in ("report:", "model:", *steps)] == [
        "report:",
        "model:",
        *steps,
    ]
    assert len(lines) <= 24 and all(len(line) <= 80 for line in lines), "\n".join(lines)


def test_a_kept_base_sends_to_the_data() -> None:
    lines = screen(result(**UNCLEAR).of_one_model().model_copy(update={"kept_base": True}), share=0.0)
    assert lines[1] == "The base is kept: nothing was better on dev."
    assert lines[-1] == "check:  embed-tune check 'my pairs.csv'"


def test_a_long_command_can_be_copied_from_several_lines() -> None:
    lines = screen(result(**WORSE), run=f"{'a' * 30}/{'b' * 40}")
    start = next(i for i, line in enumerate(lines) if line.startswith("safer:"))
    assert all(line.endswith(" \\") for line in lines[start:-1])
    words = shlex.split("\n".join(lines[start:]).replace("\\\n", ""))[1:]
    assert words[:3] == ["embed-tune", "train", "--config"] and words[-1] == "export.unproven=base"


def test_figures_stand_in_the_first_line_and_the_table_alone() -> None:
    text = "\n".join(screen(result()))
    assert text.count("0.621") == 2 and text.count("+0.089") == 1


def test_doubts_about_several_data_sets_are_named() -> None:
    lines = screen(result(**UNCLEAR), result(**UNCLEAR, name="other"))
    assert any(line.startswith("other: Too few queries changed") for line in lines), lines
