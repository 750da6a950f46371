"""The pictures of a run's page; what is not known, as in runs of older versions, has none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from train.console import plain
from train.evaluate.results import DatasetResult
from train.report.drawing.picture import Picture
from train.report.page_curve import Curve
from train.report.page_panel import PanelView
from train.report.page_slices import Sliced
from train.report.pictures.curve import curve_picture
from train.report.pictures.ranks import rank_picture
from train.report.pictures.repeats import repeats_picture
from train.report.pictures.similarities import Similarities, similarity_picture
from train.report.pictures.slices import slice_picture
from train.report.pictures.trade import trade_picture
from train.report.pictures.training import TrainedStep, training_picture
from train.runs.records import ScoreLine
from train.wording import Sides


class Near(NamedTuple):
    """The pictures about right and wrong texts of one data set."""

    name: str
    pictures: list[Picture]


def pictures(
    results: Sequence[DatasetResult],
    sides: Sides,
    *,
    curve: Curve | None,
    scores: Sequence[ScoreLine],
    training: Sequence[TrainedStep],
    slices: Sequence[Sliced],
    panel: PanelView | None,
    similarities: Mapping[str, Similarities],
) -> dict[str, Any]:
    """Return all pictures by the names that the templates use."""
    known = {plain(name): found for name, found in similarities.items()}
    return {
        "curve_picture": None if curve is None else curve_picture(curve),
        "training_picture": training_picture(training, scores),
        "slice_pictures": [slice_picture(one, sides, number) for number, one in enumerate(slices)],
        "repeats_picture": repeats_picture(results),
        "trade_picture": None if panel is None else trade_picture(panel.traded),
        "near": [near for number, one in enumerate(results) if (near := _near(one, known.get(one.name), sides, number)).pictures],
    }


def _near(result: DatasetResult, found: Similarities | None, sides: Sides, number: int) -> Near:
    if found is None or result.kept_base:
        return Near(result.name, [])
    drawn = (similarity_picture(found, result, sides, number), rank_picture(found, sides, number))
    return Near(result.name, [picture for picture in drawn if picture is not None])
