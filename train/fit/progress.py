"""What is seen while training runs: a bar with loss and rows per second, or a line now and then where there is no terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from tqdm.auto import tqdm
from transformers import TrainerCallback


class ProgressCallback(TrainerCallback):
    """Replaces the trainer's own bar. Loss is the mean since the last log, so nothing is synchronised for it.

    Args:
        rows_seen: returns the rows trained on so far in this process's session.
        total: optimiser steps of the whole run.
    """

    def __init__(self, rows_seen: Callable[[], int], total: int) -> None:
        self.rows_seen, self.total = rows_seen, total
        self.bar: tqdm | None = None
        self.loss = float("nan")
        self.began = 0.0
        self.line_at = 0

    def on_train_begin(self, args, state, control, **kwargs) -> None:
        if not state.is_world_process_zero:
            return
        self.began = time.perf_counter()
        if sys.stderr.isatty():
            self.bar = tqdm(total=self.total, initial=state.global_step, desc="training", unit="step", dynamic_ncols=True)

    def on_log(self, args, state, control, logs=None, **kwargs) -> None:
        self.loss = (logs or {}).get("loss", self.loss)

    def on_step_end(self, args, state, control, **kwargs) -> None:
        if not state.is_world_process_zero:
            return
        rate = self.rows_seen() / max(time.perf_counter() - self.began, 1e-9)
        if self.bar is not None:
            self.bar.update(state.global_step - self.bar.n)
            self.bar.set_postfix(
                loss=f"{self.loss:.4f}" if self.loss == self.loss else "…", rows_per_s=f"{rate:.0f}", refresh=False
            )
        elif state.global_step * 10 // self.total > self.line_at:
            self.line_at = state.global_step * 10 // self.total
            loss = f"  loss {self.loss:.4f}" if self.loss == self.loss else ""
            print(f"  step {state.global_step}/{self.total}{loss}  {rate:.0f} rows/s", file=sys.stderr, flush=True)

    def on_train_end(self, args, state, control, **kwargs) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None
