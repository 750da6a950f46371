"""From which similarity on a match is taken for one: chosen on dev, and what it is worth on test.

An item is one decision: the first document of a query, or a pair of sentences. Those whose similarity reaches the threshold are
*taken*. The threshold is the lowest one with which precision on dev, counted with one mistake more than there was, is at least
what was asked for. The lowest of many that pass is partly the luckiest; the one mistake more corrects for what that gains on
average, and it says how many items a precision takes: 19 taken without a mistake for 0.95 (the same `+ 1` bounds the risk in
Angelopoulos et al., "Conformal risk control", arXiv:2208.02814, and the false discoveries in Barber and Candès, "Controlling the
false discovery rate via knockoffs", Annals of Statistics 43(5), 2015). Dev has had its say then; precision is reported on test.

Precision depends on the share of true matches among all items. At another share s it is, by Bayes' rule,

    s · TPR / (s · TPR + (1 - s) · FPR)

where TPR is the share of right items that are taken and FPR that of wrong ones, neither of which depends on s (Axelsson, "The
base-rate fallacy and the difficulty of intrusion detection", ACM TISSEC 3(3), 2000).

Intervals are those of Clopper and Pearson ("The use of confidence or fiducial limits illustrated in the case of the binomial",
Biometrika 26(4), 1934). Where items belong together they are computed for the number of independent items that leaves as much
doubt (Korn and Graubard, "Confidence intervals for proportions with small expected number of positive counts estimated from
survey data", Survey Methodology 24(2), 1998), never for more than there are.

n items.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from train.evaluate.score import Scores
from train.evaluate.shared_texts import units_of
from train.evaluate.tasks import RetrievalTask, Task
from train.evaluate.units import Units

FEWEST = 10
"""Items that must be taken for a statement on precision, on dev as on test, and right ones that test must have."""

LEVEL = 0.95
"""Of the intervals."""

_EXACT = 1e-12
"""Rounding errors of a share."""


@dataclass(frozen=True)
class Decisions:
    """What is decided by a threshold.

    Attributes:
        similarities: [n] float64, multiples of 1e-6.
        right: [n] bool, whether taking the item would be right.
        groups: [n] int, items that belong together; None where each stands alone.
    """

    similarities: np.ndarray
    right: np.ndarray
    groups: np.ndarray | None = None


def decisions_of(task: Task, scores: Scores, match_from: float = 0.5) -> Decisions:
    """Return the decisions on a task.

    Of a search each query is one: its first document, which is right where it was judged relevant; one that nobody judged is
    wrong. Of scored pairs each pair is one, and right where its gold score reaches `match_from`.

    Args:
        task: what was judged.
        scores: a model's on it.
        match_from: in 0..1.

    Raises:
        ValueError: the scores hold no similarities.
    """
    groups = _groups(units_of(task))
    if isinstance(task, RetrievalTask):
        if scores.top_scores is None:
            raise ValueError(f"the scores on {task.name} hold no similarities")
        # the query's own document stands last, so that it is first only where there is no other
        first = [next(iter(ids), None) for ids in scores.top_ids]
        right = [task.qrels[query].get(str(one), 0) > 0 for query, one in zip(task.query_ids, first, strict=True)]
        return Decisions(np.asarray(scores.top_scores[:, 0], dtype=float), np.array(right, dtype=bool), groups)
    if scores.similarities is None:
        raise ValueError(f"the scores on {task.name} hold no similarities")
    return Decisions(np.asarray(scores.similarities), np.asarray(task.scores) >= match_from - _EXACT, groups)


@dataclass(frozen=True)
class Chosen:
    """The threshold that dev gives, or what it would allow.

    Attributes:
        threshold: None where no similarity reaches the precision.
        most: the highest precision on dev with at least `FEWEST` items taken; None where there are fewer.
        most_taken: items taken there.
        too_few: whether dev could not reach the precision even without a mistake.
    """

    threshold: float | None
    most: float | None = None
    most_taken: int = 0
    too_few: bool = False


def choose_threshold(dev: Decisions, precision: float, share: float | None = None) -> Chosen:
    """Choose the lowest threshold whose precision, with one mistake more than there was, is at least `precision`.

    Args:
        dev: the decisions to choose by.
        precision: above 0 and below 1.
        share: of right ones among all items where the threshold will be used; None for that of dev.
    """
    order = np.argsort(-dev.similarities, kind="stable")
    values, right = dev.similarities[order], np.cumsum(dev.right[order])
    ends = np.flatnonzero(np.append(values[1:] != values[:-1], True))  # equal similarities are taken together or not at all
    taken, good = ends + 1, right[ends]
    all_right, all_wrong = int(dev.right.sum()), int((~dev.right).sum())

    def precisions(more: int) -> np.ndarray:
        mistakes = taken - good + more
        if share is None:
            return np.asarray(good / (good + mistakes))
        return np.asarray(at_share(good / max(all_right, 1), mistakes / max(all_wrong + more, 1), share))

    enough = taken >= FEWEST
    passes = np.flatnonzero(enough & (precisions(1) >= precision - _EXACT))
    if len(passes):
        at = int(passes[-1])
        below = float(values[ends[at + 1]]) if at + 1 < len(ends) else None
        return Chosen(_between(below, float(values[ends[at]])))
    if not enough.any():
        return Chosen(None, too_few=True)
    plain = np.where(enough, precisions(0), -1.0)
    most = int(np.flatnonzero(plain == plain.max())[-1])
    without_mistake = all_right / (all_right + 1) if share is None else at_share(1.0, 1 / (all_wrong + 1), share)
    return Chosen(None, float(plain[most]), int(taken[most]), too_few=bool(without_mistake < precision - _EXACT))


def at_share(found: np.ndarray | float, mistaken: np.ndarray | float, share: float) -> np.ndarray | float:
    """Return the precision where a share of all items is right, from the shares of right and of wrong ones that are taken."""
    true, false = share * np.asarray(found), (1 - share) * np.asarray(mistaken)
    with np.errstate(invalid="ignore"):
        return np.where(true + false > 0, true / (true + false), 0.0)


def _between(below: float | None, lowest: float) -> float:
    """Return a threshold with few digits that takes `lowest` and not `below`."""
    if below is None:
        return lowest
    for digits in range(2, 7):
        middle = round((below + lowest) / 2, digits)
        if below < middle <= lowest:
            return middle
    return lowest


@dataclass(frozen=True)
class Rate:
    """A share of n items, with its 95% interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Figures:
    """What a threshold is worth on some items.

    Attributes:
        n: items.
        units: of these that are independent: groups, or the items themselves.
        right: items that are right to take.
        taken: items that are taken.
        taken_right: both.
        precision: share of right ones among those taken; None where fewer than `FEWEST` are taken or right.
        coverage: share of all items that are taken.
        found: share of the right ones that are taken (recall); None where there are none.
        mistaken: share of the wrong ones that are taken; None where there are none.
    """

    n: int
    units: int
    right: int
    taken: int
    taken_right: int
    precision: Rate | None
    coverage: Rate
    found: Rate | None
    mistaken: Rate | None

    @property
    def share(self) -> float:
        """Share of right ones among all items."""
        return self.right / self.n


def figures_at(items: Decisions, threshold: float) -> Figures:
    """Return what a threshold is worth on items that had no part in its choice."""
    taken = items.similarities >= threshold
    right, groups = items.right, items.groups
    enough = taken.sum() >= FEWEST and right.sum() >= FEWEST
    return Figures(
        n=len(taken),
        units=len(taken) if groups is None else len(np.unique(groups)),
        right=int(right.sum()),
        taken=int(taken.sum()),
        taken_right=int((taken & right).sum()),
        precision=_rate(right, taken, groups) if enough else None,
        coverage=rate(taken, groups),
        found=_rate(taken, right, groups) if right.any() else None,
        mistaken=_rate(taken, ~right, groups) if not right.all() else None,
    )


def precision_at(items: Decisions, threshold: float, share: float) -> Rate | None:
    """Return the precision where another share of all items is right; None where these items cannot tell.

    The interval holds those of both rates, each at half the doubt, so that it covers in 95% of samples or more.

    Args:
        items: that had no part in the choice of the threshold.
        threshold: from which on they are taken.
        share: above 0 and below 1.
    """
    taken, right = items.similarities >= threshold, items.right
    if min(right.sum(), (~right).sum(), taken.sum()) < FEWEST:
        return None
    level = 1 - (1 - LEVEL) / 2
    found, mistaken = _rate(taken, right, items.groups, level), _rate(taken, ~right, items.groups, level)
    pairs = ((found.value, mistaken.value), (found.low, mistaken.high), (found.high, mistaken.low))
    value, low, high = (float(at_share(one, other, share)) for one, other in pairs)
    return Rate(value, low, high, int(taken.sum()))


def _rate(hits: np.ndarray, among: np.ndarray, groups: np.ndarray | None, level: float = LEVEL) -> Rate:
    return rate(hits[among], None if groups is None else groups[among], level)


def rate(hits: np.ndarray, groups: np.ndarray | None = None, level: float = LEVEL) -> Rate:
    """Return the share of [n] bool that are true with its interval; items of a group are no independent witnesses."""
    n, value = len(hits), float(np.mean(hits))
    independent = float(n) if groups is None else _independent(hits, groups)
    true, false = value * independent, (1 - value) * independent
    tail = (1 - level) / 2
    low = float(special.betaincinv(true, false + 1, tail)) if true > 0 else 0.0
    high = float(special.betaincinv(true + 1, false, 1 - tail)) if false > 0 else 1.0
    return Rate(value, low, high, n)


def _independent(hits: np.ndarray, groups: np.ndarray) -> float:
    """Return how many independent items would leave as much doubt about the share of `hits`, at most n."""
    n, value = len(hits), float(np.mean(hits))
    numbers = np.unique(groups, return_inverse=True)[1]
    count = int(numbers.max()) + 1
    if count == n:
        return float(n)
    if count < 2:
        return 1.0
    if value in (0.0, 1.0):  # nothing varies, so nothing shows how much the items of a group agree
        return float(count)
    sums = np.bincount(numbers, weights=hits - value)
    effect = count / (count - 1) * float(np.square(sums).sum()) / (n * value * (1 - value))
    fewer = (special.stdtrit(n - 1, 0.975) / special.stdtrit(count - 1, 0.975)) ** 2
    return min(float(n), n / max(effect, _EXACT) * float(fewer))


def _groups(units: Units) -> np.ndarray | None:
    """Return [n] the groups of the user, or those that share a text, where these are units to reckon with."""
    return units.groups if units.texts is None or units.resampled_apart is not None else units.texts
