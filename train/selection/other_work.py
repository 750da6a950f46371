"""The say of other work in which weights are shipped: where dev cannot tell two shares apart, less loss elsewhere decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from train.selection.interpolation import Winner

LEAST = 0.002
"""Loss elsewhere from which on other work has a say. Over the half of the packaged panel that chooses, some 320 items in three
parts, the mean is good to about 0.006 (a standard deviation of 0.1 an item, see `score_log.SPREAD`)."""


@dataclass(frozen=True)
class OtherWork:
    """What has a say where dev cannot tell two shares apart.

    Attributes:
        judge: scores the present weights on other work.
        base: the base's score there.
        noise: standard error of a difference of two shares on dev.
    """

    judge: Callable[[], float]
    base: float
    noise: float


def lose_least(winner: Winner, elsewhere: OtherWork, use: Callable[[float], None]) -> Winner:
    """Return what is taken where other work has a say: the choice of dev, unless it loses there and weights that dev cannot tell
    from it lose less.

    Only smaller shares, which keep more of the base, are looked at: better than it on dev, and at most one standard error below
    the best. The weights of what is taken are in the model afterwards.

    Args:
        winner: the choice of dev, whose weights are in the model.
        elsewhere: other work.
        use: puts the weights of a share into the model.
    """
    dev = dict(winner.tried)
    if not winner.share > 0 or 0.0 not in dev:
        return winner
    seen = {0.0: elsewhere.base, winner.share: elsewhere.judge()}
    if elsewhere.base - seen[winner.share] < LEAST:
        return replace(winner, elsewhere=tuple(sorted(seen.items())))
    for share, value in winner.tried:
        able = 0 < share < winner.share and share not in winner.losing and value > dev[0.0]
        if able and dev[winner.share] - value <= elsewhere.noise:
            use(share)
            seen[share] = elsewhere.judge()
    best = max((value, share) for share, value in seen.items() if share)[1]
    use(best)
    told = tuple(sorted(seen.items()))
    if best == winner.share:
        return replace(winner, elsewhere=told)
    datasets = winner.shares.get(best, {})
    return replace(winner, share=best, dev=dev[best], elsewhere=told, dev_choice=winner.share, datasets=datasets)
