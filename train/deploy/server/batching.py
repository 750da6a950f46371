"""Requests that come at the same time are encoded together: one worker thread has the model, and takes from one queue.

Shapes: N texts, D dimensions.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from train.deploy.server.limits import Limits
from train.encode.contract import Role

CHARACTERS_PER_TOKEN = 4
"""Of English, about; it only decides how much is encoded together and how much may wait."""


class Encoded(NamedTuple):
    """Vectors [N, D] float32 of N texts, and how many tokens each of them has for the model."""

    vectors: np.ndarray
    tokens: list[int]


class Overloaded(Exception):
    """More waits already than may, or the server stops."""


@dataclass
class Counters:
    """What a server has done since it began."""

    requests: int = 0
    texts: int = 0
    tokens: int = 0
    batches: int = 0
    refused: int = 0
    failed: int = 0


@dataclass(eq=False)
class _Job:
    """One request: its texts are encoded in pieces."""

    role: Role
    future: Future[Encoded]
    pieces: int
    done: dict[int, Encoded] = field(default_factory=dict)


@dataclass(eq=False)
class _Piece:
    job: _Job
    number: int
    texts: list[str]
    cost: int


class Batcher:
    """Encodes the texts of several requests together, in the order in which they came.

    Args:
        encode: turns texts of one role into vectors; called by the worker alone.
        limits: see `Limits`.
    """

    def __init__(self, encode: Callable[[list[str], Role], Encoded], limits: Limits) -> None:
        self.counters = Counters()
        self._encode, self._limits = encode, limits
        self._changed = threading.Condition()
        self._waiting: deque[_Piece] = deque()
        self._open: set[_Job] = set()
        self._cost, self._closing = 0, False
        self._worker = threading.Thread(target=self._work, name="encoder", daemon=True)
        self._worker.start()

    def submit(self, texts: Sequence[str], role: Role) -> Future[Encoded]:
        """Queue the texts of a request. A future that is cancelled before its turn is never encoded.

        Raises:
            Overloaded: nothing more is taken.
        """
        pieces = self._cut(texts)
        job = _Job(role, Future(), len(pieces))
        queued = [_Piece(job, number, found, cost) for number, (found, cost) in enumerate(pieces)]
        cost = sum(one.cost for one in queued)
        with self._changed:
            full = len(self._open) >= self._limits.waiting or (self._open and self._cost + cost > self._limits.waiting_tokens)
            if self._closing or full:
                self.counters.refused += 1
                raise Overloaded
            self._open.add(job)
            self._waiting.extend(queued)
            self._cost += cost
            self._changed.notify_all()
        return job.future

    def close(self) -> None:
        """Take nothing more, and return when everything that was taken is done."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._worker.join()

    def _cut(self, texts: Sequence[str]) -> list[tuple[list[str], int]]:
        """Deal texts to pieces of about a batch at most, with the estimated tokens of each."""
        found: list[tuple[list[str], int]] = []
        piece: list[str] = []
        size = 0
        for text in texts:
            cost = len(text) // CHARACTERS_PER_TOKEN + 2
            if piece and size + cost > self._limits.batch_tokens:
                found.append((piece, size))
                piece, size = [], 0
            piece.append(text)
            size += cost
        found.append((piece, size))
        return found

    def _work(self) -> None:
        while (batch := self._next()) is not None:
            for role in dict.fromkeys(piece.job.role for piece in batch):
                self._together([piece for piece in batch if piece.job.role == role], role)

    def _next(self) -> list[_Piece] | None:
        """Wait for work, and a moment for more of it. Returns None when there is none and none will come."""
        most = self._limits.batch_tokens
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            until = time.monotonic() + self._limits.gather_seconds
            while sum(one.cost for one in self._waiting) < most and not self._closing:
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            batch: list[_Piece] = []
            cost = 0
            while self._waiting and (not batch or cost + self._waiting[0].cost <= most):
                piece = self._waiting.popleft()
                if self._is_wanted(piece.job):
                    batch.append(piece)
                    cost += piece.cost
                else:
                    self._cost -= piece.cost
            return batch if batch or self._waiting or not self._closing else None

    def _is_wanted(self, job: _Job) -> bool:
        """Tell whether anybody still waits for a job; what is not begun and was given up is forgotten."""
        if job.future.running() or (not job.future.done() and job.future.set_running_or_notify_cancel()):
            return True
        self._open.discard(job)
        return False

    def _together(self, pieces: list[_Piece], role: Role) -> None:
        """Encode pieces together; where that fails, each alone, so that one request spoils no other."""
        try:
            found = self._encode([text for piece in pieces for text in piece.texts], role)
            self.counters.batches += 1
        except Exception as error:  # whatever it is, it belongs to the request that asked
            if len(pieces) > 1:
                for piece in pieces:
                    self._together([piece], role)
                return
            self._finish(pieces[0], error)
            return
        start = 0
        for piece in pieces:
            rows = slice(start, start := start + len(piece.texts))
            self._finish(piece, Encoded(found.vectors[rows], found.tokens[rows]))

    def _finish(self, piece: _Piece, found: Encoded | Exception) -> None:
        """Keep what a piece gave, and answer the request with its last one."""
        job = piece.job
        with self._changed:
            self._cost -= piece.cost
            if job.future.done():
                return
            if isinstance(found, Encoded):
                job.done[piece.number] = found
                if len(job.done) < job.pieces:
                    return
            self._open.discard(job)
            self.counters.requests += 1
        if isinstance(found, Exception):
            self.counters.failed += 1
            job.future.set_exception(found)
            return
        parts = [job.done[number] for number in range(job.pieces)]
        whole = Encoded(np.concatenate([one.vectors for one in parts]), [count for one in parts for count in one.tokens])
        self.counters.texts += len(whole.tokens)
        self.counters.tokens += sum(whole.tokens)
        job.future.set_result(whole)
