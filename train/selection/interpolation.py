"""What a run ships: the best on dev of its checkpoints, of weights between the best of them and the base, and of the base itself.

Weights between two models that share their beginning are a model, too, and often a better one away from the training data
(WiSE-FT, Wortsman et al., arXiv:2109.01903): base + share · (checkpoint − base).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from train.evaluate.results import BaseContract
from train.fit.recipe import CEILING
from train.runs.records import ScoreLine

SHARES = (0.25, 0.5, 0.75, 0.9)
"""Shares of the way from the base to the checkpoint that are tried beside the whole way."""

LARGEST = 1_000_000_000
"""Models of more weights are not interpolated, which needs three copies of them in memory."""


@dataclass(frozen=True)
class Winner:
    """The model that is judged on test and exported.

    Attributes:
        step: optimiser step of the best checkpoint.
        share: of the way from the base to it: 1 is the checkpoint, 0 the base.
        dev: its score on dev; None where there is no dev split.
        tried: dev score of each share, ascending; empty where only checkpoints were compared.
        as_shipped: whether the base is kept under the contract of its own files, which is better on dev than the run's.
        seed: of the training that made it, where several were trained and it is not the run's own.
        elsewhere: mean score on the half of the panel that chooses, of each share that was judged there, and of the base (0).
        dev_choice: the share that is the best on dev, where another one was taken since it loses less elsewhere.
        lost: whether dev would have kept the base, in a run that judges what training makes and not what would be shipped.
        withheld: whether the base is shipped instead, since the gain of what was judged is unproven.
        losing: shares that were not taken since the base is better on documents that train did not teach.
        datasets: its score on the dev split of each data set, by name; empty where that is not known.
        shares: those of the shares that were tried between base and checkpoint.
    """

    step: int
    share: float = 1.0
    dev: float | None = None
    tried: tuple[tuple[float, float], ...] = ()
    as_shipped: bool = False
    lost: bool = False
    withheld: bool = False
    losing: tuple[float, ...] = ()
    datasets: Mapping[str, float] = field(default_factory=dict, compare=False)
    seed: int | None = None
    elsewhere: tuple[tuple[float, float], ...] = ()
    dev_choice: float | None = None
    shares: Mapping[float, Mapping[str, float]] = field(default_factory=dict, compare=False)

    def is_base_of(self, contracts: Sequence[BaseContract]) -> bool:
        """Tell whether the kept base is read as the base is that it is compared with (see `selection.contracts`)."""
        return self.share == 0 and (not contracts or next(one.as_shipped for one in contracts if one.decides) == self.as_shipped)

    @property
    def held_back(self) -> bool:
        """Tell whether weights that are better on dev were passed over for what they lose on new documents."""
        return self.dev is not None and any(dev > self.dev for share, dev in self.tried if share in self.losing)

    def sentence(self) -> str:
        """Say what it is."""
        found = self._what()
        return f"{found} (what scores higher loses on documents that train did not teach)" if self.held_back else found

    def _what(self) -> str:
        if self.share == 0:
            how = ", as shipped, without the run's prompts and limits" if self.as_shipped else ""
            return f"neither a checkpoint nor weights between it and the base are better on dev: the base is kept{how}"
        if self.lost:
            return f"nothing is better than the base on dev; what was trained is judged all the same: {self._words()}"
        if self.dev_choice is not None:
            other = "the checkpoint" if self.dev_choice == 1 else f"{self.dev_choice:.0%}"
            return f"{self._words()}, which dev cannot tell from {other} and which lose less on other work"
        return self._words() + (", the best on dev" if self.share < 1 else "")

    def _words(self) -> str:
        if self.share == 1:
            return f"the checkpoint of step {self.step:,}"
        return f"weights {self.share:.0%} of the way from the base to the checkpoint of step {self.step:,}"

    def as_json(self) -> dict[str, object]:
        """Return `selection` of report.json."""
        tried = [
            {"share": share, "dev": dev} | ({"loses_on_new": True} if share in self.losing else {}) for share, dev in self.tried
        ]
        elsewhere = dict(self.elsewhere)
        for one in tried:
            one.update({"panel": elsewhere[one["share"]]} if one["share"] in elsewhere else {})
        found: dict[str, object] = {"step": self.step, "share": self.share, "dev": self.dev, "tried": tried}
        said = {name: True for name in ("as_shipped", "lost", "withheld") if getattr(self, name)}
        known = {"seed": self.seed, "dev_choice": self.dev_choice}
        return found | said | {name: value for name, value in known.items() if value is not None}


def choose_weights(
    model: nn.Module,
    base: Mapping[str, Tensor] | None,
    step: int,
    dev: float | None,
    base_dev: float | None,
    judge: Callable[[], ScoreLine],
    *,
    trained: bool = False,
    loses: bool = False,
) -> Winner:
    """Put the best weights into the model, which comes with those of the best checkpoint.

    Args:
        model: is changed in place.
        base: the base's weights, from `copy_of`; None: nothing but the checkpoint is considered.
        step: of the checkpoint.
        dev: its dev score; None without a dev split.
        base_dev: the base's.
        judge: scores the present weights on dev.
        trained: the best of those that training made, also where dev would keep the base.
        loses: whether the checkpoint loses on documents that train did not teach. Shares that do are not taken.
    """
    if base is None or dev is None or base_dev is None:
        return Winner(step, dev=dev)
    tuned = copy_of(model)
    found = {0.0: base_dev, 1.0: dev}
    losing = {1.0} if loses else set()
    lines: dict[float, ScoreLine] = {}
    for share in SHARES:
        interpolate(model, base, tuned, share)
        lines[share] = line = judge()
        assert line.dev is not None, "weights are compared only where there is a dev split"
        found[share] = line.dev
        losing |= {share} if line.loses_on_new else set()
    kept = {share: value for share, value in found.items() if share not in losing}
    # what is no better than the base is not worth a change
    lost = max(kept.values()) == base_dev
    share = best_trained(kept if len(kept) > 1 else found) if trained or not lost else 0.0
    interpolate(model, base, tuned, share)
    return Winner(
        step,
        share,
        found[share],
        tuple(sorted(found.items())),
        lost=lost and trained,
        losing=tuple(sorted(losing)),
        shares={share: line.datasets for share, line in lines.items()},
        datasets=lines[share].datasets if share in lines else {},
    )


def best_trained(found: Mapping[float, float]) -> float:
    """Return the share that is the best on dev, the base (share 0) left out; `found` has a dev score of each share.

    Of equally good ones it is the largest, near the ceiling the one that changes least.
    """
    best = max(value for share, value in found.items() if share)
    equals = [share for share, value in found.items() if share and value == best]
    return min(equals) if found[0.0] > CEILING else max(equals)


def copy_of(model: nn.Module) -> dict[str, Tensor]:
    """Return the model's weights, copied to the CPU."""
    return {name: value.detach().to("cpu", copy=True) for name, value in model.state_dict().items()}


def can_be_copied(model: nn.Module) -> bool:
    """Return whether the model is small enough to be held in memory three times."""
    return sum(weight.numel() for weight in model.parameters()) <= LARGEST


@torch.no_grad()
def interpolate(model: nn.Module, base: Mapping[str, Tensor], tuned: Mapping[str, Tensor], share: float) -> None:
    """Make each weight base + share · (tuned − base), exactly the base's at 0 and the tuned model's at 1.

    Args:
        model: is changed in place.
        base, tuned: weights by name, as `copy_of` gives them.
        share: in 0..1.
    """
    for name, weight in model.state_dict().items():
        if share in (0, 1) or not weight.is_floating_point():
            weight.copy_(base[name] if share == 0 else tuned[name])
        else:
            weight.copy_(torch.lerp(base[name], tuned[name], share))
