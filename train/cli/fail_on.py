"""`--fail-on`: a verdict that ends with an exit code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from train.config.fail_on import Condition
from train.distributed import is_main
from train.errors import VerdictError
from train.wording import BASE_AND_TUNED, Sides

if TYPE_CHECKING:
    from train.evaluate.results import DatasetResult


def _read(word: str) -> Condition:
    return Condition.read(word)


FailOnOption = Annotated[
    Condition | None,
    typer.Option(
        "--fail-on",
        metavar="CONDITION",
        parser=_read,
        help="For CI: `worse` ends with exit code 3 if anything got worse; `unproven` does so unless something got better "
        "and nothing worse; `worse-than=0.02` unless every data set shows that nothing got worse by as much. Results are written "
        "in any case.",
    ),
]


def fail_if(condition: Condition | None, verdict: str, results: Sequence[DatasetResult], sides: Sides = BASE_AND_TUNED) -> None:
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
    from train.report.failing import why_it_fails

    if (reason := why_it_fails(condition, verdict, results, sides)) is not None:
        raise VerdictError(f"--fail-on {condition}: {reason}")


def fail_if_run(condition: Condition | None, run: Path) -> None:
    """Do the same with the verdict in the report.json of a run's folder.

    Raises:
        VerdictError: the verdict is a failure.
    """
    if condition is None or not is_main():
        return
    from train.runs.read import read_report

    report = read_report(run)
    fail_if(condition, report.verdict, report.datasets, report.sides)
