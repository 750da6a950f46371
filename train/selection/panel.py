"""What training costs on other work: base and tuned model on the panel, and its say in what is shipped.

Weights between base and checkpoint keep more of the base (WiSE-FT, Wortsman et al., arXiv:2109.01903; LM-Cocktail, Xiao et al.,
arXiv:2311.13534). Where dev cannot tell two shares apart, the one that loses less elsewhere is the better choice.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from train import distributed
from train.console import detail, say
from train.encode.cache.open import open_shared_cache
from train.encode.protocol import TextEncoder
from train.encode.shipped import ShippedEncoder
from train.encode.wrappers import wrapped
from train.evaluate.evaluator import compare, primary_value, score_model
from train.evaluate.score import Scores
from train.evaluate.tasks import Task
from train.plan.panel import Panel, in_words, make_panel, panel_wanted
from train.plan.plan import Plan
from train.runs.progress import begin
from train.runs.records import PanelPart, PanelRecord
from train.selection.other_work import OtherWork


@dataclass
class Elsewhere:
    """The panel, and what the base reaches on it, as it was published.

    Attributes:
        plan: of the run; the present weights of its model are judged.
        panel: the tasks.
        base: the base's scores on the judged half, by part.
        base_choosing: mean of its primary metrics on the half that chooses.
        seconds: that judging took, so far.
    """

    plan: Plan
    panel: Panel
    base: Mapping[str, Scores]
    base_choosing: float
    seconds: float = 0.0

    def mean(self) -> float:
        """Return the mean of the primary metrics of the present weights on the half that chooses; equal on all processes."""
        began = time.perf_counter()
        value = _mean(_scores(self.panel.choosing, wrapped(self.plan.encoder, shared=True, remembered=True)))
        self.seconds += time.perf_counter() - began
        return float(distributed.share(value))

    def other_work(self, noise: float) -> OtherWork | None:
        """Return what has a say where dev cannot tell weights apart; None where no part of the panel is left.

        Args:
            noise: standard error of a difference on dev.
        """
        return OtherWork(self.mean, self.base_choosing, noise) if self.panel.choosing else None

    def judge(self, plan: Plan) -> PanelRecord:
        """Judge the present weights on the other half.

        Args:
            plan: by which they are read (see `contracts.kept_as_shipped`).
        """
        begin("panel")
        began = time.perf_counter()
        tuned = _scores(self.panel.judged, wrapped(plan.encoder, shared=True, remembered=True))
        settings, seed = plan.config.evaluation, plan.config.training.seed
        results = [
            compare(task, self.base[name], tuned[name], seed=seed, resamples=settings.resamples, margin=settings.margin)
            for name, task in self.panel.judged.items()
        ]
        parts = tuple(
            PanelPart.model_validate(
                one.model_dump(include=set(PanelPart.model_fields))
                | {"lost": is_lost(one.delta, one.ci95, one.p_value, settings.margin, len(results))}
            )
            for one in results
        )
        self.seconds += time.perf_counter() - began
        return PanelRecord(
            parts=parts, base_choosing=self.base_choosing, left_out=self.panel.left_out, seconds=round(self.seconds, 3)
        )


def is_lost(delta: float, ci95: tuple[float, float], p_value: float, margin: float, parts: int) -> bool:
    """Tell whether a part has lost more than the margin, and beyond doubt.

    The difference seen is below -margin, the whole interval below 0, and p times the number of parts (Bonferroni) at most 5%: so
    of runs that lose nothing anywhere, at most one in twenty is warned about.
    """
    return delta < -margin and ci95[1] < 0 and p_value * parts <= 0.05


def base_elsewhere(plan: Plan, *, inner: bool) -> Elsewhere | None:
    """Judge the base on the panel, with vectors of earlier runs where the cache has them; None where no panel is wanted.

    A run that is part of another one has none: it ships nothing.
    """
    if inner or not panel_wanted(plan):
        return None
    begin("base_panel")
    began = time.perf_counter()
    panel = distributed.first_on_each_machine(lambda: make_panel(plan))
    for line in in_words(panel):
        detail(f"  {line}")
    cache = open_shared_cache(plan.config.vector_cache, plan.config.cache, say)
    encoder = wrapped(ShippedEncoder(plan.encoder), cache=cache, shared=True, remembered=True)
    choosing, judged = (_scores(tasks, encoder) for tasks in (panel.choosing, panel.judged))
    if cache is not None:
        cache.close()
    return Elsewhere(plan, panel, judged, distributed.share(_mean(choosing)), time.perf_counter() - began)


def _scores(tasks: Mapping[str, Task], encoder: TextEncoder) -> dict[str, Scores]:
    return {name: score_model(task, encoder) for name, task in tasks.items()}


def _mean(scores: Mapping[str, Scores]) -> float:
    return sum(map(primary_value, scores.values())) / len(scores) if scores else 0.0
