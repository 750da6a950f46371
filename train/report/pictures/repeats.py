"""The same training again, with other seeds or on other parts of the rows: each result as a dot, the mean with its interval."""

from __future__ import annotations

from collections.abc import Sequence

from train.evaluate.results import DatasetResult
from train.report.drawing.picture import Picture, Table
from train.report.drawing.rows import DrawnRow, row_chart
from train.wording import change, fraction, interval, metric_name


def repeats_picture(results: Sequence[DatasetResult]) -> Picture | None:
    """Return the picture over all data sets; None where nothing was repeated, or single results are not recorded. The table of
    seeds stands below it on the page."""
    rows, table, said = [], [], []
    for result in results:
        if (seeds := result.seeds) is not None:
            dots = [(one.delta, f"seed {one.seed}: {change(one.delta)}") for one in seeds.seeds]
            rows.append(_row(f"{result.name}: {len(dots)} seeds", seeds.delta, seeds.ci95, dots, seeds.verdict))
            said.append(_said(result, len(dots), "seeds", [one.delta for one in seeds.seeds], seeds.delta, seeds.ci95))
        crossed = result.cross_validation
        if crossed is not None and crossed.parts:
            dots = [(one.delta, f"part {i}: {change(one.delta)}") for i, one in enumerate(crossed.parts, start=1)]
            rows.append(_row(f"{result.name}: {len(dots)} parts", crossed.delta, crossed.ci95, dots, crossed.verdict))
            said.append(_said(result, len(dots), "parts", [one.delta for one in crossed.parts], crossed.delta, crossed.ci95))
            table += [
                (result.name, f"part {i} ({one.n:,})", fraction(one.base), fraction(one.tuned), change(one.delta))
                for i, one in enumerate(crossed.parts, start=1)
            ]
    if not rows:
        return None
    heads = ("Data set", "Part", "Base", "Tuned", "Change")
    metrics = {metric_name(result.metric) for result in results if result.training is not None}
    metric = metrics.pop() if len(metrics) == 1 else "the primary metric"
    return Picture(
        name="repeats",
        title="",
        sentence=" ".join(said),
        drawn=row_chart(
            rows,
            "Change of each repetition as a dot, and the mean with its 95% interval.",
            f"change of {metric}, better →",
        ),
        table=Table("Each part of the rows, judged by the model that the others trained", heads, table, words=(1,))
        if table
        else None,
        note="Change: against the base. ○ one repetition, ◆ the mean with its 95% interval, which holds"
        " the luck of training as well as that of the items.",
    )


def _row(name: str, mean: float, ci95: tuple[float, float], dots: Sequence[tuple[float, str]], verdict: str) -> DrawnRow:
    return DrawnRow(
        name,
        mean,
        ci95,
        f"mean {change(mean)}",
        look=verdict,
        dots=dots,
        title=f"mean {change(mean)}, 95% interval {interval(ci95)}",
    )


def _said(result: DatasetResult, count: int, what: str, deltas: Sequence[float], mean: float, ci95: tuple[float, float]) -> str:
    better = sum(delta > 0 for delta in deltas)
    return (
        f"On {result.name} {better} of {count} {what} are above the base, from {change(min(deltas))} to {change(max(deltas))};"
        f" mean {change(mean)}, 95% interval {interval(ci95)}."
    )
