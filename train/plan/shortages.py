"""Running out of memory or disk, in words: what was being computed, at which batch size, what to lower, what remains."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from train import distributed
from train.errors import OutOfMemory, RunError, disk_in_words, is_out_of_memory, more_asked_for
from train.fit.checkpoints import clear_staging, list_checkpoints
from train.plan.plan import Needs


@contextmanager
def shortages_in_words(needs: Needs, run: Path | None = None) -> Iterator[None]:
    """Turn running out of memory or disk inside into a `RunError` that says what to do.

    A run that had no checkpoint when memory ran out is removed: it could only be started again, with other settings, and its name
    should be free for that.

    Args:
        needs: what the run asks for.
        run: folder of the run, None in a dry run.
    """
    try:
        yield
    except OutOfMemory as error:  # while texts were encoded
        raise OutOfMemory(error.what, hint=f"{error.hint}{'' if run is None else _remains(run)}") from error
    except (RuntimeError, MemoryError, OSError) as error:
        if is_out_of_memory(error):
            sizes = ", ".join(f"{size} for {name}" for name, size in needs.batch_sizes.items())
            at = f"at batch size {sizes}, up to {needs.max_tokens} tokens a text"
            raise OutOfMemory(
                f"{needs.device} ran out of memory{more_asked_for(error)} {at}",
                hint="lower training.batch_size, training.max_tokens or evaluation.batch_size; data.loss=cached_mnrl keeps many"
                f" negatives in little memory (pairs and tuples){'' if run is None else _remains(run)}",
            ) from error
        if run is None or not isinstance(error, OSError) or isinstance(error, ConnectionError):
            raise
        what, hint = disk_in_words(error)
        raise RunError(what, hint=f"{hint}, then continue with --resume {run}; what was complete is kept") from error


def _remains(run: Path) -> str:
    """Say what is left of the run after memory ran out, as the end of a hint."""
    if distributed.is_main():
        clear_staging(run)
    if list_checkpoints(run):
        return f". Complete checkpoints are kept in {run}; with other settings a new run_name is needed"
    if distributed.is_main():
        shutil.rmtree(run, ignore_errors=True)
    return ". No checkpoint had been reached, so the run folder was removed"
