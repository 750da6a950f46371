"""The top of a run's page: the verdict, one sentence that says how sure it is, and what the run was."""

from __future__ import annotations

from dataclasses import dataclass

from train import wording
from train.console import plain
from train.evaluate.facts import RunFacts
from train.evaluate.headline import Headline
from train.report.first_line import doubt
from train.report.html_page import moment
from train.runs.figures import headline_figure, verdict_line
from train.runs.records import RunReport


@dataclass(frozen=True)
class Hero:
    """The top of the page; each figure stands in it once.

    Attributes:
        above: name of the run, or of the two models.
        title: the verdict with the figures that stand for it.
        scope: on what these stand, written smaller behind them; may be empty.
        lead: the change with its interval, and what is doubtful.
        facts: what the run was, as (what, value) pairs.
    """

    above: str
    title: str
    scope: str
    lead: str
    facts: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, report: RunReport) -> Hero:
        """Return the top of a report's page; its data sets have names that can stand inside a sentence."""
        line, figure = verdict_line(report), headline_figure(report)
        scope = figure.scope if figure is not None and line.endswith(f" ({figure.scope})") else ""
        title = line.removesuffix(f" ({scope})")
        return cls(_above(report), title, scope, _lead(report), tuple(_facts(report)))

    @property
    def tab(self) -> str:
        """What the browser's tab says: the verdict first, since tabs cut the end off."""
        return f"{self.title} · {self.above}"


def _above(report: RunReport) -> str:
    name = plain(report.run or "")
    if report.labels is None:
        return name or "Run"
    before, after = map(plain, report.sides)
    return f"{after} against {before}"


def _lead(report: RunReport) -> str:
    figure = headline_figure(report)
    shipped = report.labels is None and report.shipped is not None and bool(report.shipped.headline)
    told = doubt(RunFacts.of(report.datasets, kept=report.selection.share == 0)) if shipped else ""
    if figure is None:
        return told or "Nothing was judged, so nothing is known about how good it is."
    if report.selection.share == 0 or figure.result.kept_base:
        line = figure.line
        reached = f"{wording.metric_name(line.metric)} {wording.fraction(line.base)} on {figure.result.name} ({figure.scope})"
        return f"The base, which is shipped, reaches {reached}."
    return " ".join(filter(None, (_change(figure), told)))


def _change(figure: Headline) -> str:
    line = figure.line
    return f"The change is {wording.change(line.delta)}, 95% interval {wording.interval(line.ci95)}."


def _facts(report: RunReport) -> list[tuple[str, str]]:
    found = []
    if report.base_model:
        found.append(("Base model", plain(report.base_model)))
    if report.best_step and report.labels is None:
        found.append(("In model/", _ships(report, report.best_step)))
    if (seconds := report.cost.get("total_seconds")) is not None:
        found.append(("Took", wording.duration(seconds)))
    if report.finished_at:
        found.append(("Finished", moment(report.finished_at)))
    return found


def _ships(report: RunReport, step: int) -> str:
    """Return what is in model/."""
    if report.selection.withheld:
        return "the base, as the gain is unproven"
    if report.selection.share == 0:  # the title says why
        return "the base"
    seed = "" if report.selection.seed is None else f" of seed {report.selection.seed}"
    return wording.chosen_weights(step, report.selection.share) + seed
