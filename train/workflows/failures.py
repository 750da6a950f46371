"""What ends a run before its time, in words, and what is left of the run then."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from train import distributed
from train.errors import Interrupted, OutOfMemory, RunError, is_out_of_memory
from train.plan.plan import Needs
from train.plan.shortages import shortages_in_words


@contextmanager
def failures_in_words(needs: Needs, run: Path) -> Iterator[None]:
    """Turn whatever ends a run inside into an error that says how to continue.

    Args:
        needs: what the run asks for.
        run: its folder.

    Raises:
        Interrupted: it was stopped.
        RunError: memory or disk ran out, or another process of the run was lost.
    """
    resume = f"continue with: embed-tune train --resume {shlex.quote(str(run))}"
    try:
        with shortages_in_words(needs, run):
            yield
    except Interrupted as stop:
        # of a part of a cross-validation only the run as a whole is to be continued
        raise Interrupted(stop.what, hint=resume) from None
    except KeyboardInterrupt:
        raise Interrupted("stopped; what was complete is kept", hint=resume) from None
    except RuntimeError as error:
        if not distributed.peer_is_lost(error):
            raise
        raise RunError(
            "another process of this run has ended or can no longer be reached",
            hint=f"look for its own message above; what was complete is kept: {resume}",
        ) from error


@contextmanager
def name_left_free(run: Path, *, new: bool) -> Iterator[Callable[[], None]]:
    """Remove the folder of a new run that fails before training begins: nothing is in it yet, and its name should be free.

    What was stopped, and what lacked room on a disk or another process, goes on from the folder instead; after a lack of memory
    `shortages_in_words` removes it.

    Args:
        run: its folder.
        new: the folder was made by this attempt.

    Yields:
        What is called when training begins.
    """
    began: list[bool] = []
    try:
        yield lambda: began.append(True)
    except (Interrupted, OSError):
        raise
    except Exception as error:
        stays = isinstance(error, OutOfMemory) or is_out_of_memory(error) or distributed.peer_is_lost(error)
        if new and not began and not stays and distributed.is_main():
            shutil.rmtree(run, ignore_errors=True)
        raise
