"""One process for each arm, of which only one computes at a time.

The processes are forked from a server that has imported the libraries once. Between its turns an arm is stopped (SIGSTOP, its
data-loading workers too), so that nothing it does ahead of time is free of charge or disturbs the others. Needs a POSIX system.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from data.errors import EmbedTuneError
from tests.benchmarks.workloads import BenchmarkError
from train.tracking.destination import environment

PATIENCE = 30.0
"""Seconds that a child has to end after its last answer."""

PRELOADED = ["sentence_transformers", "train.fit.loop", "train.evaluate.evaluator"]

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
"""Say to libraries with how many threads to compute."""

Target = Callable[[Any, Connection], None]
"""What a child does: gets its specification and the connection to its parent."""


class Child:
    """A process that answers messages; use it in a `with` block, which ends it whatever happened.

    Args:
        name: for error messages.
        target: a function of a module, called in the child.
        spec: its first argument; must be picklable.
        threads: that the child may compute with.
        log: file that gets what the child prints.
    """

    def __init__(self, name: str, target: Target, spec: Any, threads: int, log: Path) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        self.name, self.log = name, log
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(target, spec, threads, str(log), theirs))
        # read when the server is started, which imports the libraries that read them; what is started later must not inherit them
        with environment(dict.fromkeys(THREAD_VARIABLES, str(threads)), override=True):
            self._process.start()
        theirs.close()  # or the end of the child would not be noticed

    def send(self, *message: Any) -> None:
        """Wake the child and tell it something."""
        self._signal(signal.SIGCONT)
        with contextlib.suppress(BrokenPipeError):  # what became of it is said by `receive`
            self._connection.send(message)

    def receive(self) -> Any:
        """The child's next message; the child is stopped until the next `send`.

        Raises:
            BenchmarkError: the child failed; says why.
        """
        try:
            word, content = self._connection.recv()
        except EOFError:
            self._process.join()
            raise BenchmarkError(f"{self.name} ended with code {self._process.exitcode}: {_tail(self.log)}") from None
        if word == "error":
            raise BenchmarkError(f"{self.name}: {content}")
        self._signal(signal.SIGSTOP)
        return content

    def ask(self, *message: Any) -> Any:
        """`send` and `receive`."""
        self.send(*message)
        return self.receive()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:  # its work is done, so it ends by itself
            self._signal(signal.SIGCONT)
            self._process.join(PATIENCE)
        self._signal(signal.SIGKILL)
        self._process.join()
        self._connection.close()

    def _signal(self, number: int) -> None:
        """To the child and what it started; they are a process group."""
        if self._process.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def _serve(target: Target, spec: Any, threads: int, log: str, connection: Connection) -> None:
    os.setpgid(0, 0)
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true" if threads > 1 else "false")
    import torch

    torch.set_num_threads(threads)
    try:
        target(spec, connection)
    except EmbedTuneError as error:
        connection.send(("error", str(error)))
    except Exception as error:  # whatever a library raises is shown by the parent
        traceback.print_exc()
        sys.stderr.flush()
        connection.send(("error", f"{type(error).__name__}: {error}\n{_tail(Path(log))}"))


def _tail(log: Path, lines: int = 20) -> str:
    """The last lines that a child printed."""
    if not log.is_file():
        return "it printed nothing"
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
