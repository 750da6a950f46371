"""Which checkpoint of a learning curve is taken: the last that dev cannot tell from the best.

Dev is a sample. On 500 queries the mean nDCG@10 of two models of one training differs by about 0.005 by chance, and the best of
several checkpoints is partly the luckiest. Of those that the standard error leaves undecided (the one-standard-error rule of
Breiman et al., "Classification and Regression Trees", 1984, section 3.4.3) the last is taken: it has seen the most rows, and its
learning rate has come down the furthest.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path

from data.errors import reason
from data.storage import write_text
from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord, parse_line
from train.runs.records import ScoreLine

SPREAD = 0.1
"""Standard deviation of a query's difference between two models of one training, rounded down. Of two seeds it was 0.12 to 0.18
in nDCG@10 (scifact, finqa10k, nl2bash), near the ceiling 0.04 to 0.10 (mqp), and of a pair in Spearman's 0.05 to 0.10 (sick)."""


def dev_noise(counts: Iterable[int]) -> float:
    """Return the standard error of a difference of two checkpoints in the mean dev score of data sets.

    Args:
        counts: dev queries or scored pairs of each data set; at least one data set.
    """
    each = [SPREAD**2 / count for count in counts]
    return math.sqrt(sum(each)) / len(each)


def highest_line(curve: Iterable[ScoreLine]) -> ScoreLine | None:
    """Return the checkpoint with the highest dev score, the earliest of equals; the base (step 0) is none."""
    tuned = _tuned(curve)
    return max(tuned, key=lambda one: (one[1], -one[0].step))[0] if tuned else None


def is_highest(line: ScoreLine, curve: Iterable[ScoreLine]) -> bool:
    """Return whether no checkpoint of the curve has a higher dev score."""
    highest = highest_line(curve)
    return highest is not None and line.dev == highest.dev


def best_line(curve: Iterable[ScoreLine]) -> ScoreLine | None:
    """Return the checkpoint that is taken: the last whose dev score is no further below the highest than its `noise`.

    None that is no better than the base, while the highest is, counts among them. Lines without `noise` (of earlier versions, and
    near the ceiling, where the least change is wanted) are compared exactly. Those that lose on new documents are left out while
    there are others.
    """
    curve = without_losers(curve)
    highest = highest_line(curve)
    if highest is None or highest.dev is None or not highest.noise:
        return highest
    base = next((line.dev for line in curve if line.step == 0), None)
    beaten = base if base is not None and highest.dev > base else -math.inf
    equals = [line for line, dev in _tuned(curve) if dev >= highest.dev - highest.noise and dev > beaten]
    return max(equals, key=lambda line: line.step)


def without_losers(curve: Iterable[ScoreLine]) -> list[ScoreLine]:
    """Return the lines without the checkpoints that lose on new documents (see `train.selection.parts`); all of them where every
    checkpoint does."""
    lines = list(curve)
    kept = [line for line in lines if line.step == 0 or not line.loses_on_new]
    return kept if _tuned(kept) else lines


def _tuned(curve: Iterable[ScoreLine]) -> list[tuple[ScoreLine, float]]:
    """Return the checkpoints that have a dev score, with it."""
    return [(line, line.dev) for line in curve if line.step > 0 and line.dev is not None]


def read_scores(run: Path) -> list[ScoreLine]:
    """Read the lines of scores.jsonl, in the order of the file; none where there is no file.

    Raises:
        BrokenRecord: the file cannot be read, or a line is damaged.
    """
    path = RunFolder(run).scores
    if not path.is_file():
        return []
    try:
        texts = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise BrokenRecord(path, f"cannot be read ({reason(error)})") from None
    return [parse_line(path, number, text) for number, text in enumerate(texts, start=1)]


class ScoreLog:
    """`scores.jsonl`: one line a checkpoint, step 0 is the base. The order of steps is ascending, each at most once.

    Every rank keeps the lines, so that all come to the same best checkpoint; only the one with `writes` touches the file.

    Args:
        run: the run folder.
        writes: whether the file is written.

    Raises:
        BrokenRecord: the file cannot be read, or a line is damaged.
    """

    def __init__(self, run: Path, writes: bool = True) -> None:
        self.path, self.writes = RunFolder(run).scores, writes
        self.lines = read_scores(run)

    def add(self, line: ScoreLine) -> None:
        """Add a checkpoint's scores; a line of the same or a later step (from before a kill) is replaced."""
        self.forget_after(line.step - 1)
        self.lines.append(line)
        self._write()

    def forget_after(self, step: int) -> None:
        """Drop what was scored after the checkpoint from which a run continues."""
        kept = [line for line in self.lines if line.step <= step]
        if kept != self.lines:
            self.lines = kept
            self._write()

    def best(self) -> ScoreLine | None:
        """Return the checkpoint that is taken, see `best_line`. One that once was passed over is never taken later."""
        return best_line(self.lines)

    def without_improvement(self) -> int:
        """Return how many checkpoints were judged since the one with the highest score."""
        highest = highest_line(self.lines)
        return sum(line.step > highest.step for line in self.lines) if highest else 0

    def _write(self) -> None:
        if self.writes:
            write_text(self.path, "".join(json.dumps(line.to_dict(), allow_nan=False) + "\n" for line in self.lines))
