"""What the base's score on dev changes about a plan."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from train.console import detail
from train.distributed import is_main
from train.fit.recipe import apply_ceiling
from train.plan.plan import Plan
from train.runs.folder import RunFolder
from train.runs.read import read_environment


def gentler_near_ceiling(plan: Plan, run: Path, base_dev: float | None) -> Plan:
    """Return the plan for a base of this score: at a gentler rate where it is nearly perfect, which is said and recorded.

    Args:
        plan: is left as it is.
        run: its folder.
        base_dev: score of the base on dev, 0..1; None without a dev split.
    """
    recipe = apply_ceiling(plan.recipe, base_dev, plan.config.training)
    if recipe is plan.recipe:
        return plan
    detail(f"  {recipe.reasons[-1]}")
    if is_main():
        record = read_environment(run).model_copy(update={"recipe": tuple(recipe.reasons)})
        record.write(RunFolder(run).environment)
    return dataclasses.replace(plan, recipe=recipe)
