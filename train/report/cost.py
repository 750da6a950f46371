"""What a run took, in seconds and rates, with what further trainings of it took by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from train import wording
from train.fit.trainer import Work
from train.machine import peak_memory_mb
from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord, read_report
from train.runs.records import PanelRecord
from train.runs.score_log import ScoreLog


class Share(NamedTuple):
    """A part of a bar, in percent of its width."""

    colour: str
    label: str
    begin: float
    width: float


def cost(
    run: Path, log: ScoreLog, work: Work, seconds: Mapping[str, float], panel: PanelRecord | None = None
) -> dict[str, int | float]:
    """Return what the run took. Training seconds are wall clock from first to last optimiser step, waiting for data included.

    Args:
        run: its folder, in which the parts of a cross-validation and further seeds have theirs.
        log: scores of every checkpoint on dev.
        work: what training consumed.
        seconds: `base`, `test` (all from the last step to the scores on test) and `total`.
        panel: what was found on other work; None where it was not judged.
    """
    train_seconds = max(work.seconds, 1e-9)
    folder = RunFolder(run)
    parts, seeds = _seconds_of(folder.folds), _seconds_of(folder.seeds)
    checkpoints = sum(line.eval_seconds for line in log.lines)
    judging = max(seconds["test"] - seeds, 0.0)  # further seeds are trained before any of them is judged
    further = {
        "cross_validation_seconds": parts,
        "seeds_seconds": seeds,
        "panel_seconds": 0.0 if panel is None else panel.seconds,
    }
    return {
        "train_seconds": round(work.seconds, 3),
        "train_rows_per_second": round(work.rows / train_seconds, 3),
        "train_tokens_per_second": round(work.tokens / train_seconds, 3),
        "eval_seconds": round(seconds["base"] + judging + checkpoints, 3),
        "total_seconds": round(seconds["total"], 3),
        "peak_memory_mb": round(peak_memory_mb(), 1),
        **{name: round(value, 3) for name, value in further.items() if value},
    }


def time_shares(cost: Mapping[str, float]) -> list[Share]:
    """Return training, evaluation, further trainings and the rest as parts of the whole time; none where it was not measured."""
    total, known = cost.get("total_seconds"), [cost.get("train_seconds"), cost.get("eval_seconds")]
    if not total or None in known:
        return []
    further = (("c", "cross-validation", "cross_validation_seconds"), ("d", "further seeds", "seeds_seconds"))
    parts = [("a", "training", known[0] or 0.0), ("b", "evaluation", known[1] or 0.0)]
    parts += [(colour, what, cost[key]) for colour, what, key in further if cost.get(key)]
    rest = total - sum(seconds for _, _, seconds in parts)
    if rest < -0.001 * total:
        return []
    shares, begin = [], 0.0
    for colour, what, seconds in (*parts, ("rest", "the rest", max(rest, 0.0))):
        width = 100 * seconds / total
        shares.append(Share(colour, f"{what} {wording.duration(seconds)} ({width:.0f}%)", round(begin, 2), round(width, 2)))
        begin += width
    return shares


def _seconds_of(folder: Path) -> float:
    """Return what the runs in a folder took, each with all its sessions; 0 where there are none."""
    spent = 0.0
    for one in sorted(folder.glob("*")) if folder.is_dir() else ():
        try:
            spent += read_report(one).cost.get("total_seconds", 0.0)
        except BrokenRecord:
            continue
    return spent
