"""Which model to take under the user's limits, and why, in words.

Among the models that keep every limit, the one with the highest mean quality is the best. As good as it are those that are shown
to be not worse by the margin (`as_good`). Of these and the best the cheapest is taken: the lowest price; of equals in price the
highest throughput; of those that are not slower than that beyond chance and by a tenth the smallest vectors; then the highest
quality. Where none is shown to be as good, the
best is taken, and it is said how many queries could tell the others from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from train.config.compare import LimitsConfig
from train.config.schema import MARGIN
from train.wording import fraction
from train.workflows.compare import units
from train.workflows.compare.as_good import as_good
from train.workflows.compare.limits import Breach, breaches, in_words
from train.workflows.compare.reasons import Found, costs_less, throughput, why
from train.workflows.compare.results import Comparison, Contender
from train.workflows.compare.rounds import is_quicker


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
        peers: letters of those that are shown to be as good as the best, itself included.
        beaten: letters of those that are worse than the best beyond chance and not among the peers; who is in neither cannot be
            told from the best.
        broken: letter → the limits that the model does not keep.
        headline: the recommendation in one sentence.
        reasons: why, a sentence each.
        out: a sentence for each limit that excludes a model.
        wishes: what to take where one thing matters most.
    """

    taken: Contender | None
    best: Contender | None
    peers: frozenset[str]
    beaten: frozenset[str]
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


def advise(comparison: Comparison, limits: LimitsConfig, documents: int, margin: float = MARGIN) -> Advice:
    """Recommend a model.

    Args:
        comparison: the models.
        limits: of the user.
        documents: of the index whose size is worked out.
        margin: loss up to which a model counts as not worse; `limits.tolerance` takes precedence where it is more.
    """
    broken = {one.letter: breaches(one, limits) for one in comparison.contenders}
    ranked = [one for one in comparison.contenders if one.letter not in comparison.twins]
    fit = [one for one in ranked if not broken[one.letter]]
    out = _exclusions(comparison, limits, broken)
    if not fit:
        nearest = min(ranked, key=lambda one: len(broken[one.letter]))
        count = len(broken[nearest.letter])
        reasons = [
            f"{nearest.label} comes nearest and breaks {count} limit{'s' * (count != 1)} "
            f"({units.listed([b.key for b in broken[nearest.letter]])}). Loosen a limit, or add models.",
            *_twins(comparison),
        ]
        return Advice(None, None, frozenset(), frozenset(), broken, "No model meets all of your limits.", reasons, out, [])
    best = fit[0]
    allowed = max(margin, limits.tolerance)
    peers = [one for one in fit if one is best or as_good(comparison, one, best, allowed)]
    beaten = [one for one in fit if one not in peers and comparison.beaten(one.letter, best.letter)]
    taken = cheapest(peers)
    found = Found(comparison, fit, best, peers, beaten, taken, allowed, limits.tolerance > margin)
    reasons = [*why(found), *_price_of_limits(comparison, taken, limits), *_twins(comparison)]
    letters, worse = (frozenset(one.letter for one in models) for models in (peers, beaten))
    return Advice(taken, best, letters, worse, broken, f"Take {taken.label}.", reasons, out, _wishes(fit, documents))


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
    lowest = min(models, key=_price)
    left = [one for one in models if one is lowest or not costs_less(lowest, one)]
    fastest = max(left, key=throughput)
    left = [one for one in left if not is_quicker(fastest.speed, one.speed)]
    return min(left, key=lambda one: (one.dimensions, -one.quality.value))


def _price(one: Contender) -> float:
    return float("inf") if one.price.usd_per_million is None else one.price.usd_per_million


def _twins(comparison: Comparison) -> list[str]:
    """Name the models that are another one under another name: they are not ranked against it."""
    named = {one.letter: one.label for one in comparison.contenders}
    return [f"{named[letter]}: the same weights as {first.label}, not ranked." for letter, first in comparison.twins.items()]


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
        quick, like = _first_of_equals(fit, min(waits, key=lambda found: found[0])[1], single=True)
        found.append(Wish("a quick answer to a single text", quick, units.millis(quick.timed("latency_p95_ms") or 0.0) + like))
        many, like = _first_of_equals(fit, max(fit, key=throughput), single=False)
        found.append(Wish("many texts a second", many, units.rate(throughput(many)) + like))
    small = min(fit, key=lambda one: one.dimensions)
    found.append(Wish("a small index", small, f"{units.size(small.index_bytes(documents))} for {documents:,} documents"))
    if priced:
        cheap = min(priced, key=_price)
        found.append(Wish("a low price", cheap, units.per_million(_price(cheap))))
    return found


def _first_of_equals(fit: Sequence[Contender], fastest: Contender, *, single: bool) -> tuple[Contender, str]:
    """Return the best of the models that are as fast as the fastest, as far as can be told, and who else is."""
    equals = [one for one in fit if one is fastest or not is_quicker(fastest.speed, one.speed, single=single)]
    others = [one.label for one in equals[1:]]
    return equals[0], f" (equally fast: {units.listed(others)})" if others else ""
