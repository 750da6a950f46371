"""Run each model's job in a process of its own, one after the other, so that none disturbs the clock of another."""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import BaseContext
from typing import cast

from train.console import detail, say
from train.workflows.compare.sent_bars import ReceivedBars
from train.workflows.compare.speed import Round
from train.workflows.compare.worker import Failure, Job, Outcome, work

LIBRARIES = ["embed_tune", "torch", "sentence_transformers", "train.workflows.compare.worker"]
"""What the server loads. The face comes first: with it our packages are found beside a folder `data` of the user's."""
KILLED = -9
SAID = {"say": say, "detail": detail}


def context() -> BaseContext:
    """Return how processes are started: by a server that has loaded the libraries once, where that is safe.

    A copy of a process that has looked for a GPU cannot use one, so there each process begins from nothing.
    """
    import torch

    if "forkserver" not in multiprocessing.get_all_start_methods() or torch.cuda.is_available():
        return multiprocessing.get_context("spawn")
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(LIBRARIES)
    return found


def prepare(start: BaseContext) -> None:
    """Let the server load the libraries while something else is done."""
    if start.get_start_method() == "forkserver":
        with _deaf_to_interrupts():
            multiprocessing.forkserver.ensure_running()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Keep processes that begin inside from hearing a Ctrl-C, which a terminal sends to all: this one ends them, silently."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _without_script() -> Iterator[None]:
    """Start processes inside that do not run the caller's script again, as `multiprocessing` has it: a job needs none of it."""
    main = vars(sys.modules["__main__"])
    kept: dict[str, object] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main.update(dict.fromkeys(kept))
    try:
        yield
    finally:
        main.update(kept)


def run_job(job: Job, start: BaseContext) -> Outcome | Round | Failure:
    """Do a job in a process of its own and pass on what it says."""
    here, there = start.Pipe(duplex=False)
    process = start.Process(target=work, args=(job, there), daemon=True)  # type: ignore[attr-defined]
    with _deaf_to_interrupts(), _without_script():
        process.start()
    there.close()
    drawn = ReceivedBars()
    try:
        while True:
            kind, found = here.recv()
            if kind == "done":
                return cast(Outcome | Round | Failure, found)
            if kind in SAID:
                SAID[kind](found)
            else:
                drawn.take(kind, found)
    except EOFError:  # it died and said nothing
        process.join()
        return _died(process.exitcode)
    except BaseException:
        process.terminate()
        raise
    finally:
        drawn.close()
        here.close()
        process.join()


def _died(code: int | None) -> Failure:
    if code == KILLED:
        return Failure("the system ended its process, most likely because memory ran out", "end other programs, or leave it out")
    return Failure(f"its process ended unexpectedly (exit code {code})", "--debug shows more")
