"""Why a model is taken, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from train.wording import change, fraction, interval, metric_name, span, things
from train.workflows.compare import units
from train.workflows.compare.as_good import rounded, times_as_many
from train.workflows.compare.results import Comparison, Contender
from train.workflows.compare.rounds import is_quicker

WORTH_A_WORD = 1.25
"""Ratios from here on are given as a reason."""


@dataclass(frozen=True)
class Found:
    """What was found before it is put into words.

    Attributes:
        comparison: all models.
        fit: those within the limits, by quality.
        best: the first of them.
        peers: those as good as it, itself included; `beaten`: those worse beyond chance; the others cannot be told.
        taken: of the peers.
        margin: what counts as not worse; `tolerated`: the user said so by a tolerance.
    """

    comparison: Comparison
    fit: Sequence[Contender]
    best: Contender
    peers: Sequence[Contender]
    beaten: Sequence[Contender]
    taken: Contender
    margin: float
    tolerated: bool

    @property
    def unclear(self) -> list[Contender]:
        """Those that are shown to be neither not worse than the best nor worse."""
        return [one for one in self.fit if one not in self.peers and one not in self.beaten]


def why(found: Found) -> list[str]:
    """Say why the taken one is taken: its quality against the best and the others, then what it saves."""
    taken, best = found.taken, found.best
    quality = f"{_metric(found.comparison)} {fraction(taken.quality.value)} (95% interval {span(taken.quality.ci95)})"
    ranked = len(found.comparison.contenders) - len(found.comparison.twins)
    if ranked == 1:
        return [f"It is the only model that could be judged: {quality}."]
    if len(found.fit) == 1:
        return [f"It is the only model that meets your limits: {quality}."]
    if taken is best:
        return _why_the_best(found, quality)
    delta, ci95 = found.comparison.difference(taken.letter, best.letter)
    against = f"{best.label} ({fraction(best.quality.value)}; difference {change(delta)}, 95% interval {interval(ci95)})"
    if found.tolerated:
        first = f"Its {quality} is within your tolerance of the best, {against}, and it is the cheapest such model."
    else:
        first = f"Its {quality} is not worse by {found.margin:g} than the best, {against}, and it is cheaper to use."
    return [first, *_savings(taken, best), *_too_few(found)]


def _why_the_best(found: Found, quality: str) -> list[str]:
    if len(found.beaten) == len(found.fit) - 1:
        all_fit = len(found.fit) == len(found.comparison.contenders) - len(found.comparison.twins)
        others = "Every other model" if all_fit else "Every other model that meets your limits"
        return [f"It is the best on your data: {quality}. {others} is worse beyond chance."]
    first = f"It scores highest on your data: {quality}."
    rest = [one for one in found.peers if one is not found.taken]
    if not rest:
        return [" ".join([first, *_too_few(found)])]
    none = "is not worse by {:g}, and is no cheaper" if len(rest) == 1 else "are not worse by {:g}, and none of them is cheaper"
    names = units.listed([one.label for one in rest])
    return [f"{first} {names} {none.format(found.margin)}.", *_savings(found.taken, rest[0]), *_too_few(found)]


def _too_few(found: Found) -> list[str]:
    """Say which models cannot be told from the best, and how many queries could."""
    unclear = found.unclear
    if not unclear:
        return []
    it = "it" if found.taken is found.best else found.best.label
    sets, names = found.comparison.datasets, units.listed([one.label for one in unclear])
    kinds = list(dict.fromkeys(things(one.kind) for one in sets))
    count = units.listed(kinds)
    first = f"There are too few {count} to tell {names} from {it}"
    needed = max(times_as_many(found.comparison, one, found.best, found.margin) for one in unclear)
    if needed <= 1:
        return [f"{first}: nothing shows that a loss is below {found.margin:g}, nor that there is one."]
    many = f"{rounded(needed * sets[0].n):,}" if len(sets) == 1 else f"{units.times(needed)} as many"
    return [f"{first}: about {many} would show an equal model to be not worse by {found.margin:g}."]


def _metric(comparison: Comparison) -> str:
    names = list(dict.fromkeys(metric_name(result.metric) for result in comparison.datasets))
    if len(comparison.datasets) == 1:
        return names[0]
    return f"mean of {units.listed(names)} over {len(comparison.datasets)} data sets"


def throughput(one: Contender) -> float:
    """Return texts a second, 0 where that is not known."""
    return 0.0 if one.speed is None else one.speed.texts_per_second


def costs_less(one: Contender, other: Contender) -> bool:
    """Tell whether the tokens of a model cost less than another's. The price of an hour of this machine makes those of two models
    of one speed differ by the noise of measuring it."""
    mine, theirs = (math.inf if found is None else found for found in (one.price.usd_per_million, other.price.usd_per_million))
    by_speed = not one.is_api and not other.is_api and 0 < mine < math.inf and 0 < theirs < math.inf
    return mine < theirs and (not by_speed or is_quicker(one.speed, other.speed))


def _savings(taken: Contender, other: Contender) -> list[str]:
    """Say what one model saves against another, where it is worth mentioning."""
    found = []
    mine, theirs = taken.price.usd_per_million, other.price.usd_per_million
    if mine is not None and theirs is not None and costs_less(taken, other):
        found.append(f"costs {units.per_million(mine)} rather than {units.usd(theirs)}")
    quicker = throughput(other) and is_quicker(taken.speed, other.speed)
    if quicker and throughput(taken) / throughput(other) >= WORTH_A_WORD:
        found.append(f"encodes {units.times(throughput(taken) / throughput(other))} as many texts a second")
    if other.dimensions / taken.dimensions >= WORTH_A_WORD:
        found.append(f"its vectors are {units.times(other.dimensions / taken.dimensions)} smaller")
    return [f"Against {other.label} it {units.listed(found)}.".replace("it its", "its")] if found else []
