"""Ship the base where the gain of what was trained is unproven, if the user wants it so (`export.unproven=base`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from train.config.choices import Unproven
from train.console import detail
from train.deploy.export import export_model
from train.evaluate.proven import is_proven
from train.evaluate.results import DatasetResult
from train.plan.plan import Plan
from train.runs.folder import RunFolder
from train.selection.choose import keep_base
from train.selection.contracts import kept_as_shipped
from train.selection.interpolation import Winner
from train.selection.judged import BaseScores

if TYPE_CHECKING:
    from torch import Tensor


def base_where_unproven(
    plan: Plan,
    run: Path,
    winner: Winner,
    before: Mapping[str, Tensor] | None,
    base: BaseScores,
    results: Sequence[DatasetResult],
) -> Winner:
    """Return the winner; where the base is to be shipped instead, it is exported and the winner says so. On rank 0.

    Args:
        plan: of the run; the weights of its model are changed.
        run: its folder.
        winner: what was judged on test.
        before: the base's weights, see `weights_to_mix_with`.
        base: what the base reaches.
        results: of the run, among all its data sets.
    """
    if plan.config.export.unproven == Unproven.SHIP or winner.share == 0 or is_proven(results):
        return winner
    detail("the gain is unproven: the base is exported (export.unproven=base)")
    kept = keep_base(plan, winner, before, base.dev, base.dev_line.dev, base.ahead)
    chosen = kept_as_shipped(plan, run, kept).encoder
    recorded = RunFolder(run).encoding.is_file()  # of what is shipped, not of the parts of another run
    export_model(chosen.model, RunFolder(run).model, chosen if recorded else None)
    return replace(winner, withheld=True, as_shipped=kept.as_shipped)


def marked_withheld(results: Sequence[DatasetResult]) -> list[DatasetResult]:
    """Return the results as those of a run that ships the base instead of what was judged; none of its seeds is shipped."""
    return [one.model_copy(update={"withheld": True, "seeds": one.seeds and one.seeds.withheld()}) for one in results]
