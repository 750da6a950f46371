"""Out of memory, in words: what was being computed, at which batch size, and what to lower."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from train import ranks
from train.errors import RunError
from train.fit.checkpoints import list_checkpoints

SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory", "bad alloc", "bad_alloc")
"""What torch's allocators (CUDA, CPU, MPS) and the C++ library say; the CPU's raises a plain RuntimeError."""
TRIED = re.compile(r"tried to allocate ([\d.]+ ?(?:[KMGT]i?B|bytes))", re.IGNORECASE)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the device or on the host."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(sign in text for sign in SIGNS))


@contextmanager
def memory_in_words(batch_sizes: Mapping[str, int], max_tokens: int, device: str, run: Path | None = None) -> Iterator[None]:
    """Turn an out-of-memory error inside into a `RunError` that says what to lower.

    A run that has no checkpoint yet is removed, so that its name can be used again with other settings.

    Args:
        batch_sizes: rows in a batch by data set name.
        max_tokens: training texts are cut at so many tokens.
        device: where the model computes.
        run: folder of the run, None in a dry run.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        asked = match[1] if (match := TRIED.search(str(error))) else None
        sizes = ", ".join(f"{size} for {name}" for name, size in batch_sizes.items())
        raise RunError(
            f"{device} ran out of memory" + (f" (tried to get {_readable(asked)} more)" if asked else "")
            + f" at batch size {sizes} and up to {max_tokens} tokens a text",
            mend="lower training.batch_size, training.max_tokens or evaluation.batch_size; to keep many negatives in little memory"
            " use data.loss=cached_mnrl (pairs and tuples)" + (_kept(run) if run is not None else ""),
        ) from error


def _kept(run: Path) -> str:
    """What remains of the run, said at the end of the advice; a run without a checkpoint goes."""
    if list_checkpoints(run):
        return f". Complete checkpoints are kept in {run}; a new run needs another run_name"
    if ranks.is_main():
        shutil.rmtree(run, ignore_errors=True)
    return ". No checkpoint had been reached, so the run folder was removed"


def _readable(size: str) -> str:
    """The CPU allocator counts in bytes.

    >>> _readable("2147483648 bytes"), _readable("2.00 GiB")
    ('2.00 GiB', '2.00 GiB')
    """
    number, _, unit = size.partition(" ")
    return f"{float(number) / 2**30:.2f} GiB" if unit == "bytes" else size
