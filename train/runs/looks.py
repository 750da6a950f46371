"""A ledger of looks: which tuned models of a folder of runs have been judged on which test.

Whoever keeps the best of several models by their test scores keeps the luckiest, too, and no interval of one comparison knows of
the others. So each run, and each later judgement of a run's model, writes a line into `looks.jsonl` beside the run folders; it
stays when runs are deleted. Models with the same value on a test count once: a run that is repeated, resumed or judged again
gives nothing new to choose by. Nor does the base itself.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from train.console import now
from train.evaluate.evaluator import ModelResult
from train.evaluate.results import DatasetResult
from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord, read_report

NAME = "looks.jsonl"

CHOOSING = ("train", "dev")
"""Splits that are there to be looked at."""

DIGITS = 9
"""Decimals by which values are told apart."""


@dataclass(frozen=True)
class Look:
    """A value that somebody saw.

    Attributes:
        test_sha256: of what was judged.
        metric: the primary one.
        value: of the tuned model.
        who: the run.
    """

    test_sha256: str
    metric: str
    value: float
    who: str = ""

    @property
    def key(self) -> tuple[str, str, float]:
        """What makes it another look than others: who the model is does not matter."""
        return self.test_sha256, self.metric, round(self.value, DIGITS)


def with_looks(results: Sequence[DatasetResult], output_dir: str | Path, who: str) -> list[DatasetResult]:
    """Return the results of a tuned model with the number of looks at each test, this one included, and write these down.

    Args:
        results: tuned against base.
        output_dir: folder of the runs.
        who: the run.
    """
    looks = [_look_of(result, who) for result in results]
    counts = count_looks([look for look in looks if look is not None], output_dir)
    return [
        result if look is None else result.model_copy(update={"looks": counts.get(look.test_sha256)})
        for result, look in zip(results, looks, strict=True)
    ]


def is_look(result: DatasetResult | ModelResult) -> bool:
    """Tell whether what was judged is a test."""
    return result.test_sha256 is not None and result.split not in CHOOSING


def looks_at(results: Sequence[ModelResult], who: str) -> list[Look]:
    """Return the looks that judging one tuned model alone is."""
    return [Look(one.test_sha256, one.metric, one.metrics[one.metric].value, who) for one in results if is_look(one)]


def count_looks(looks: Sequence[Look], output_dir: str | Path) -> dict[str, int]:
    """Write looks down, and return how many different ones there were at each of their tests, by its hash.

    A ledger that cannot be written or read counts what is known; several processes may write at once.
    """
    if not looks:
        return {}
    folder = Path(output_dir)
    path = folder / NAME
    written = list(_read(path))
    known = written if path.is_file() else list(_looks_of_runs(folder))
    keys = {look.key for look in written}
    new = {look.key: look for look in (*known, *looks) if look.key not in keys}
    if new:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            _append(path, list(new.values()))
    return {look.test_sha256: sum(key[0] == look.test_sha256 for key in keys | new.keys()) for look in looks}


def _look_of(result: DatasetResult, who: str) -> Look | None:
    """Return the look that a result is; None where there was nothing new to see."""
    same = result.kept_base or round(result.tuned, DIGITS) == round(result.base, DIGITS)
    if not is_look(result) or same or not math.isfinite(result.tuned):
        return None
    return Look(str(result.test_sha256), result.metric, result.tuned, who)


def _looks_of_runs(folder: Path) -> Iterator[Look]:
    """Yield the looks of the finished runs of a folder that has no ledger yet."""
    try:
        runs = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and RunFolder(path).has_training)
    except OSError:
        return
    for run in runs:
        with suppress(BrokenRecord):
            found = (_look_of(result, run.name) for result in read_report(run).datasets)
            yield from (look for look in found if look is not None)


def _read(path: Path) -> Iterator[Look]:
    """Yield what a ledger holds; lines that are damaged are passed over."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, KeyError, TypeError, RecursionError, OverflowError):
            found = json.loads(line)
            look = Look(str(found["test_sha256"]), str(found["metric"]), float(found["value"]), str(found.get("who", "")))
            if math.isfinite(look.value):
                yield look


def _append(path: Path, looks: Sequence[Look]) -> None:
    """Add lines in one write to the end of the file, which other processes may write to as well. A last line that was cut off, as
    on a full disk, is ended first: nothing may be glued to it."""
    text = "".join(json.dumps(asdict(look) | {"at": now()}, ensure_ascii=False) + "\n" for look in looks)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        if size and os.lseek(handle, size - 1, os.SEEK_SET) >= 0 and os.read(handle, 1) != b"\n":
            text = "\n" + text
        os.write(handle, text.encode())
    finally:
        os.close(handle)
