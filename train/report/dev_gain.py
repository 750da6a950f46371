"""What the judged model gained on dev, beside what it gained on test."""

from __future__ import annotations

from collections.abc import Sequence

from train.evaluate.results import DatasetResult
from train.wording import change, counted


def dev_gain_lines(results: Sequence[DatasetResult]) -> list[str]:
    """Return a sentence for each data set whose dev split chose the model; none where the base itself was judged.

    The gain on dev is that of the best of several models, and so a little flattered; the one on test is not.
    """
    return [
        f"On dev, which chose the model, {one.name} gained {change(one.dev.delta)} ({counted(one.dev.n, one.kind)}); "
        f"on {one.split}, which did not, {change(one.delta)} ({counted(one.n, one.kind, one.groups)})."
        for one in results
        if one.dev is not None and not one.kept_base
    ]


def dev_scope(results: Sequence[DatasetResult]) -> str:
    """Return on how much dev scores stand: "30 queries", or so many of each data set; empty where that is not known."""
    known = [one for one in results if one.dev is not None]
    told = [(one.name, counted(one.dev.n, one.kind)) for one in known if one.dev is not None]
    return told[0][1] if len(told) == 1 else ", ".join(f"{name}: {many}" for name, many in told)
