"""Runs the command line many times without paying for the imports each time: imports once, then forks a child a run.

Started as a module; reads one JSON request a line (`argv`, `cwd`, and optionally when to kill, `environment` variables of the
child, `impatient` to pass over every sleep, `fault`: a function of `tests.support.faults` with its arguments), answers one.
Kills are SIGKILL: `after` seconds, or inside the save of a checkpoint, once `files` files of it are on disk.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any


class ForkServer:
    """The parent's side: `run(argv, cwd, …)` answers with exit code (negative for a signal), output and seconds."""

    def __init__(self) -> None:
        root = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
        )

    def run(self, argv: list[str], cwd: Path, **kill: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"argv": argv, "cwd": str(cwd), **kill}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


def _serve() -> None:
    # answers have a channel of their own: some libraries print to standard output when they are imported
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import sentence_transformers  # noqa: F401  (imported for its children)
    import torch

    import train.cli.app
    import train.pipeline  # noqa: F401

    torch.set_num_threads(1)
    for line in sys.stdin:
        print(json.dumps(_run(json.loads(line))), file=answers, flush=True)


def _run(request: dict[str, Any]) -> dict[str, Any]:
    output = Path(request["cwd"]) / f".output-{time.monotonic_ns()}"
    began = time.monotonic()
    terminal = _Terminal(output, request["columns"]) if "columns" in request else None
    child = os.fork()
    if child == 0:
        if terminal is not None:
            terminal.enter()
        _child(request, output)
    if terminal is not None:
        terminal.read()
    timer = None
    if "after" in request:
        timer = threading.Timer(request["after"], os.kill, (child, signal.SIGKILL))
        timer.start()
    if "interrupt_when" in request:
        threading.Thread(target=_interrupt, args=(child, Path(request["interrupt_when"])), daemon=True).start()
    _, status = os.waitpid(child, 0)
    if timer is not None:
        timer.cancel()
    if terminal is not None:
        terminal.close()
    text = output.read_bytes().decode("utf-8", errors="replace")
    output.unlink()
    return {"code": os.waitstatus_to_exitcode(status), "output": text, "seconds": time.monotonic() - began}


class _Terminal:
    """A terminal of so many columns, whose output goes to a file byte for byte."""

    def __init__(self, output: Path, columns: int) -> None:
        self.output = output
        self.master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 300, columns, 0, 0))

    def enter(self) -> None:
        """Make it the terminal of this process."""
        os.environ["TERM"] = "xterm-256color"
        os.environ.pop("COLUMNS", None)
        os.setsid()
        for number in (0, 1, 2):
            os.dup2(self.slave, number)

    def read(self) -> None:
        """Begin to read what is written to it."""
        os.close(self.slave)
        self._reader = threading.Thread(target=self._copy, daemon=True)
        self._reader.start()

    def _copy(self) -> None:
        with self.output.open("wb") as file, suppress(OSError):  # which ends it once nobody writes any more
            while found := os.read(self.master, 65536):
                file.write(found)

    def close(self) -> None:
        """Wait for the last of it."""
        self._reader.join(timeout=10)
        os.close(self.master)


def _interrupt(child: int, path: Path) -> None:
    """Ctrl-C as soon as a path exists."""
    while not path.exists():
        time.sleep(0.01)
    os.kill(child, signal.SIGINT)


def _child(request: dict[str, Any], output: Path) -> None:
    if "columns" not in request:
        handle = os.open(output, os.O_WRONLY | os.O_CREAT)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
    os.chdir(request["cwd"])
    os.environ.update(request.get("environment", {}))
    if request.get("impatient"):
        time.sleep = lambda seconds: None  # type: ignore[assignment]
    if "fault" in request:
        from tests.support import faults

        name, *arguments = request["fault"]
        getattr(faults, name)(*arguments)
    if "save" in request:
        _die_inside_save(request["save"], request["files"])
    from train.cli.app import main

    code = 0
    try:
        main(request["argv"])
    except SystemExit as stop:
        code = int(stop.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _die_inside_save(save: int, files: int) -> None:
    """SIGKILL in the save of that number, once so many files lie in the staging folder (the last one half written)."""
    from train.fit import trainer

    stock = trainer.PairTrainer._save_checkpoint
    count = 0

    def watched(self: Any, *args: Any) -> None:
        nonlocal count
        count += 1
        if count == save:
            staging = Path(self.args.output_dir) / ".saving"

            def trace(frame: Any, event: str, arg: Any) -> Any:
                found = [p for p in staging.rglob("*") if p.is_file()] if staging.is_dir() else []
                if len(found) >= files:
                    with found[-1].open("r+b") as handle:
                        handle.truncate(found[-1].stat().st_size // 2)
                    os.kill(os.getpid(), signal.SIGKILL)

            sys.setprofile(trace)
        stock(self, *args)

    trainer.PairTrainer._save_checkpoint = watched  # type: ignore[method-assign]


if __name__ == "__main__":
    _serve()
