"""The reference of a finished run, from what judging has made already; see `train.watch.reference`."""

from __future__ import annotations

from pathlib import Path

from data.errors import EmbedTuneError, reason
from train.console import detail, now, say
from train.encode.prompts import prompted
from train.plan.plan import Plan
from train.runs.read import read_report
from train.selection.contracts import kept_as_shipped
from train.selection.interpolation import Winner
from train.selection.judged import TestScores
from train.watch.building import build_reference, first_on_test
from train.watch.held_out import by_name
from train.watch.reference import write_reference


def keep_reference(plan: Plan, run: Path, winner: Winner, tuned: TestScores) -> None:
    """Write the reference of a run that is finished. On rank 0.

    What goes wrong here is said and harms nothing: `embed-tune monitor` makes a reference that is missing.

    Args:
        plan: of the run; its model holds the weights that are shipped.
        run: its folder, with all of its records.
        winner: what is shipped.
        tuned: what was judged on test, with the vectors that this made.
    """
    try:
        shipped = kept_as_shipped(plan, run, winner)
        base = read_report(run).selection.withheld
        found = [
            build_reference(
                held,
                plan.datasets[name],
                prompted(shipped.encoder, shipped.prompts[name]),
                shipped.encoder.model.tokenizer,
                first_on_test(run, name, base=base),
                tuned.at_hand,
            )
            for name, held in by_name(plan.datasets).items()
        ]
        record = write_reference(run, found, made_at=now(), made_by="train")
    except (EmbedTuneError, OSError, ValueError) as error:
        say(f"note: the run is finished, but no reference for `embed-tune monitor` could be kept: {reason(error)}")
        return
    for one in record.datasets:
        kept = f"{sum(one.counts.values()):,} texts, {one.documents:,} documents and {one.canaries:,} canaries"
        detail(f"kept for `embed-tune monitor`: {one.name}, {kept}")
