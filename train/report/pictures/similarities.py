"""How near right and wrong texts are to each other, base and tuned: of queries in two spreads, of scored pairs as clouds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from train.report.drawing.picture import Picture, Table
from train.report.drawing.scatter import MOST_POINTS, Cloud, cloud_chart
from train.report.drawing.spread import Spread, SpreadPanel, spread_chart
from train.wording import Sides, fraction, metric_name

if TYPE_CHECKING:
    from train.evaluate.results import DatasetResult
    from train.evaluate.score import Scores
    from train.runs.per_query import Judged

FEW = 5
"""Queries or pairs below which there is nothing to be seen."""
BANDS = 5
"""Parts of the range of gold scores in which the middle of the similarities is shown."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class QueryNearness:
    """Of one model and the queries of one data set: similarity of the best relevant and of the best wrong document, and the
    rank of the best relevant one; only queries of which all are known in both models."""

    relevant: tuple[float, ...]
    wrong: tuple[float, ...]
    rank: tuple[int, ...]

    @property
    def first(self) -> float:
        """Share of the queries whose relevant document stands first."""
        return sum(rank == 1 for rank in self.rank) / len(self.rank)

    @property
    def leads(self) -> list[float]:
        """By how much the best relevant document is nearer than the best wrong one."""
        return [right - wrong for right, wrong in zip(self.relevant, self.wrong, strict=True)]


@dataclass(frozen=True)
class Similarities:
    """What is known of single queries or pairs of one data set, without their texts.

    Attributes:
        queries: base and tuned; None for scored pairs, and where it is not known.
        gold: score of each pair.
        pairs: cosine similarities of the pairs, base and tuned; None for queries.
        threshold: of the tuned model, from which texts are taken for matches; None where none was chosen.
    """

    queries: tuple[QueryNearness, QueryNearness] | None = None
    gold: tuple[float, ...] = ()
    pairs: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    threshold: float | None = None

    @classmethod
    def of(cls, base: Scores, tuned: Scores, gold: Sequence[float] = (), threshold: float | None = None) -> Similarities:
        """Take them out of the scores of both models.

        Args:
            base, tuned: on the same task.
            gold: score of each pair; queries have none.
            threshold: see `threshold`.
        """
        if base.similarities is not None and tuned.similarities is not None:
            both = tuple(map(float, base.similarities)), tuple(map(float, tuned.similarities))
            return cls(gold=tuple(map(float, gold)), pairs=both, threshold=threshold)
        if base.closest is None or tuned.closest is None:
            return cls()
        sides = (base.closest, tuned.closest)
        values = [[one.relevant.tolist(), one.wrong.tolist(), one.rank.tolist()] for one in sides]
        # NaN is not equal to itself: where all documents are relevant there is no wrong one
        known = [i for i in range(len(values[0][0])) if all(one[i] == one[i] for side in values for one in side[:2])]
        made = [QueryNearness(*(tuple(column[i] for i in known) for column in side)) for side in values]
        return cls(queries=(made[0], made[1]), threshold=threshold)


def similarities_of(base: Judged, tuned: Judged) -> dict[str, Similarities]:
    """Return what is known of each data set, by its name."""
    return {
        name: Similarities.of(base[name][1], scores, [] if scores.similarities is None else getattr(task, "scores", []))
        for name, (task, scores) in tuned.items()
    }


def similarity_picture(found: Similarities, result: DatasetResult, sides: Sides, number: int = 0) -> Picture | None:
    """Return the picture of one data set; None where nothing, or too little, is known.

    Args:
        found: of its queries or pairs.
        result: on it.
        sides: what the two models are called.
        number: of the data set on the page.
    """
    if found.queries is not None and len(found.queries[0].rank) >= FEW:
        return _of_queries(found.queries, found.threshold, sides, number)
    if found.pairs is not None and len(found.gold) >= FEW:
        return _of_pairs(found, result, sides, number)
    return None


def _of_queries(both: tuple[QueryNearness, QueryNearness], threshold: float | None, sides: Sides, number: int) -> Picture:
    base, tuned = both
    before, after = sides.in_sentences()
    count = len(base.rank)
    leads = [median(one.leads) for one in both]
    sentence = (
        f"A relevant document stands first for {base.first:.0%} of {count:,} queries with {before} and for {tuned.first:.0%} with"
        f" {after}; its median lead over the best wrong document goes from {leads[0]:+.3f} to {leads[1]:+.3f}."
    )
    panels = [
        SpreadPanel(
            _titled(name),
            (Spread("best wrong", one.wrong, "s1 dash1"), Spread("relevant", one.relevant, "s0")),
            (threshold, f"threshold {threshold:.2f}") if threshold is not None and one is tuned else None,
        )
        for name, one in zip(sides, both, strict=True)
    ]
    rows = [
        (f"{_titled(name)}: {what}", *(f"{_quantile(values, share):{sign}.3f}" for share in QUANTILES))
        for name, one in zip(sides, both, strict=True)
        for what, values, sign in (("relevant", one.relevant, ""), ("best wrong", one.wrong, ""), ("lead", one.leads, "+"))
    ]
    label = f"Spread of the similarities of relevant and of best wrong documents over {count:,} queries, in two panels."
    return Picture(
        name=f"similarities-{number}",
        title="How near the right and the wrong documents are",
        sentence=sentence,
        drawn=spread_chart(panels, label, x_name="similarity of query and document", things="queries"),
        table=Table(
            f"Similarities that so many of {count:,} queries do not exceed", ("", *(f"{one:.0%}" for one in QUANTILES)), rows
        ),
        note="Relevant: of each query the nearest document that was judged relevant. Best wrong: the nearest of all others, those"
        " that nobody judged included. The further the two lie apart, the easier it is to tell them by a threshold, which is"
        " chosen anew after training: similarities move.",
    )


def _of_pairs(found: Similarities, result: DatasetResult, sides: Sides, number: int) -> Picture:
    assert found.pairs is not None, "pairs have similarities"
    before, after = sides.in_sentences()
    sentence = (
        f"Ordered by similarity, the {len(found.gold):,} pairs follow their gold scores with {metric_name(result.metric)}"
        f" {fraction(result.base)} with {before} and {fraction(result.tuned)} with {after}."
    )
    bands = _bands(found.gold)
    middles = [[(_mean(found.gold, band), median(values[i] for i in band)) for band in bands] for values in found.pairs]
    marks = (None, None if found.threshold is None else (found.threshold, f"threshold {found.threshold:.2f}"))
    clouds = [
        Cloud(_titled(name), list(zip(found.gold, values, strict=True)), middle, look, mark)
        for name, values, middle, look, mark in zip(sides, found.pairs, middles, ("s8", "s0"), marks, strict=True)
    ]
    rows = [
        (
            f"{min(found.gold[i] for i in band):.3g} to {max(found.gold[i] for i in band):.3g}",
            f"{len(band):,}",
            *(f"{median(values[i] for i in band):.3f}" for values in found.pairs),
        )
        for band in bands
    ]
    many = f"; {MOST_POINTS:,} or fewer of all are drawn" if len(found.gold) > MOST_POINTS else ""
    names = tuple(map(_titled, sides))
    return Picture(
        name=f"similarities-{number}",
        title="Gold score against similarity",
        sentence=sentence,
        drawn=cloud_chart(
            clouds,
            "Gold score of each pair against its cosine similarity, a cloud for each model.",
            x_name="gold score",
            y_name="cosine similarity",
        ),
        table=Table(
            "Median cosine similarity of the pairs in each part of the gold scores", ("Gold score", "Pairs", *names), rows
        ),
        note=f"A point is a pair{many}; the line joins the medians of up to {BANDS} parts of the gold scores. The steeper and the"
        " narrower, the better a similarity tells the score.",
    )


def _titled(side: str) -> str:
    return side.capitalize() if side in Sides() else side


def _mean(gold: Sequence[float], band: Sequence[int]) -> float:
    return sum(gold[i] for i in band) / len(band)


def _bands(gold: Sequence[float]) -> list[list[int]]:
    """Return the numbers of the pairs in equal parts of the range of gold scores, those parts that hold any."""
    low, high = min(gold), max(gold)
    width = (high - low) / BANDS or 1.0
    bands: list[list[int]] = [[] for _ in range(BANDS)]
    for i, score in enumerate(gold):
        bands[min(int((score - low) / width), BANDS - 1)].append(i)
    return [band for band in bands if band]


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
