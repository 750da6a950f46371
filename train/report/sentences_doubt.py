"""What a result leaves open, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from train.evaluate.results import DatasetResult
from train.evaluate.verdict import FEWEST
from train.wording import WITHOUT_LOSING, change, counted, fraction, things

WIDE = 0.02
"""An interval that reaches further than this from the seen difference leaves open what matters."""


def why_not(result: DatasetResult, items: tuple[float, float] | None = None) -> str:
    """Return why there is no evidence on a data set, and what would settle it.

    Args:
        result: on it, or what several models of such training show of it.
        items: the interval of the items alone, where that of the result holds the luck of training, too.
    """
    if result.kept_base:
        losing = WITHOUT_LOSING if result.passed_over else ""
        return f"The base itself was judged: nothing that training produced was better on dev{losing}."
    if result.verdict != "no_evidence" and result.p_run is not None:
        word = "better" if result.verdict == "improved" else "worse"
        among = f"among all tests of the run p = {result.p_run:.3f}"
        return f"By itself it would count as {word} (p = {result.p_value:.3f}); {among}."
    return _too_little(result, items or result.ci95) or _too_small(result)


def _too_little(result: DatasetResult, items: tuple[float, float]) -> str | None:
    """Say what is known although little changed; None where more queries are what it takes."""
    low, high = result.ci95
    independent = result.groups or result.n
    if items == (0, 0):
        # nothing seen is nothing resampled; the rule of three (Hanley and Lippman-Hand 1983) says what may still change
        share = f"up to {_share(independent)} of such {things(result.kind)}"
        return f"None of them changed, which does not rule out a change in {share}."
    # what few items do not show may be as large as the rule of three allows, however narrow the interval
    narrow, far = max(high - result.delta, result.delta - low) <= WIDE, max(abs(low), abs(high))
    open_ = result.not_worse is False and result.margin is not None and far < result.margin
    if independent * WIDE >= 3 and narrow and not open_:
        return f"A difference beyond {fraction(far)} either way is unlikely."
    if independent >= FEWEST and not low <= 0 <= high:
        few = f"Too few {things(result.kind)} changed to settle it"
        return (
            f"{few}: were the signs of their changes drawn at random, a difference like this would have p = {result.p_value:.2f}."
        )
    return None


def _too_small(result: DatasetResult) -> str:
    sizes = sorted({0.05 if result.margin is None else result.margin, 0.05})
    known = {one.difference: one.to_show for one in result.needed if one.difference in sizes}
    hopeless = [size for size, count in known.items() if count is None]
    asked = [(size, count) for size, count in known.items() if count is not None and count > result.n]
    told = ["The test set is too small to settle it."] if not hopeless else []
    if asked:
        first, *others = (f"a difference of {size:g} takes about {_many(count, result)}" for size, count in asked)
        told = [f"The test set is too small to settle it: {' and '.join([f'to show {first}', *others])}."]
    if hopeless:
        none = f"No number of {things(result.kind)} would show a difference of {max(hopeless):g}"
        more = "More seeds make it smaller, or better known (training.seeds)"
        told.append(f"{none}, as the luck of training does not shrink with it. {more}.")
    return " ".join(told)


def margin_sentence(result: DatasetResult) -> str:
    """Say whether a loss of the margin is ruled out, with the bound that decides; nothing where the model is better."""
    if result.low95 is None or result.margin is None or result.kept_base or result.settled == "improved":
        return ""
    bound = f"lower one-sided 95% bound {change(result.low95)}"
    if result.not_worse:
        return f" It is not worse by {result.margin:g} or more ({bound})."
    # the interval, which rules it out, holds nothing but what was seen
    more = ", which allows for losses too rare to be in this test" if result.ci95[0] > -result.margin else ""
    enough = next((one.to_show_not_worse for one in result.needed if one.difference == result.margin), None)
    if result.settled == "no_evidence" and enough:
        more += f"; of an equal model, about {_many(enough, result)} would show it"
    return f" A loss of {result.margin:g} is not ruled out ({bound}{more})."


def rare_losses(result: DatasetResult) -> str:
    """Say of an improvement which losses too few items were judged to hold: a share of 3 / n of such items is missed entirely by
    one test in twenty, and one that is lost wholly may cost more than the margin."""
    independent = result.groups or result.n
    if result.settled != "improved" or result.margin is None or independent * result.margin >= 3:
        return ""
    one = "pair" if result.kind == "scored" else "query"
    return (
        f" With {counted(result.n, result.kind, result.groups)}, a kind of {one} that makes up less than about"
        f" {_share(independent)} may be missing from the test, and a loss on it would not show."
    )


def independence(results: Sequence[DatasetResult]) -> list[str]:
    """Return the one thing that no figure shows, for the page, where the user named no groups: that items may have more in common
    than their texts. What it costs stands in docs/runs.md."""
    apart = [result for result in results if result.unit in ("item", "text") and not result.kept_base]
    if not apart:
        return []
    one = things(apart[0].kind).capitalize()
    return [
        f"{one} are taken to be independent; if several come from one source (a page, a person), name its column:"
        " data.columns.group=COLUMN."
    ]


def _share(independent: int) -> str:
    """Return 3 / n as a share, never as 0%."""
    share = min(1.0, 3 / independent)
    return f"{share:.0%}" if share >= 0.01 else f"{100 * share:.1g}%"


def _many(count: int, result: DatasetResult) -> str:
    groups = None if result.groups is None else rounded(math.ceil(count / result.n * result.groups))
    return counted(rounded(count), result.kind, groups)


def rounded(count: int) -> int:
    """Round up to two significant digits: the estimate is no better than that."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return math.ceil(count / unit) * unit
