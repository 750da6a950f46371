"""The run as one self-contained HTML page, readable without network, in light and dark, on a phone.

Everything goes through a template with automatic escaping, so texts of the user cannot become markup.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from train.evaluate import wording
from train.evaluate.table import best_line
from train.evaluate.verdict import DatasetResult, verdict_lines

_TEMPLATE = Path(__file__).with_name("page.html.j2")


def render(
    report: Mapping[str, Any],
    curve: Sequence[Mapping[str, Any]],
    examples: Sequence[Mapping[str, Any]],
    extras: Mapping[str, Any],
) -> str:
    """The page of a run.

    Args:
        report: the content of report.json: `verdict`, `datasets`, `cost`, and `run` and `base_model` where they are there.
        curve: the lines of scores.jsonl (`step`, `dev`), step 0 is the base.
        examples: queries and pairs that changed most, see `examples.pick_examples`.
        extras: any of `data_notes` (data set → list of sentences), `command` (how to run it again), `config` (YAML text) and
            `environment` (mapping of JSON values).

    Returns:
        A complete HTML document.
    """
    loader = FileSystemLoader(_TEMPLATE.parent)
    templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    templates.filters |= {
        "fraction": wording.fraction,
        "change": wording.change,
        "interval": wording.interval,
        "p_value": wording.p_value,
        "metric_name": wording.metric_name,
    }
    results = [DatasetResult.model_validate(entry) for entry in report["datasets"]]
    scored = [line for line in curve if line.get("dev") is not None]
    html = templates.get_template(_TEMPLATE.name).render(
        title=f"{report.get('run', 'Run')}: {wording.VERDICT_WORDS[report['verdict']]}",
        base_model=report.get("base_model"),
        verdict=report["verdict"],
        words=wording.VERDICT_WORDS,
        sentences=verdict_lines(results),
        results=results,
        curve=scored if len(scored) > 1 else [],
        best=best_line(scored),
        chart=learning_curve(scored) if len(scored) > 1 else None,
        groups=_group(examples),
        cost=wording.cost_lines(report.get("cost", {})),
        data_notes=extras.get("data_notes", {}),
        command=extras.get("command"),
        config=extras.get("config"),
        environment=json.dumps(extras["environment"], indent=2, ensure_ascii=False) if "environment" in extras else None,
    )
    # half of a surrogate pair, as a cut JSON escape leaves it, could not be written as UTF-8
    return html.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class Chart:
    """A learning curve in the coordinates of an SVG of `WIDTH` × `HEIGHT`.

    Attributes:
        points: (x, y, step, dev) of each checkpoint.
        base_y: height of the base's line; None when the base was not scored.
        ticks: (y, label) of the vertical axis.
    """

    points: list[tuple[float, float, int, float]]
    base_y: float | None
    ticks: list[tuple[float, str]]

    WIDTH = 640
    HEIGHT = 240
    LEFT, RIGHT, TOP, BOTTOM = 52, 628, 14, 206

    @property
    def path(self) -> str:
        """`points` attribute of the polyline."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y, _, _ in self.points)


def learning_curve(scored: Sequence[Mapping[str, Any]]) -> Chart:
    """Lay out the lines of scores.jsonl that have a dev score, at least one, ordered by step."""
    steps, values = [line["step"] for line in scored], [line["dev"] for line in scored]
    low, high = min(values), max(values)
    margin = max(0.1 * (high - low), 0.005)
    low, high = low - margin, high + margin
    span = max(steps[-1] - steps[0], 1)

    def y(value: float) -> float:
        return Chart.BOTTOM - (value - low) / (high - low) * (Chart.BOTTOM - Chart.TOP)

    def x(step: int) -> float:
        return Chart.LEFT + (step - steps[0]) / span * (Chart.RIGHT - Chart.LEFT)

    ticks = [low + part * (high - low) / 4 for part in range(5)]
    return Chart(
        points=[(x(step), y(value), step, value) for step, value in zip(steps, values, strict=True)],
        base_y=y(values[0]) if steps[0] == 0 else None,
        ticks=[(y(value), wording.fraction(value)) for value in ticks],
    )


def _group(examples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Examples by data set and direction, in the order in which they come."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for example in examples:
        groups.setdefault((example["dataset"], example["kind"]), []).append(example)
    return [{"dataset": dataset, "kind": kind, "items": items} for (dataset, kind), items in groups.items()]
