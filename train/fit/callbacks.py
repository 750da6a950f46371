"""Figures of the training as it goes: loss, learning rate, gradient norm, speed and memory."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterable, Mapping

import torch
from transformers import TrainerCallback

from train import distributed
from train.console import say
from train.errors import Diverged
from train.machine import peak_memory_mb

STOCK = ("loss", "learning_rate", "grad_norm", "epoch")
"""What the trainer reports by itself."""


DIVERGED_HINT = "lower training.learning_rate, or use training.precision=fp32; the last checkpoint is kept"
"""What helps a run whose weights became useless."""


class FiguresCallback(TrainerCallback):
    """Hands figures over each time that the trainer logs a loss, on rank 0.

    Besides what the trainer reports: `rows_per_second` and `tokens_per_second` since the last time (time spent on judging and
    saving left out, waiting for data included), `peak_memory_mb`, and `loss/<data set>` where the trainer gives it.

    Args:
        on_log: gets the optimiser step and the figures.
        seen: rows and real tokens that training has consumed so far.
        on_step: gets each optimiser step that was made.
    """

    def __init__(
        self,
        on_log: Callable[[int, Mapping[str, float]], None],
        seen: Callable[[], tuple[int, int]],
        on_step: Callable[[int], None] = lambda step: None,
    ) -> None:
        self.hand_over, self.seen, self.stepped = on_log, seen, on_step
        self._since = 0.0
        self._rows, self._tokens = 0, 0

    def _mark(self) -> None:
        self._since = time.perf_counter()
        self._rows, self._tokens = self.seen()

    def on_train_begin(self, args, state, control, **kwargs) -> None:
        self._mark()

    def on_evaluate(self, args, state, control, **kwargs) -> None:
        self._mark()

    def on_save(self, args, state, control, **kwargs) -> None:
        self._mark()

    def on_step_end(self, args, state, control, **kwargs) -> None:
        if state.is_world_process_zero:
            self.stepped(state.global_step)

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:
        if not state.is_world_process_zero or "loss" not in (logs or {}):
            return
        figures = {name: value for name, value in logs.items() if name in STOCK or name.startswith("loss/")}
        seconds = max(time.perf_counter() - self._since, 1e-9)
        rows, tokens = self.seen()
        figures["rows_per_second"] = (rows - self._rows) / seconds
        figures["tokens_per_second"] = (tokens - self._tokens) / seconds
        figures["peak_memory_mb"] = peak_memory_mb()
        self.hand_over(state.global_step, figures)
        self._mark()


class LossMeter:
    """Mean loss of each data set since it was last read. Losses stay on the device until then, which need not wait for each.

    Args:
        names: the data sets that train together.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._batches: dict[str, list[torch.Tensor]] = {name: [] for name in names}

    def add(self, name: str, loss: torch.Tensor) -> None:
        """Note the loss of one batch."""
        if len(self._batches) > 1:
            self._batches[name].append(loss.detach())

    def read(self) -> dict[str, float]:
        """Return `loss/<data set>` for those that had batches, over all processes; call on every one. Empty for a single data
        set."""
        if len(self._batches) == 1:
            return {}
        sums = distributed.totals([float(torch.stack(found).sum()) if found else 0.0 for found in self._batches.values()])
        counts = distributed.totals([len(found) for found in self._batches.values()])
        self._batches = {name: [] for name in self._batches}
        return {f"loss/{name}": total / n for name, total, n in zip(self._batches, sums, counts, strict=True) if n}


ECHO_SECONDS = 5.0
"""A second signal within this time of the first is taken for the launcher's copy of it."""


class ScheduleCallback(TrainerCallback):
    """Judges and saves after the recipe's evaluation steps; stops on a signal, on a non-finite loss, or when told to.

    Args:
        steps: optimiser steps after which a checkpoint is judged and saved.
        should_stop: asked after each evaluation (early stopping).
    """

    def __init__(self, steps: tuple[int, ...], should_stop: Callable[[], bool]) -> None:
        self.steps, self.should_stop = frozenset(steps), should_stop
        self.interrupted = False
        self._asked: float | None = None

    def request_stop(self, signum: int, frame: object) -> None:
        """Handle a signal: the first asks for a checkpoint and an end, the second ends at once.

        With several processes the launcher passes on the Ctrl-C that the terminal has sent already: an echo, no second signal.
        """
        now = time.monotonic()
        if self._asked is None:
            self._asked = now
        elif distributed.world_size() == 1 or now - self._asked > ECHO_SECONDS:
            signal.signal(signum, signal.SIG_DFL if signum != signal.SIGINT else signal.default_int_handler)
            signal.raise_signal(signum)
        self.interrupted = True

    def on_step_end(self, args, state, control, **kwargs) -> None:
        if state.global_step in self.steps:
            control.should_log = control.should_evaluate = control.should_save = True
        if distributed.anyone(self.interrupted):  # signals reach processes at different steps; they stop at the same one
            self.interrupted = True
            control.should_save = control.should_training_stop = True
            say("stopping: a checkpoint of this step is written; Ctrl-C again ends at once")

    def on_evaluate(self, args, state, control, **kwargs) -> None:
        if self.should_stop():
            control.should_training_stop = True

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            raise Diverged(
                f"the loss became {loss} before step {state.global_step}; the weights are no longer usable",
                hint=DIVERGED_HINT,
            )
