"""Counts in two directions: before across, after downwards, with every count written in its cell."""

from __future__ import annotations

from collections.abc import Sequence

from train.report.drawing.plot import Drawn, Plot
from train.report.drawing.svg import element

WIDTH, LEFT, CELL, HEIGHT = 420.0, 88.0, 64.0, 40.0
STRONGEST = 0.5
"""Opacity of the cell with most; the count in it stays legible."""


def bin_chart(
    counts: Sequence[Sequence[int]], names: Sequence[str], label: str, *, before: str, after: str, things: str
) -> Drawn:
    """Draw the counts; one drawing serves all widths.

    Args:
        counts: `counts[a][b]`: how many were in bin b before and are in bin a after; bins from the best to the worst.
        names: of the bins.
        label: what is drawn, for those who do not see it.
        before, after: what the two directions are.
        things: what is counted.
    """
    size = len(names)
    top, most = 46.0, max(*map(max, counts), 1)
    plot = Plot(WIDTH, top + size * HEIGHT + 30, LEFT, LEFT + size * CELL, top, top + size * HEIGHT)
    plot.fitting((plot.left + plot.right) / 2, 14, f"{before} →", css="axis")
    plot.text(2, 36, f"{after} ↓", css="axis")
    for b, name in enumerate(names):
        plot.text(plot.left + (b + 0.5) * CELL, top - 8, name, css="tick", anchor="middle")
    for a, name in enumerate(names):
        y = top + a * HEIGHT
        plot.text(plot.left - 8, y + HEIGHT / 2 + 4, name, css="tick", anchor="end")
        for b, count in enumerate(counts[a]):
            css = "up" if a < b else "down" if a > b else "same"
            word = {"up": "better", "down": "worse", "same": "as before"}[css]
            plot.add(
                "rect",
                element("title", f"{names[b]} before, {name} after: {count:,} {things} ({word})"),
                class_=f"cell {css}",
                x=plot.left + b * CELL,
                y=y,
                width=CELL,
                height=HEIGHT,
                fill_opacity=f"{STRONGEST * (count / most) ** 0.5:.2f}",
            )
            if count:
                sign = {"up": "▲ ", "down": "▼ ", "same": ""}[css]
                plot.text(plot.left + (b + 0.5) * CELL, y + HEIGHT / 2 + 4, f"{sign}{count:,}", anchor="middle")
    plot.text(plot.left, plot.bottom + 20, "▲ better · ▼ worse · no sign: as before", css="aside")
    return Drawn(plot.svg("one", label))
