"""The base under the contract of its own files, beside the one that the run's settings make: the better of the two counts.

On test the better decides which base the tuned model is compared with, so that a gain is none of a handicap. Two values of one
sample are looked at, and the larger is partly the luckier: where the two contracts are truly equal this favours the base, by 0.56
standard errors of their difference (the mean of the larger of two). On dev it decides which base has to be beaten, and which one
is kept where nothing beats it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from train.console import detail
from train.distributed import is_main
from train.encode.cache.cache import VectorCache
from train.encode.contract import what_differs
from train.encode.prompts import prompted
from train.encode.protocol import TextEncoder
from train.encode.shipped import ShippedEncoder, restore
from train.encode.wrappers import wrapped
from train.evaluate.evaluator import encoder_for, primary_value, score_model
from train.evaluate.results import BaseContract
from train.plan.plan import Plan
from train.runs.folder import RunFolder
from train.runs.read import read_environment
from train.runs.records import ContractRecord
from train.selection.dev import DevJudge, extend_pool
from train.selection.interpolation import Winner
from train.wording import fraction, joined

AS_SHIPPED = "as shipped"


def changed_contracts(plan: Plan) -> dict[str, str]:
    """Return the data sets whose texts the run's settings make other vectors of, and what the base is judged under there."""
    own = plan.encoder.shipped
    if own is None:
        return {}
    found = {}
    for name, prepared in plan.datasets.items():
        if words := what_differs(own, prompted(plan.encoder, plan.prompts[name]).contract, prepared.kind):
            found[name] = f"under the run's {joined(words)}"
    return found


def shipped_encoder(plan: Plan, cache: VectorCache | None) -> TextEncoder:
    """Return the base under the contract of its own files, with the wrappers of judging."""
    return wrapped(ShippedEncoder(plan.encoder), cache=cache, shared=True, remembered=True)


def both_contracts(of_the_run: str, run: float, shipped: float) -> tuple[BaseContract, ...]:
    """Return what is recorded of a data set; of equals, the run's contract decides."""
    return (
        BaseContract(name=AS_SHIPPED, value=shipped, decides=shipped > run, as_shipped=True),
        BaseContract(name=of_the_run, value=run, decides=shipped <= run),
    )


def ahead_on_dev(
    plan: Plan, judge: DevJudge, run: Mapping[str, TextEncoder], shipped: TextEncoder, changed: Mapping[str, str]
) -> float:
    """Return by how much the base as shipped is better on dev than under the run's contract, in the mean of the data sets.

    Both in fp32, whatever the precision of training. A pool is that of the base under the run's contract; the base as shipped is
    judged on the whole corpus instead, as its own mistakes would be missing (see `extend_pool`).
    """
    tasks = {name: task for name, task in judge.tasks.items() if name in changed}
    if not tasks:
        return 0.0
    many = len(judge.tasks)
    judge = DevJudge(tasks, {name: judge.base[name] for name in tasks})
    before = judge.score(run) if plan.bf16 else judge.base
    _, whole = extend_pool(judge, plan.datasets, shipped)
    after = {
        name: whole[name] if name in whole else primary_value(score_model(task, encoder_for(name, shipped)))
        for name, task in tasks.items()
    }
    for name in tasks:
        detail(f"  dev {name}: the base {AS_SHIPPED} {fraction(after[name])}, {changed[name]} {fraction(before[name])}")
    return sum(after[name] - before[name] for name in tasks) / many


def kept_as_shipped(plan: Plan, run: Path, winner: Winner) -> Plan:
    """Return the plan by which the chosen weights are judged and saved: the run's, unless the base as shipped was chosen.

    Then the settings of the model are those of its own files again, which environment.json records.
    """
    if not winner.as_shipped:
        return plan
    encoder = restore(plan.encoder)
    if is_main():
        contract = ContractRecord.model_validate(encoder.contract.as_dict())
        read_environment(run).model_copy(update={"contract": contract}).write(RunFolder(run).environment)
    return dataclasses.replace(plan, encoder=encoder, own_prompts=True)
