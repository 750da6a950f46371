"""What each share of the way from the base to the checkpoint gains on the task, against what it changes on other work."""

from __future__ import annotations

from train.report.drawing.picture import Picture
from train.report.drawing.scatter import Stop, way_chart
from train.report.page_panel import Traded
from train.wording import change


def trade_picture(traded: list[Traded]) -> Picture | None:
    """Return the picture; None where fewer than two shares were judged on both. Its table stands below it on the page."""
    base = next((row for row in traded if row.share == 0), None)
    if base is None or base.dev is None:
        return None
    known = [
        (row, row.dev - base.dev, row.change or 0.0)
        for row in traded
        if row.dev is not None and (row.change is not None or row is base)
    ]
    if len(known) < 3:
        return None
    stops = []
    for row, gain, elsewhere in sorted(known, key=lambda one: one[0].share):
        name = "base" if row is base else f"{row.share:.0%}"
        taken = row.note == "taken"
        title = f"{name}: dev {change(gain)}, other work {change(elsewhere)}" + (f" ({row.note})" if row.note else "")
        stops.append(Stop(f"{name}, taken" if taken else name, elsewhere, gain, title, taken))
    return Picture(
        name="trade",
        title="",
        sentence=_sentence(known),
        drawn=way_chart(
            stops,
            "Gain on dev against the change on other work, for each share of the way. The figures are in the table that follows.",
            x_name="change on other work",
            y_name="change on dev, the run's own task",
        ),
        note="Up: better on the task. Right: better on other work; left of the line at 0 something is lost there. Percentages:"
        " share of the way from the base's weights to the checkpoint's.",
    )


def _sentence(known: list[tuple[Traded, float, float]]) -> str:
    _, most, cost = max(known, key=lambda one: one[0].share)
    taken = next(((row, gain, elsewhere) for row, gain, elsewhere in known if row.note == "taken"), None)
    said = f"The whole way to the checkpoint changes dev by {change(most)} and other work by {change(cost)}"
    if taken is None or taken[0].share == max(row.share for row, *_ in known):
        return f"{said}."
    row, gain, elsewhere = taken
    return f"{said}; the {row.share:.0%} that were taken {change(gain)} and {change(elsewhere)}."
