"""Dev scores of the checkpoints: of one data set as they are, of several as changes against the base."""

from __future__ import annotations

from train import wording
from train.report.drawing.lines import Panel, Series, keys_beside, keys_of, line_chart
from train.report.drawing.picture import Picture
from train.report.page_curve import Curve, Line


def curve_picture(curve: Curve) -> Picture:
    """Return the picture of a learning curve; its table stands beside it on the page."""
    as_change = curve.several and curve.has_base
    series = [_series(curve, line, as_change) for line in curve.lines]
    base = next((line.values[0] for line in curve.lines[:1] if curve.has_base and not as_change), None)
    what = "dev score, change against the base" if as_change else "dev score"
    level = None if base is None else (base, f"base {wording.fraction(base)}")
    panels = [Panel(what, series, signed=as_change, zero=as_change, level=level, named=curve.several, height=260.0)]
    mark = None if curve.best is None else (float(curve.best), wording.best_word(curve.best_is_highest))
    return Picture(
        name="curve-picture",
        title="",
        sentence=curve.summary or f"Dev scores of {len(curve.steps) - curve.has_base:,} checkpoints.",
        drawn=line_chart(panels, curve.label, mark=mark),
        keys=keys_of(panels) if curve.several else (),
        keys_slim_only=keys_beside(panels),
        note="Dev scores choose the checkpoint; they are not the verdict, which is on test.",
    )


def _series(curve: Curve, line: Line, as_change: bool) -> Series:
    place = max(line.number - 1, 0)
    base = line.values[0] if curve.has_base else None
    titles = [_title(line.name, step, value, base) for step, value in zip(curve.steps, line.values, strict=True)]
    values = line.values if not as_change else [None if base is None or one is None else one - base for one in line.values]
    return Series(line.name, list(zip(curve.steps, values, strict=True)), f"{line.css} {line.dash}".strip(), place, titles)


def _title(name: str, step: int, value: float | None, base: float | None) -> str:
    if value is None:
        return ""
    against = "" if base is None or step == 0 else f" ({wording.change(value - base)} against the base)"
    return f"{name}, step {step:,}: {wording.fraction(value)}{against}"
