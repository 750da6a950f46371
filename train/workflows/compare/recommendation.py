"""Which model to take under the user's limits, and why, in words.

Among the models that keep every limit, the one with the highest mean quality is the best. Those that no test finds worse than it
are as good as it, and so are those within the tolerance that the user allows. Of these the cheapest is taken: the lowest price;
among equals in price the highest throughput; within a tenth of that the smallest vectors; then the highest quality.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from train.config.compare import LimitsConfig
from train.wording import change, fraction, interval, metric_name, span
from train.workflows.compare import units
from train.workflows.compare.limits import Breach, breaches, in_words
from train.workflows.compare.results import Comparison, Contender

CLOSE = 0.9
"""A throughput of at least this share of another is as good."""
WORTH_A_WORD = 1.25
"""Ratios from here on are given as a reason."""


@dataclass(frozen=True)
class Wish:
    """What a person may care for most, the model to take then, and how much it has of that."""

    what: str
    model: Contender
    value: str


@dataclass(frozen=True)
class Advice:
    """The recommendation.

    Attributes:
        taken: the model to take; None where no model keeps every limit.
        best: the one of highest quality that keeps every limit.
        peers: letters of those that are as good as the best, itself included.
        broken: letter → the limits that the model does not keep.
        headline: the recommendation in one sentence.
        reasons: why, a sentence each.
        out: a sentence for each limit that excludes a model.
        wishes: what to take where one thing matters most.
    """

    taken: Contender | None
    best: Contender | None
    peers: frozenset[str]
    broken: Mapping[str, list[Breach]]
    headline: str
    reasons: list[str]
    out: list[str]
    wishes: list[Wish]

    def as_json(self) -> dict[str, Any]:
        """Return it for files."""
        return {
            "taken": None if self.taken is None else self.taken.label,
            "best": None if self.best is None else self.best.label,
            "headline": self.headline,
            "reasons": self.reasons,
            "excluded_by_limits": self.out,
            "if_you_care_most_for": [{"what": w.what, "model": w.model.label, "value": w.value} for w in self.wishes],
        }


def advise(comparison: Comparison, limits: LimitsConfig, documents: int) -> Advice:
    """Recommend a model.

    Args:
        comparison: the models.
        limits: of the user.
        documents: of the index whose size is worked out.
    """
    broken = {one.letter: breaches(one, limits) for one in comparison.contenders}
    fit = [one for one in comparison.contenders if not broken[one.letter]]
    out = _exclusions(comparison, limits, broken)
    if not fit:
        nearest = min(comparison.contenders, key=lambda one: len(broken[one.letter]))
        count = len(broken[nearest.letter])
        reasons = [
            f"{nearest.label} comes nearest and breaks {count} limit{'s' * (count != 1)} "
            f"({units.listed([b.key for b in broken[nearest.letter]])}). Loosen a limit, or add models."
        ]
        return Advice(None, None, frozenset(), broken, "No model meets all of your limits.", reasons, out, [])
    best = fit[0]
    peers = [one for one in fit if one is best or _as_good(comparison, one, best, limits.tolerance)]
    taken = cheapest(peers)
    reasons = [*_why(comparison, fit, best, peers, taken), *_price_of_limits(comparison, taken, limits)]
    letters = frozenset(one.letter for one in peers)
    return Advice(taken, best, letters, broken, f"Take {taken.label}.", reasons, out, _wishes(fit, documents))


def _exclusions(comparison: Comparison, limits: LimitsConfig, broken: Mapping[str, list[Breach]]) -> list[str]:
    """Return each limit with the models that it excludes."""
    found: dict[str, list[str]] = {}
    for one in comparison.contenders:
        for breach in broken[one.letter]:
            found.setdefault(breach.key, []).append(f"{one.label} ({breach.value})" if breach.value else one.label)
    return [
        f"{in_words(limits)[key][:1].upper()}{in_words(limits)[key][1:]}: this excludes {units.listed(names)}."
        for key, names in found.items()
    ]


def cheapest(models: Sequence[Contender]) -> Contender:
    """Return the one that costs least to use; see the rule at the top of this module."""
    lowest = min(_price(one) for one in models)
    left = [one for one in models if _price(one) == lowest]
    fastest = max(_throughput(one) for one in left)
    left = [one for one in left if _throughput(one) >= CLOSE * fastest]
    return min(left, key=lambda one: (one.dimensions, -one.quality.value))


def _as_good(comparison: Comparison, one: Contender, best: Contender, tolerance: float) -> bool:
    return not comparison.beaten(one.letter, best.letter) or best.quality.value - one.quality.value <= tolerance


def _price(one: Contender) -> float:
    return float("inf") if one.price.usd_per_million is None else one.price.usd_per_million


def _throughput(one: Contender) -> float:
    return 0.0 if one.speed is None else one.speed.texts_per_second


def _why(
    comparison: Comparison, fit: Sequence[Contender], best: Contender, peers: Sequence[Contender], taken: Contender
) -> list[str]:
    """Say why the taken one is taken: its quality against the best and the others, then what it saves."""
    metric = _metric(comparison)
    quality = f"{metric} {fraction(taken.quality.value)} (95% interval {span(taken.quality.ci95)})"
    if len(comparison.contenders) == 1:
        return [f"It is the only model that could be judged: {quality}."]
    if len(fit) == 1:
        return [f"It is the only model that meets your limits: {quality}."]
    if taken is best:
        if len(peers) == 1:
            others = "Every other model" if len(fit) == len(comparison.contenders) else "Every other model that meets your limits"
            return [f"It is the best on your data: {quality}. {others} is worse beyond chance."]
        rest = [one for one in peers if one is not taken]
        none = "and is no cheaper" if len(rest) == 1 else "and none of them is cheaper"
        names = units.listed([one.label for one in rest])
        first = f"It scores highest on your data: {quality}. {names} cannot be told apart from it, {none}."
        return [first, *_savings(taken, rest[0])]
    delta, ci95 = comparison.difference(taken.letter, best.letter)
    against = f"{best.label} ({fraction(best.quality.value)}; difference {change(delta)}, 95% interval {interval(ci95)})"
    if comparison.beaten(taken.letter, best.letter):
        first = f"Its {quality} is within your tolerance of the best, {against}, and it is the cheapest such model."
    else:
        first = f"Its {quality} cannot be told apart from the best, {against}, and it is cheaper to use."
    return [first, *_savings(taken, best)]


def _metric(comparison: Comparison) -> str:
    names = list(dict.fromkeys(metric_name(result.metric) for result in comparison.datasets))
    if len(comparison.datasets) == 1:
        return names[0]
    return f"mean of {units.listed(names)} over {len(comparison.datasets)} data sets"


def _savings(taken: Contender, other: Contender) -> list[str]:
    """Say what one model saves against another, where it is worth mentioning."""
    found = []
    mine, theirs = taken.price.usd_per_million, other.price.usd_per_million
    if mine is not None and theirs is not None and mine < theirs:
        found.append(f"costs {units.per_million(mine)} rather than {units.usd(theirs)}")
    if _throughput(other) and _throughput(taken) / _throughput(other) >= WORTH_A_WORD:
        found.append(f"encodes {units.times(_throughput(taken) / _throughput(other))} as many texts a second")
    if other.dimensions / taken.dimensions >= WORTH_A_WORD:
        found.append(f"its vectors are {units.times(other.dimensions / taken.dimensions)} smaller")
    return [f"Against {other.label} it {units.listed(found)}.".replace("it its", "its")] if found else []


def _price_of_limits(comparison: Comparison, taken: Contender, limits: LimitsConfig) -> list[str]:
    """Say what a model would give that a limit excludes and that is better beyond chance."""
    for one in comparison.contenders:
        found = breaches(one, limits)
        if found and comparison.beaten(taken.letter, one.letter):
            delta, _ = comparison.difference(one.letter, taken.letter)
            keys = units.listed([breach.key for breach in found])
            return [f"Your limits cost {fraction(delta)}: without {keys}, {one.label} would reach {fraction(one.quality.value)}."]
    return []


def _wishes(fit: Sequence[Contender], documents: int) -> list[Wish]:
    """Return the first of the models in each respect; of equals the one of higher quality, which comes first."""
    priced = [one for one in fit if one.price.usd_per_million is not None]
    best = fit[0]
    found = [Wish("quality", best, fraction(best.quality.value))]
    waits = [(wait, one) for one in fit if (wait := one.timed("latency_p95_ms")) is not None]
    if waits:
        wait, quick = min(waits, key=lambda found: found[0])
        many = max(fit, key=_throughput)
        found.append(Wish("a quick answer to a single text", quick, units.millis(wait)))
        found.append(Wish("many texts a second", many, units.rate(_throughput(many))))
    small = min(fit, key=lambda one: one.dimensions)
    found.append(Wish("a small index", small, f"{units.size(small.index_bytes(documents))} for {documents:,} documents"))
    if priced:
        cheap = min(priced, key=_price)
        found.append(Wish("a low price", cheap, units.per_million(_price(cheap))))
    return found
