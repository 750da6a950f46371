"""What is measured of two sides: a statistic for every permutation, and a check in words.

Shapes: N texts of both sides, of which m are the window's and n the reference's, B permutations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from train.watch import classifier, mmd, novelty, shifts
from train.watch.checks import SIGNIFICANCE, CanaryResult, Check, Effect
from train.watch.permute import Labels
from train.watch.sample import Bools, Floats, Sample

SHARE_TO_LOOK_AT, SHARE_OF_ALARM = 0.05, 0.10
"""Least shares of texts of another kind. No figure of the verdict on the model speaks of them, so where the model fails on all of
them, its average falls by that share: 5% is the size of a gain that people fine-tune for, and 10% is beyond most."""

NEARLY_ALL = 0.95
"""Share from which on texts of another kind are said to be nearly all: it is a lower bound."""

CHANCE = Effect(0.5 + SHARE_TO_LOOK_AT / 2, 0.5 + SHARE_OF_ALARM / 2)
"""Least areas under the curve: a share f of texts beyond all others gives 0.5 + f / 2."""


@dataclass(frozen=True, eq=False)
class Compared:
    """Both sides, and which texts count as the window's in every permutation."""

    texts: Sample
    in_window: Bools
    labels: Labels

    @cached_property
    def scaled(self) -> Floats:
        """Return [N, D] vectors whose mean length is 1, so that figures do not depend on how a model scales them."""
        length = float(np.linalg.norm(self.texts.vectors, axis=1).mean())
        return np.asarray(self.texts.vectors / (length or 1.0))

    @cached_property
    def squared(self) -> Floats:
        """Return [N, N] squared distances."""
        return mmd.squared_distances(self.scaled)

    @cached_property
    def kernel(self) -> Floats:
        """Return [N, N] the Gaussian kernel."""
        return mmd.gaussian_kernel(self.squared)

    @cached_property
    def neighbours(self) -> novelty.Neighbours:
        """Return the neighbours of every text."""
        return novelty.Neighbours(self.squared, float((~self.in_window).mean()))

    @cached_property
    def features(self) -> Floats:
        """Return [N, P] what the classifier sees."""
        return classifier.components(self.scaled)

    @cached_property
    def scores(self) -> Floats:
        """Return [1 + B, N] how much the classifier takes each text for the window's."""
        return classifier.scores(self.features, self.labels)

    @cached_property
    def far(self) -> tuple[int, int, int, int]:
        """Return far texts of the window and all, far texts of the reference and all."""
        k, j = novelty.far_counts(self.neighbours.nearest(self.in_window), self.in_window)
        m = int(self.in_window.sum())
        return k, m, j, len(self.in_window) - m

    def foreign(self) -> tuple[float, tuple[float, float]]:
        """Return the least share of foreign texts, with its interval."""
        return novelty.foreign_share(*self.far)

    def sides(self, values: Floats) -> tuple[Floats, Floats]:
        """Return values of the window's texts and of the reference's."""
        return values[self.in_window], values[~self.in_window]


@dataclass(frozen=True)
class Measure:
    """One thing that is measured.

    Attributes:
        name: of the check.
        can_tell: whether there is anything to measure.
        statistic: [1 + B] large where the sides differ; row 0 is the truth.
        check: the check, from its own p and the one corrected for all checks.
        why_silent: the sentence where it cannot tell.
    """

    name: str
    can_tell: Callable[[Compared], bool]
    statistic: Callable[[Compared], Floats]
    check: Callable[[Compared, float, float], Check]
    why_silent: str

    def silent(self, compared: Compared) -> Check:
        """Return the check that says nothing."""
        return Check(self.name, "quiet", self.why_silent, told=False)


def _vary(compared: Compared) -> bool:
    return bool(compared.features.shape[1])


# --- the vectors


def _area_of_classifier(compared: Compared) -> Floats:
    return classifier.areas(compared.scores, compared.labels)


def _classifier(compared: Compared, alone: float, p: float) -> Check:
    area = float(classifier.areas(compared.scores[:1], compared.labels)[0])
    interval = classifier.interval(compared.scores[0], compared.labels)
    if p > SIGNIFICANCE:
        sentence = f"New texts cannot be told from those of the reference by their meaning (AUC {area:.2f}; .50 is guessing)."
        if interval[1] < 0.5:  # a classifier that has seen a text on one side takes its twin on the other for that side's
            sentence = sentence[:-2] + ", and less comes of texts that are on both sides)."
    else:
        sentence = (
            f"New texts can be told from those of the reference by their meaning: of a new and a known one, the new one is "
            f"recognised {area:.0%} of the time (50% is guessing)."
        )
    return _judged("classifier", area, interval, alone, p, CHANCE, sentence)


def _mmd2(compared: Compared) -> Floats:
    return mmd.mmd2(compared.kernel, compared.labels.drawn)


def _mmd(compared: Compared, alone: float, p: float) -> Check:
    spread = mmd.spread(compared.kernel, compared.in_window)
    value = float(mmd.mmd2(compared.kernel, compared.labels.drawn[:1])[0])
    figure = float(np.sqrt(max(0.0, value)) / spread) if spread else 0.0
    told = f"by {figure:.2f} of the spread of the reference (MMD² {value:.5f})"
    sentence = (
        f"The mix of what texts are about has not moved beyond chance ({told})."
        if p > SIGNIFICANCE
        else f"The mix of what texts are about has moved {told}."
    )
    # a share f of texts that lie one standard deviation off moves the mean by f of it
    return _judged("mmd", figure, None, alone, p, Effect(SHARE_TO_LOOK_AT, SHARE_OF_ALARM), sentence)


def _far_shares(compared: Compared) -> Floats:
    return novelty.far_shares(compared.neighbours, compared.labels.drawn)


def _novelty(compared: Compared, alone: float, p: float) -> Check:
    share, interval = compared.foreign()
    k, m, *_ = compared.far
    told = f"{k} of {m} are farther from every known text than 95% of the known ones are from each other"
    effect = Effect(SHARE_TO_LOOK_AT, SHARE_OF_ALARM)
    some = "Nearly all" if share >= NEARLY_ALL else f"At least {share:.0%}"
    if p > SIGNIFICANCE:
        sentence = f"No more texts than chance has are of a new kind ({told})."
    elif effect.level(share) == "quiet":
        sentence = f"A few more texts than chance has are of a new kind ({told})."
    else:
        sentence = f"{some} of the new texts are of a kind that the reference does not have ({told})."
    return _judged("novelty", share, interval, alone, p, effect, sentence)


# --- figures that every text has


def _ordinal(
    name: str,
    values: Callable[[Compared], Floats],
    words: Callable[[Floats, Floats, bool], str],
    effect: Effect,
    side: Literal["both", "more"],
    why_silent: str,
) -> Measure:
    """Return the measure of a figure that every text has: the chance that a new text's is larger than a known one's."""

    def usable(compared: Compared) -> bool:
        found = values(compared)
        return bool(np.isfinite(found).all() and np.ptp(found) > 0)

    def statistic(compared: Compared) -> Floats:
        shift = shifts.chance_larger(values(compared), compared.labels.drawn) - 0.5
        return np.asarray(abs(shift) if side == "both" else shift)

    def check(compared: Compared, alone: float, p: float) -> Check:
        above, beneath = shifts.placements(values(compared), compared.in_window)
        area, interval = float(above.mean()), shifts.interval_of_chance(above, beneath)
        moved = p <= SIGNIFICANCE
        sentence = words(*compared.sides(values(compared)), moved)
        return _judged(name, area, interval, alone, p, effect, sentence, max(area, 1 - area) if side == "both" else area)

    return Measure(name, usable, statistic, check, why_silent)


def _similarity_words(window: Floats, reference: Floats, moved: bool) -> str:
    delta, (low, high) = shifts.difference_of_means(window, reference)
    means = f"{window.mean():.3f} on average, in the reference {reference.mean():.3f}"
    now = f"{means}: {delta:+.3f}, interval {low:+.3f} to {high:+.3f}"
    if not moved:
        return f"The nearest documents are as similar to the texts as before ({now})."
    return f"The nearest documents are {'less' if delta < 0 else 'more'} similar to the texts than they were ({now})."


def _length_words(window: Floats, reference: Floats, moved: bool) -> str:
    now = f"{np.median(window):.0f} tokens in the middle, in the reference {np.median(reference):.0f}"
    longer = "longer" if window.mean() > reference.mean() else "shorter"
    return f"Texts are {longer} than they were ({now})." if moved else f"Texts are as long as before ({now})."


def _unknown_words(window: Floats, reference: Floats, moved: bool) -> str:
    now = f"{window.mean():.1%} of tokens, in the reference {reference.mean():.1%}"
    if not moved:
        return f"Words that the tokenizer does not know are no more frequent ({now})."
    return f"Words that the tokenizer does not know are more frequent ({now}): perhaps another language or alphabet."


def _cut_words(window: Floats, reference: Floats, moved: bool) -> str:
    k, m, j, n = int(window.sum()), len(window), int(reference.sum()), len(reference)
    _, (low, high) = shifts.difference_of_shares(k, m, j, n)
    now = f"{k} of {m}, in the reference {j} of {n}; difference {low:+.1%} to {high:+.1%}"
    if not moved:
        return f"No more texts are cut than before ({now})."
    return f"More texts are longer than the model reads, and their ends are ignored ({now})."


MEASURES: tuple[Measure, ...] = (
    Measure("classifier", _vary, _area_of_classifier, _classifier, "All vectors are the same: there is nothing to tell apart."),
    Measure("mmd", _vary, _mmd2, _mmd, "All vectors are the same: there is nothing to tell apart."),
    Measure("novelty", _vary, _far_shares, _novelty, "All vectors are the same: none can be far from the others."),
    _ordinal(
        "similarity",
        lambda c: c.texts.top1.astype(np.float64),
        _similarity_words,
        CHANCE,
        "both",
        "The similarity to the nearest document is not known for every text, or is the same for all.",
    ),
    _ordinal(
        "length",
        lambda c: c.texts.lengths.astype(np.float64),
        _length_words,
        Effect(CHANCE.look, None),  # a longer text is not a worse one; what is cut has its own check
        "both",
        "All texts have the same length.",
    ),
    _ordinal(
        "unknown",
        lambda c: c.texts.unknown.astype(np.float64),
        _unknown_words,
        CHANCE,
        "more",
        "The tokenizer knows all words of all texts, or is equally at a loss with each.",
    ),
    _ordinal(
        "cut",
        lambda c: c.texts.cut.astype(np.float64),
        _cut_words,
        CHANCE,
        "more",
        "No text is cut, or all are.",
    ),
)
"""All that is measured of the texts; `alarm` adds the canaries and the index."""


def canary_check(canaries: CanaryResult, p: float) -> Check:
    """Return the check of the canaries; `p` is corrected for all checks."""
    gone = f" {len(canaries.gone)} more have lost their document from the index." if canaries.gone else ""
    if not canaries.asked:
        return Check(
            "canaries", "quiet", f"No canary has its document in the index any more.{gone}", told=False, named=canaries.gone
        )
    now = f"{len(canaries.moved)} of {canaries.asked} canaries no longer find their document first"
    tolerated = f"{canaries.tolerated:.0%} may do so in an index that lives"
    if not canaries.moved:
        whose = f"All {canaries.asked} canaries" if not gone else f"All {canaries.asked} canaries that still have it"
        sentence = f"{whose} find their document first.{gone}"
    elif p > SIGNIFICANCE:
        sentence = f"{now}, which is within what chance allows ({tolerated}).{gone}"
    else:
        sentence = f"{now} ({tolerated}): the index, or what encodes the queries, has changed.{gone}"
    effect = Effect(canaries.tolerated, SHARE_OF_ALARM)
    found = _judged("canaries", canaries.share, canaries.interval(), canaries.p_value(), p, effect, sentence)
    return Check(**{**vars(found), "named": canaries.moved})


def _judged(
    name: str,
    figure: float,
    interval: tuple[float, float] | None,
    alone: float,
    p: float,
    effect: Effect,
    sentence: str,
    size: float | None = None,
) -> Check:
    """Return a check; its level follows from p and from the figure, or from `size` where the figure has two directions."""
    level = effect.level(figure if size is None else size) if p <= SIGNIFICANCE else "quiet"
    if p <= SIGNIFICANCE and level == "quiet":
        sentence += " That is beyond chance, but too little to matter."
    return Check(name, level, sentence, figure, interval, p, alone, (effect.look, effect.alarm))
