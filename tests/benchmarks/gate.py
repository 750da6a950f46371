"""Lets a trainer run so many optimiser steps and wait: the same callback in every arm."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback

from data.schema import text_columns
from tests.benchmarks.counting import BACKWARD, Cost, TokenCounter, digest, token_lengths
from tests.benchmarks.machine import Memory, synchronise
from tests.benchmarks.workloads import BenchmarkError
from train.fit.batches.samplers import ShuffledBatchSampler
from train.fit.batches.training_set import TrainingSet

if TYPE_CHECKING:
    from train.encode.local import Encoder


class WatchedSampler(ShuffledBatchSampler):
    """A batch sampler that remembers the batches it gave, by epoch.

    Args:
        inner: decides the batches.
    """

    def __init__(self, inner: ShuffledBatchSampler) -> None:
        super().__init__(inner.rows, inner.batch_size, inner.seed)
        self.inner = inner
        self.given: dict[int, list[list[int]]] = {}

    def set_epoch(self, epoch: int) -> None:
        """Called by the trainer at the start of each epoch."""
        super().set_epoch(epoch)
        self.inner.set_epoch(epoch)

    def __len__(self) -> int:
        """Batches an epoch."""
        return len(self.inner)

    def __iter__(self) -> Iterator[list[int]]:
        given = self.given[self.epoch] = []
        for batch in self.inner:
            given.append(batch)
            yield batch

    def plan(self) -> list[list[int]]:
        """The batches of this epoch."""
        self.given[self.epoch] = self.inner.plan()
        return self.given[self.epoch]

    def share(self, batch: list[int], rank: int, processes: int) -> list[int]:
        """The rows of one process."""
        return self.inner.share(batch, rank, processes)

    def batches(self, first: int, last: int) -> list[list[int]]:
        """The batches of optimiser steps first..last - 1, counted from 0."""
        try:
            return [self.given[step // len(self)][step % len(self)] for step in range(first, last)]
        except (KeyError, IndexError):
            raise BenchmarkError(f"the trainer took other batches than the sampler gave for steps {first} to {last}") from None


@dataclass(frozen=True, eq=False)
class WatchedSet(TrainingSet):
    """Training rows whose sampler remembers the batches it gave."""

    watched: dict[int, WatchedSampler] = field(default_factory=dict)

    def sampler(self, batch_size: int, seed: int) -> WatchedSampler:
        """The project's sampler for these rows, watched; made once for a batch size."""
        if batch_size not in self.watched:
            self.watched[batch_size] = WatchedSampler(super().sampler(batch_size, seed))
        return self.watched[batch_size]


class Gate(TrainerCallback):
    """Waits at a step boundary until the parent says `go` and how many steps; then reports what they took.

    The clock of a slice runs from `go` to the end of its last optimiser step, everything between included: tokenising, collating,
    logging. What is counted is counted behind it.

    Args:
        connection: to the parent; gets ("ready", …) before the first step and ("slice", …) behind each slice.
        encoder: the model in training, with its contract.
        rows: what it trains on.
        sampler: which gives the batches.
        max_tokens: texts are cut there.
        prompts: put before the texts, by column.
    """

    def __init__(
        self,
        connection: Connection,
        encoder: Encoder,
        rows: TrainingSet,
        sampler: WatchedSampler,
        max_tokens: int,
        prompts: dict[str, str],
    ) -> None:
        self.connection, self.model, self.rows, self.sampler = connection, encoder.model, rows, sampler
        self.max_tokens, self.prompts, self.device = max_tokens, prompts, str(encoder.model.device)
        self.cost, self.counter = Cost.of(encoder.model), TokenCounter(encoder.model)
        self.began, self.reached = time.perf_counter(), False
        self.first_step, self.left, self.clock = 0, 0, 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Before the first step: say what will be trained, and note the memory in use."""
        setup, self.reached = time.perf_counter() - self.began, True
        trained = sum(p.numel() for p in self.model.parameters() if p.requires_grad)
        self.counter.take()  # what was forwarded to choose an attention does not count
        self.memory = Memory(self.device)
        self.connection.send(
            ("ready", {"setup_seconds": setup, "trained_weights": trained, "max_steps": state.max_steps, "device": self.device})
        )
        self._wait(control)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Behind the last step of a slice: stop the clock, report, wait."""
        self.left -= 1
        if self.left:
            return
        synchronise(self.device)
        seconds = time.perf_counter() - self.clock
        report = {"seconds": seconds, "steps": state.global_step - self.first_step, **self.memory.figures()}
        report |= self.counter.take() | self._work(self.sampler.batches(self.first_step, state.global_step))
        self.first_step = state.global_step
        self.connection.send(("slice", report))
        self._wait(control)

    def _wait(self, control: Any) -> None:
        word, *numbers = self.connection.recv()
        if word == "go":
            self.left = numbers[0]
            synchronise(self.device)
            self.clock = time.perf_counter()
        else:
            self.counter.close()
            control.should_training_stop = True

    def _work(self, batches: Sequence[Sequence[int]]) -> dict[str, Any]:
        """Rows of these batches, their real tokens and the FLOPs that training on them needs."""
        rows = [row for batch in batches for row in batch]
        part = self.rows.table.select(rows)
        lengths = [
            length
            for column in text_columns(part.column_names)
            for length in token_lengths(self.model, part[column][:], self.prompts.get(column, ""), self.max_tokens)
        ]
        return {
            "rows": len(rows),
            "tokens": sum(lengths),
            "flops": BACKWARD * self.cost.forward(lengths),
            "rows_hash": digest([list(batch) for batch in batches]),
        }
