"""Draw the similarities on the page of a finished run again, with the threshold that was chosen since."""

from __future__ import annotations

import re
from pathlib import Path

from data.storage import write_text
from train.console import plain
from train.report.drawing.picture import Picture
from train.report.html_page import writable
from train.report.pictures.similarities import QueryNearness, Similarities, similarity_picture
from train.runs.finished import FinishedRun, Values, read_finished
from train.runs.folder import RunFolder
from train.wording import Sides


def redraw_similarities(run: Path, dataset: str, threshold: float) -> bool:
    """Put the picture of one data set with this threshold in the place of the one on the run's page.

    A picture is a figure of its own without script or style, so nothing else of the page changes, its policy included.

    Args:
        run: the folder of a finished run.
        dataset: whose picture is meant.
        threshold: similarity of the tuned model from which texts are taken for matches.

    Returns:
        Whether the page has such a picture: those of older versions have none.

    Raises:
        BrokenRecord: the run's records are missing or damaged.
        OSError: the page cannot be written.
    """
    page, found = RunFolder(run).page, read_finished(run)
    picture = _picture(found, dataset, threshold)
    if picture is None or not page.is_file():
        return False
    html = page.read_text(encoding="utf-8")
    figure = rf'<figure class="picture" id="{picture.name}">.*?</figure>'
    drawn = re.search("<figure.*</figure>", str(picture.__html__()), re.DOTALL)
    assert drawn is not None, "a picture is a figure"
    changed, count = re.subn(figure, lambda _: drawn.group(), html, count=1, flags=re.DOTALL)
    if count:
        write_text(page, writable(changed))
    return bool(count)


def _picture(found: FinishedRun, dataset: str, threshold: float) -> Picture | None:
    for number, result in enumerate(found.report.datasets):
        if result.name == dataset:
            values = found.values(dataset, "cosine" if result.kind == "scored" else result.metric)
            sides = Sides(*map(plain, found.report.sides))
            return similarity_picture(of_values(values, threshold), result, sides, number)
    return None


def of_values(values: Values, threshold: float | None = None) -> Similarities:
    """Return what per_query.parquet holds of a data set; nothing of files of older versions."""
    if values.has_gold:
        gold = tuple(float(score) for score in values.gold if score is not None)
        return Similarities(gold=gold, pairs=(tuple(values.base), tuple(values.tuned)), threshold=threshold)
    columns = values.closest
    known = [i for i in range(len(values.items)) if all(column[i : i + 1] not in ([], [None]) for column in columns.values())]
    if not known:
        return Similarities()

    def side(name: str) -> QueryNearness:
        relevant, wrong, rank = (
            [float(columns[f"{one}_{name}"][i] or 0.0) for i in known] for one in ("relevant", "wrong", "rank")
        )
        return QueryNearness(tuple(relevant), tuple(wrong), tuple(map(int, rank)))

    return Similarities(queries=(side("base"), side("tuned")), threshold=threshold)
