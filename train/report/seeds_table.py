"""The seeds of a run, one a line, for the terminal and the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from train import wording
from train.console import plain_table
from train.evaluate.results import DatasetResult


class SeedLine(NamedTuple):
    """What one seed came to on one data set, in words; `name` is empty but on the first line of a data set."""

    name: str
    seed: str
    dev: str
    test: str
    change: str
    note: str


def seed_lines(results: Sequence[DatasetResult]) -> list[SeedLine]:
    """Return the lines of all data sets; below the seeds their mean and standard deviation. None where one seed was trained."""
    lines = []
    for result in results:
        found = result.seeds
        if found is None:
            continue
        for number, one in enumerate(found.seeds):
            best = ["shipped"] if one.shipped else ["best on dev"] if one.chosen else []
            notes = [*best, *(["dev would keep the base"] if one.kept_base else [])]
            dev = "" if one.dev is None else wording.fraction(one.dev)
            name = "" if number else result.name
            figures = (wording.fraction(one.tuned), wording.change(one.delta))
            lines.append(SeedLine(name, str(one.seed), dev, *figures, ", ".join(notes)))
        spread = f"95% interval {wording.interval(found.ci95)}, items and seeds"
        lines.append(SeedLine("", "mean", "", wording.fraction(found.tuned), wording.change(found.delta), spread))
        lines.append(SeedLine("", "SD", "", f"{found.sd:.4f}", "", "the luck of training, as measured"))
    return lines


def seeds_table(results: Sequence[DatasetResult]) -> Table | None:
    """Return the lines as a table for the terminal; None where one seed was trained."""
    lines = seed_lines(results)
    if not lines:
        return None
    table = plain_table("Seeds on test, judged also where dev would keep the base")
    table.add_column("data set", overflow="fold")
    for heading in ("seed", "dev", "tuned", "change"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for line in lines:
        table.add_row(Text(line.name), *line[1:])
    return table
