"""How much of the training each of several data sets gets.

An epoch has as many batches as the recipe gives all data sets together; their shares of it follow from these numbers, a
temperature and their weights. A data set with a larger share than its size gives it is gone through more than once an epoch, one
with a smaller share continues in the next epoch where it stopped in this one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from train.fit.batches.samplers import ShuffledBatchSampler


class DosedBatchSampler(ShuffledBatchSampler):
    """So many batches of a data set an epoch, whatever the number of its own: its passes follow one another.

    Args:
        sampler: of the data set.
        batches: an epoch, at least 1.
    """

    def __init__(self, sampler: ShuffledBatchSampler, batches: int) -> None:
        super().__init__(sampler.rows, sampler.batch_size, sampler.seed)
        self.passes, self.batches = sampler, batches

    def __len__(self) -> int:
        """Return the number of batches an epoch, the same in every epoch."""
        return self.batches

    def plan(self) -> list[list[int]]:
        """Return the batches of this epoch. They follow from seed and epoch alone, so a resumed run continues with the same
        ones."""
        found: list[list[int]] = []
        passed, skipped = divmod(self.epoch * self.batches, len(self.passes))
        while len(found) < self.batches:
            self.passes.set_epoch(passed)
            found += self.passes.plan()[skipped : skipped + self.batches - len(found)]
            passed, skipped = passed + 1, 0
        return found

    @property
    def size_in_words(self) -> str:
        """See `ShuffledBatchSampler.size_in_words`."""
        return self.passes.size_in_words

    def share(self, batch: list[int], rank: int, processes: int) -> list[int]:
        """See `ShuffledBatchSampler.share`."""
        return self.passes.share(batch, rank, processes)


def deal(batches: Mapping[str, int], weights: Mapping[str, float], temperature: float) -> dict[str, int]:
    """Deal each data set its batches an epoch, at least one, and as many together as before (unless they were fewer than data
    sets).

    The share of a data set is proportional to weight · batches ** (1 / temperature): at 1 sizes decide, the higher the
    temperature, the more equal the shares (as languages are mixed for mT5, arXiv:2010.11934; its alpha is 1 / temperature).

    Args:
        batches: an epoch of each by itself, by data set name.
        weights: by data set name, above 0.
        temperature: at least 1.
    """
    total = sum(batches.values())
    logs = {name: math.log(weights[name]) + math.log(count) / temperature for name, count in batches.items()}
    highest = max(logs.values())  # exp of what is far apart would overflow
    parts = {name: math.exp(value - highest) for name, value in logs.items()}
    exact = {name: part / sum(parts.values()) * total for name, part in parts.items()}
    dealt = {name: int(count) for name, count in exact.items()}
    by_remainder = sorted(exact, key=lambda name: dealt[name] - exact[name])
    for name in by_remainder[: total - sum(dealt.values())]:
        dealt[name] += 1
    for name in [name for name, count in dealt.items() if count == 0]:
        largest = max(dealt, key=lambda one: dealt[one])
        dealt[largest] -= dealt[largest] > 1
        dealt[name] = 1
    return dealt


def mix(
    samplers: Mapping[str, ShuffledBatchSampler], batches: Mapping[str, int], weights: Mapping[str, float], temperature: float
) -> dict[str, ShuffledBatchSampler]:
    """Take each data set's share of an epoch; the sampler as it is where that is one pass.

    Args:
        samplers: by data set name.
        batches: per epoch of each by itself; see `Recipe`.
        weights, temperature: see `deal`.
    """
    dealt = deal(batches, weights, temperature)
    return {
        name: sampler if dealt[name] == len(sampler) else DosedBatchSampler(sampler, dealt[name])
        for name, sampler in samplers.items()
    }
