"""Settle everything that a run would do, and train nothing: `embed-tune train --dry-run`."""

from __future__ import annotations

from train import distributed
from train.config.load import dump_config
from train.config.schema import TrainSettings
from train.console import quiet_libraries
from train.plan.brief import in_brief
from train.plan.datasets import as_new_run
from train.plan.dry_run import DryRun
from train.plan.estimate import estimate
from train.plan.folds import folds_wanted
from train.plan.panel import panel_sentence
from train.plan.plan import audited, make_plan
from train.plan.preflight import preflight
from train.plan.shortages import shortages_in_words
from train.plan.trial import try_out


def dry_run(config: TrainSettings, *, debug: bool = False) -> DryRun:
    """Settle everything that a run would do and estimate its time and memory; train nothing, make no run folder."""
    quiet_libraries(debug)
    distributed.join(config.model.device)
    distributed.on_main(lambda: preflight(config))
    plan = make_plan(as_new_run(config))
    distributed.on_main(lambda: audited(plan))
    with shortages_in_words(plan.needs):
        distributed.on_main(lambda: try_out(plan))
        found = estimate(plan)
    samples = {name: plan.datasets[name].samples for name in plan.sets}
    folds = folds_wanted(plan.config, plan.datasets)[0]
    return DryRun(dump_config(plan.config), plan.sentences, found, folds, samples, panel_sentence(plan), tuple(in_brief(plan)))
