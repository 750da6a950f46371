"""Errors meant for the user: what was wrong, where, and how to correct it.

The command line prints them without a traceback and ends with `exit_code`.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from data.errors import EmbedTuneError
from data.foreign_errors import MEMORY_ASKED_FOR, NO_MEMORY


class ConfigError(EmbedTuneError):
    """A setting is unknown, has the wrong type or contradicts another."""


class ModelError(EmbedTuneError):
    """A model cannot be found, loaded, or is not what it claims to be."""


class NotFinite(ModelError):
    """A model gives vectors that hold NaN or infinity.

    Args:
        what, where, hint: see `EmbedTuneError`.
        text: the first text that has such a vector, by which whoever knows the rows finds its own.
    """

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None, text: str | None = None) -> None:
        self.text = text
        super().__init__(what, where=where, hint=hint)


class RunError(EmbedTuneError):
    """A run folder exists already, is broken, or cannot be resumed; or a run cannot continue."""


class Diverged(RunError):
    """The loss is no longer a number: a property of data and settings, which another attempt would meet again."""


class OutOfMemory(RunError):
    """Memory ran out, on the device or on the host."""


class HubError(EmbedTuneError):
    """The Hub could not be reached, or refused; the files on this machine are complete."""


class TrackingError(EmbedTuneError):
    """The dashboard that a run should report to cannot be used; raised before training begins, never later."""


class VerdictError(EmbedTuneError):
    """All went well, but the verdict is one that `--fail-on` makes a failure of."""

    exit_code = 3


class MismatchError(EmbedTuneError):
    """All went well, but a copy of a model does not give the model's vectors."""

    exit_code = 4


class Interrupted(EmbedTuneError):
    """The user (or the scheduler) stopped the run; everything needed to continue is on disk."""

    exit_code = 130


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of the operating system when nothing more can be written: disk full, quota used up, file-size limit."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, on the device or on the host."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    # only torch itself can have raised its class, so nothing is loaded in order to ask
    torch = sys.modules.get("torch")
    return (torch is not None and isinstance(error, torch.OutOfMemoryError)) or any(words.said_by(error) for words in NO_MEMORY)


def more_asked_for(error: BaseException) -> str:
    """Return how much more memory was wanted, in brackets after a blank; empty where the error does not say."""
    match = MEMORY_ASKED_FOR.search(str(error))
    if match is None:
        return ""
    size = f"{match[1]} {match[2]}"
    if match[2] == "bytes":  # the CPU's allocator counts in these
        size = f"{float(match[1]) / 2**20:,.1f} MiB"
    return f" ({size} more were asked for)"


@contextmanager
def memory_in_words() -> Iterator[None]:
    """Turn running out of memory inside, wherever nobody could say more about it, into a sentence.

    Raises:
        OutOfMemory: instead of what the library raised.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, EmbedTuneError) or not is_out_of_memory(error):
            raise
        raise OutOfMemory(
            f"there is not enough memory{more_asked_for(error)}",
            hint="end other programs, or ask for less: fewer rows, a smaller model, or model.max_tokens=128",
        ) from error


def disk_in_words(error: OSError) -> tuple[str, str]:
    """Return what an operating system's error means, and what helps. The second part ends without a full stop."""
    place = f"{error.filename}: " if error.filename else ""
    if error.errno in FULL:
        return f"{place}the disk is full ({os.strerror(error.errno)})", "make room on the disk"
    return f"{place}{error.strerror or error}", "check the disk and the permissions of the folder"
