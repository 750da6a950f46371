"""What can go wrong with a machine, made to happen in the child that runs the command line (see `tests.support.forked`).

Each function is called there before the command line starts.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import re
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

CAPABILITY_VERSION = 0x20080522
"""_LINUX_CAPABILITY_VERSION_3 of <linux/capability.h>; sets are then two 32-bit words long."""
FORGOING = (1 << 1) | (1 << 2)
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: with them permissions do not bind root."""


def bind_permissions() -> None:
    """Make file permissions hold for root too, by giving up the capabilities that pass over them."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    for effective_or_permitted in (0, 1):
        sets[effective_or_permitted] &= ~FORGOING
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def limit_file_size(size: int) -> None:
    """Let no file grow beyond so many bytes: a disk that takes no more, without making a disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def keep_states() -> None:
    """Let a finished run keep what only a training that goes on needs: it stands for one that was lost before its end."""
    importlib.import_module("train.pipeline").tidy = lambda run: None


def fill_disk_at(function: str, folder: str) -> None:
    """Fill the file system of `folder` at the moment at which a function is called (see `_before`)."""

    def fill() -> None:
        # without a buffer: what is left in one would raise once more when the file is closed
        with Path(folder, ".filler").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                return

    _before(function, fill)


def no_memory_in_step(number: int) -> None:
    """Ask for more memory than there is, on the CPU, in the training step of that number (from 1)."""
    _in_step(number, _ask_for_too_much)


def no_memory_for_the_model() -> None:
    """While a model is loaded, the CPU's allocator asks for more memory than there is."""
    from sentence_transformers import SentenceTransformer

    SentenceTransformer.__init__ = lambda *args, **kwargs: _ask_for_too_much()  # type: ignore[method-assign]


def no_gpu_memory_in_step(number: int) -> None:
    """End the training step of that number (from 1) as on a GPU whose memory is used up."""
    import torch

    said = "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 23.64 GiB of which 1.20 GiB is free."

    def fail() -> None:
        raise torch.OutOfMemoryError(said)

    _in_step(number, fail)


def _ask_for_too_much() -> None:
    """Ask torch for 8 GiB where the process may have one more: a failure of the allocator as it is in earnest."""
    import torch

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + (1 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    torch.empty(1 << 33, dtype=torch.uint8)


def _in_step(number: int, act: Callable[[], None]) -> None:
    from train.fit.trainer import PairTrainer

    stock, steps = PairTrainer.training_step, 0

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == number:
            act()
        return stock(self, *args, **kwargs)

    PairTrainer.training_step = counted  # type: ignore[method-assign]


def _before(function: str, act: Callable[[], None]) -> None:
    """Act before each call of a function, given as `module:name` where it is called from."""
    place, _, name = function.partition(":")
    module = importlib.import_module(place)
    stock = getattr(module, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        act()
        return stock(*args, **kwargs)

    setattr(module, name, wrapped)


def found(function: str) -> tuple[Any, str]:
    """Return where a function is kept, and under which name; it is given as `module:name` or `module:Class.name`."""
    place, _, name = function.partition(":")
    owner: Any = importlib.import_module(place)
    *classes, name = name.split(".")
    for one in classes:
        owner = getattr(owner, one)
    return owner, name


def die_in_call(function: str, call: int) -> None:
    """SIGKILL in the place of the call of that number (from 1) of a function (see `found`)."""
    owner, name = found(function)
    stock, calls = getattr(owner, name), 0

    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return stock(*args, **kwargs)

    setattr(owner, name, dying)


def die_at_request(method: str, path: str, when: str) -> None:
    """SIGKILL `before` the first request of a method whose path matches a pattern is sent, or `after` its answer has come."""
    from huggingface_hub.utils import get_session

    client: Any = type(get_session())  # which HTTP library it is of depends on the version
    stock = client.send

    def send(self: Any, request: Any, **options: Any) -> Any:
        meant = request.method == method and re.search(path, request.url.path)
        if meant and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = stock(self, request, **options)
        if meant:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    client.send = send


def without_wandb() -> None:
    """wandb is not installed."""
    sys.modules["wandb"] = None  # type: ignore[assignment]


def forbid_wandb() -> None:
    """Whoever imports wandb ends the process with 97. Asking whether it is installed is allowed: that imports no part of it."""

    class Guard:
        def find_spec(self, name: str, *args: Any) -> None:
            if name.startswith("wandb."):
                os._exit(97)

    sys.meta_path.insert(0, Guard())  # type: ignore[arg-type]


def break_loss_in_step(number: int) -> None:
    """Make the loss of that optimiser step NaN."""
    from train.fit import trainer

    stock = trainer.PairTrainer.compute_loss

    def broken(self: Any, *args: Any, **kwargs: Any) -> Any:
        value = stock(self, *args, **kwargs)
        return value * float("nan") if self.state.global_step + 1 == number else value

    trainer.PairTrainer.compute_loss = broken  # type: ignore[method-assign]


def kill_wandb_in_step(number: int) -> None:
    """Kill wandb's own process during that optimiser step."""
    from train.fit import trainer

    stock = trainer.PairTrainer.compute_loss

    def killing(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.state.global_step + 1 == number:
            children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
            for child in children:
                if "wandb-core" in Path(f"/proc/{child}/cmdline").read_text(encoding="utf-8"):
                    os.kill(int(child), signal.SIGKILL)
        return stock(self, *args, **kwargs)

    trainer.PairTrainer.compute_loss = killing  # type: ignore[method-assign]


def die_at_part(number: int) -> None:
    """SIGKILL in the middle of writing a part of `embed`, which leaves half of a file."""
    from train.vectors import shards

    stock = shards.Parts.write

    def write(self: Any, part: int, key: str, table: Any) -> None:
        if part == number:
            (self.folder / f".{part}.tmp").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        stock(self, part, key, table)

    shards.Parts.write = write  # type: ignore[method-assign]
