"""`--fail-on`: a verdict that ends with an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from train.config.choices import FailOn
from train.distributed import is_main
from train.errors import VerdictError
from train.wording import BASE_AND_TUNED, Sides

if TYPE_CHECKING:
    from train.evaluate.results import DatasetResult

FailOnOption = Annotated[
    FailOn | None,
    typer.Option(
        "--fail-on",
        metavar="VERDICT",
        help="For CI: `regressed` ends with exit code 3 if anything got worse; `no_evidence` does so unless something got better "
        "and nothing worse. Results are written in any case.",
    ),
]


def fail_if(condition: FailOn | None, verdict: str, results: Sequence[DatasetResult], sides: Sides = BASE_AND_TUNED) -> None:
    """End with exit code 3 if the verdict is one that `--fail-on` names.

    Args:
        condition: what `--fail-on` says; None fails on nothing.
        verdict: on all data sets.
        results: of each data set.
        sides: what the two models are called.

    Raises:
        VerdictError: the verdict is a failure.
    """
    if condition is None or not is_main():
        return
    from train.evaluate.results import fails
    from train.report.sentences import verdict_lines

    if fails(verdict, condition):
        words = verdict.replace("_", " ")
        raise VerdictError(f"--fail-on {condition}: the verdict is {words}. {verdict_lines(results, sides)[0]}")


def fail_if_run(condition: FailOn | None, run: Path) -> None:
    """Do the same with the verdict in the report.json of a run's folder.

    Raises:
        VerdictError: the verdict is a failure.
    """
    if condition is None or not is_main():
        return
    from train.runs.read import read_report

    report = read_report(run)
    fail_if(condition, report.verdict, report.datasets, report.sides)
