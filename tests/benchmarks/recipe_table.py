"""Tables of the recipe benchmark: the arms beside the base, and which arm the other data sets would have chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from tests.benchmarks.recipe_record import UNIT, Measured
from tests.benchmarks.workloads import BenchmarkError

FEWEST_ITEMS = 300
"""On smaller tests a change of some hundredths can hardly be told from none."""


FEWEST_SEEDS = 3
"""Of fewer the spread of training's luck cannot be told."""

HEADINGS = (
    "data", "metric", "test items", "base", "stock", "ours", "seeds", "ours − base", "items and seeds", "ours − stock",
    "minutes, stock and ours",
)  # fmt: skip


@dataclass(frozen=True)
class Seeds:
    """The runs of one arm on one data set.

    Attributes:
        runs: one a seed.
    """

    runs: Sequence[Measured]

    @property
    def mean(self) -> float:
        """Of the tuned models' metric."""
        return float(np.mean([run.tuned for run in self.runs]))

    @property
    def gain(self) -> float:
        """Over the base."""
        return self.mean - self.runs[0].base

    @property
    def dev_gain(self) -> float:
        """Over the base, on dev.

        Raises:
            BenchmarkError: a run had no dev split.
        """
        gains = [None if run.dev is None or run.dev_base is None else run.dev - run.dev_base for run in self.runs]
        if None in gains:
            raise BenchmarkError(f"a run on {self.runs[0].data} has no dev scores to choose by")
        return float(np.mean([gain for gain in gains if gain is not None]))

    @property
    def drawn(self) -> np.ndarray:
        """[RESAMPLES] the mean over the seeds on samples of the test items: all seeds of an item go together."""
        return np.mean([run.draws for run in self.runs], axis=0) / UNIT

    @property
    def minutes(self) -> float:
        """That a run took."""
        return float(np.mean([run.seconds for run in self.runs])) / 60


def with_seeds(first: Seeds) -> tuple[float, float] | None:
    """Return the 95% interval of the gain over the base that holds items and seeds; None where fewer than three were trained.

    What test items leave open and what training's luck leaves open are independent, so the arms of both intervals add up in
    squares: that of `compared`, and t(k - 1) s / sqrt(k) of the mean of k seeds with standard deviation s (Student, "The probable
    error of a mean", Biometrika 6(1), 1908; it assumes that runs scatter normally).
    """
    k = len(first.runs)
    if k < FEWEST_SEEDS:
        return None
    arm = float(stats.t.ppf(0.975, k - 1) * np.std([run.tuned for run in first.runs], ddof=1) / np.sqrt(k))
    gain, low, high = compared(first, None)
    return gain - float(np.hypot(gain - low, arm)), gain + float(np.hypot(high - gain, arm))


def by_data(lines: Sequence[Measured]) -> dict[str, dict[str, Seeds]]:
    """Runs by data set and arm.

    Raises:
        BenchmarkError: runs on one data set were judged on different items.
    """
    out: dict[str, dict[str, list[Measured]]] = {}
    for line in lines:
        out.setdefault(line.data, {}).setdefault(line.arm, []).append(line)
    for name, arms in out.items():
        if len({run.test_sha256 for runs in arms.values() for run in runs}) != 1:
            raise BenchmarkError(f"the runs on {name} were judged on different items")
    return {name: {arm: Seeds(runs) for arm, runs in arms.items()} for name, arms in out.items()}


def compared(first: Seeds, second: Seeds | None) -> tuple[float, float, float]:
    """first − second, the base where that is None, with its 95% interval."""
    base = np.array(first.runs[0].base_draws) / UNIT
    difference = first.gain if second is None else first.mean - second.mean
    low, high = np.percentile(first.drawn - (base if second is None else second.drawn), [2.5, 97.5])
    return difference, float(low), float(high)


def as_markdown(found: Mapping[str, Mapping[str, Seeds]]) -> str:
    """A row a data set, and what all of them together say."""
    out = [
        f"| {' | '.join(HEADINGS)} |",
        f"|{'---|' * len(HEADINGS)}",
    ]
    for name, arms in found.items():
        ours, stock = arms.get("ours"), arms.get("stock")
        if ours is None:
            continue
        one = ours.runs[0]
        seeds = (
            f"{len(ours.runs)}"
            if stock is None or len(stock.runs) == len(ours.runs)
            else f"{len(ours.runs)}, stock {len(stock.runs)}"
        )
        cells = [
            name,
            one.metric,
            f"{one.n:,}",
            f"{one.base:.3f}",
            "" if stock is None else f"{stock.mean:.3f}",
            f"{ours.mean:.3f}",
        ]
        both = with_seeds(ours)
        cells += [seeds, _change(*compared(ours, None)), "" if both is None else f"{both[0]:+.3f} to {both[1]:+.3f}"]
        cells.append("" if stock is None else _change(*compared(ours, stock)))
        cells.append(", ".join(f"{arm.minutes:.0f}" for arm in (stock, ours) if arm is not None))
        out.append(f"| {' | '.join(cells)} |")
    return "\n".join([*out, "", *summary(found)])


def summary(found: Mapping[str, Mapping[str, Seeds]]) -> list[str]:
    """What the rows say together."""
    both = [(arms["ours"], arms["stock"]) for arms in found.values() if {"ours", "stock"} <= set(arms)]
    large = [arms["ours"] for arms in found.values() if "ours" in arms and arms["ours"].runs[0].n >= FEWEST_ITEMS]
    above = sum(compared(ours, None)[1] > 0 for ours in large)
    worse = [run.data for arms in found.values() if "ours" in arms for run in arms["ours"].runs if run.verdict == "regressed"]
    which = f"{above} of {len(large)} data sets of {FEWEST_ITEMS} test items or more"
    out = [f"Ours is above the base, with the interval above 0, on {which}."]
    if both:
        out.append(
            f"Ours − stock, mean of {len(both)} data sets: {np.mean([ours.mean - stock.mean for ours, stock in both]):+.3f}."
        )
    out.append(f"Runs with the verdict *regressed*: {', '.join(worse) or 'none'}.")
    return out


def left_out(found: Mapping[str, Mapping[str, Seeds]]) -> str:
    """Of each data set, what the arm gains there that gained most on dev of all others.

    Raises:
        BenchmarkError: an arm was not run on every data set, or without dev.
    """
    arms = list(next(iter(found.values())))
    if any(set(of) != set(arms) for of in found.values()):
        raise BenchmarkError("leaving one out needs every arm on every data set")
    gains = {name: {arm: of[arm].dev_gain for arm in arms} for name, of in found.items()}
    out = [f"| left out | {' | '.join(arms)} | chosen on the others | its gain |", f"|{'---|' * (len(arms) + 3)}"]
    for name, own in found.items():
        others = {arm: float(np.mean([of[arm] for other, of in gains.items() if other != name])) for arm in arms}
        chosen = max(arms, key=lambda arm: others[arm])
        out.append(f"| {' | '.join([name, *(f'{own[arm].gain:+.3f}' for arm in arms), chosen, f'{own[chosen].gain:+.3f}'])} |")
    return "\n".join(out)


def _change(value: float, low: float, high: float) -> str:
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"
