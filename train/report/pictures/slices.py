"""The gain on each part of what was judged, with its interval."""

from __future__ import annotations

from collections import Counter

from train.evaluate.slices import ALL
from train.report.drawing.picture import Picture
from train.report.drawing.rows import DrawnRow, row_chart
from train.report.page_slices import FEWEST, Sliced
from train.wording import VERDICT_WORDS, Sides, change, counted, interval


def slice_picture(found: Sliced, sides: Sides, number: int = 0) -> Picture:
    """Return the picture of one data set; its table stands below it on the page."""
    rows = []
    for division in found.divisions:
        if division.by != ALL:
            rows.append(DrawnRow(division.by[:1].upper() + division.by[1:]))
        for part in division.parts:
            name = "all" if division.by == ALL else part.name
            size = counted(part.n, found.kind)
            title = f"{name}: {change(part.delta)}, 95% interval {interval(part.ci95)}, {size} ({VERDICT_WORDS[part.verdict]})"
            rows.append(DrawnRow(name, part.delta, part.ci95, f"{change(part.delta)}, {size}", look=part.verdict, title=title))
    before, after = sides.in_sentences()
    return Picture(
        name=f"slices-{number}",
        title="",
        sentence=_sentence(found),
        drawn=row_chart(
            rows,
            f"Change of {found.metric} in each part, with its 95% interval. The figures are in the table that follows.",
            f"change of {found.metric}, better →",
        ),
        note=f"Change: {after} less {before}. Lines are 95% intervals. ▲ better, ◆ worse, ● unproven: after the"
        " correction for the number of parts even an interval beyond 0 may be chance.",
    )


def _sentence(found: Sliced) -> str:
    parts = [(division.by, part) for division in found.divisions if division.by != ALL for part in division.parts]
    verdicts = Counter(part.verdict for _, part in parts)
    told = [f"{verdicts[one]} {VERDICT_WORDS[one]}" for one in ("improved", "regressed", "no_evidence") if verdicts[one]]
    (least_by, least), (most_by, most) = (pick(parts, key=lambda one: one[1].delta) for pick in (min, max))
    extremes = f"from {change(least.delta)} ({least_by}: {least.name}) to {change(most.delta)} ({most_by}: {most.name})"
    small = f" Left out, as they hold fewer than {FEWEST} pairs: {found.too_small}." if found.too_small else ""
    return f"Of {len(parts)} parts: {', '.join(told)}; the change goes {extremes}.{small}"
