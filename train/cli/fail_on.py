"""`--fail-on`: a verdict that ends with an exit code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from train.errors import VerdictError


class FailOn(StrEnum):
    """Verdicts that `--fail-on` makes a failure of."""

    REGRESSED = "regressed"
    NO_EVIDENCE = "no_evidence"


FailOnOption = Annotated[
    FailOn | None,
    typer.Option(
        "--fail-on",
        metavar="VERDICT",
        help="For CI: `regressed` ends with exit code 3 if anything got worse; `no_evidence` does so unless something got better "
        "and nothing worse. All is written all the same.",
    ),
]


def fail_if(condition: FailOn | None, judged: Path | Mapping[str, Any]) -> None:
    """End with exit code 3 if the verdict is one that `--fail-on` names.

    Args:
        condition: what `--fail-on` says.
        judged: the content of a report.json, or the folder of the run that has one.
    """
    from train.distributed import is_main

    if condition is None or not is_main():
        return
    from train.evaluate.results import DatasetResult, fails
    from train.report.sentences import verdict_lines
    from train.wording import Sides

    report = json.loads((judged / "report.json").read_text(encoding="utf-8")) if isinstance(judged, Path) else judged
    if fails(report["verdict"], condition.value):
        results = [DatasetResult.model_validate(entry) for entry in report["datasets"]]
        words = report["verdict"].replace("_", " ")
        raise VerdictError(f"--fail-on {condition}: the verdict is {words}. {verdict_lines(results, Sides.of(report))[0]}")
