"""The work of `embed`: which parts are there already, the ranges of bytes, and the parts that are missing.

Shapes: N texts of a part, D dimensions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from data.progress import progress as bar_of
from data.sources.texts import TextRow, TextRows
from train import distributed
from train.config.schema import ModelConfig
from train.encode.api.prices import Estimate, estimate, load_prices, price_of
from train.encode.cache.encoder import CachedEncoder, not_cached
from train.encode.contract import Role
from train.encode.local import Encoder
from train.encode.protocol import TextEncoder
from train.errors import NotFinite
from train.vectors.files import as_table
from train.vectors.quantization import CALIBRATED, Precision, Ranges, calibrate, outside, quantise, ranges_as_json
from train.vectors.shards import Parts, part_key

PART_CHARACTERS = 1 << 24
"""Characters after which a part is closed, however few texts it has."""

Part = tuple[int, list[TextRow]]
"""Number of a part, from 0, and its texts."""


@dataclass
class Plan:
    """What there is to do.

    Attributes:
        texts: of the whole file.
        parts: number of parts.
        missing: texts of each part that is to be made.
        stale: parts of an earlier attempt that do not fit any more.
        estimate: of what is to be paid; None for open models.
    """

    texts: int = 0
    parts: int = 0
    missing: dict[int, int] = field(default_factory=dict)
    stale: int = 0
    estimate: Estimate | None = None

    @property
    def done(self) -> int:
        """Texts whose vectors are there."""
        return self.texts - sum(self.missing.values())


@dataclass
class Work:
    """Texts on their way to vectors.

    Attributes:
        encoder: the model, perhaps behind a cache.
        inner: the model itself.
        model: its settings.
        role: what the texts are to it.
        precision: of the stored vectors.
        ranges: of int8 and uint8, once they are known.
        texts: what is encoded.
        size: texts of a part.
        with_text: keep the texts beside the vectors.
        parts: where the vectors go.
        clipped: values outside of the ranges, among those that this process quantised.
        cut: texts as long as the model reads, among those that this process encoded.
    """

    encoder: TextEncoder
    inner: TextEncoder
    model: ModelConfig
    role: Role
    precision: Precision
    ranges: Ranges | None
    texts: TextRows
    size: int
    with_text: bool
    parts: Parts
    clipped: int = 0
    cut: int = 0
    _space: str = ""
    _first: np.ndarray | None = None

    def __post_init__(self) -> None:
        self._space = self.encoder.space(self.role)

    def settings(self) -> list[Any]:
        """Return what decides a part besides its texts."""
        ranges = None if self.ranges is None else ranges_as_json(self.ranges)
        return [self._space, self.role, self.precision, self.with_text, ranges]

    def split(self) -> Iterator[Part]:
        """Split the texts into parts; they are read again."""
        number, rows, characters = 0, [], 0
        for row in self.texts:
            rows.append(row)
            characters += len(row.text)
            if len(rows) == self.size or characters >= PART_CHARACTERS:
                yield number, rows
                number, rows, characters = number + 1, [], 0
        if rows:
            yield number, rows

    def settle_ranges(self, parts: Iterator[Part], *, encode: bool = True) -> Iterator[Part]:
        """Find the ranges of int8 and uint8, if not given: those of an earlier attempt, or of the vectors of the first part.

        Args:
            parts: of which the first is read.
            encode: compute these vectors; otherwise the ranges may stay open.

        Returns:
            The same parts.
        """
        if self.precision not in CALIBRATED or self.ranges is not None:
            return parts
        first = next(parts, None)
        if first is None:
            return parts
        _, rows = first
        key = part_key(self.settings(), *_columns(rows))

        def find() -> Ranges | None:
            found = self.parts.ranges(key)
            if found is None and encode:
                self._first = self._encode(rows)
                found = calibrate(self._first)
                self.parts.write_ranges(key, found)
            return found

        self.ranges = distributed.on_main(find)
        return chain([first], parts)

    def plan(self) -> Plan:
        """Read all texts once: count them, find mistakes, and see which parts are there. Call `settle_ranges` first."""
        plan, tokens, charged = Plan(), 0, 0
        prices = load_prices() if self.model.api else {}
        for number, rows in self.split():
            plan.texts += len(rows)
            plan.parts += 1
            state = self.parts.state(number, self._key(rows))
            if state:
                continue
            plan.missing[number] = len(rows)
            plan.stale += state is False
            if self.model.api:
                unpaid = self._unpaid([row.text for row in rows])
                charged += len(unpaid)
                tokens += estimate(self.model, unpaid, prices).tokens
        if self.model.api:
            plan.estimate = Estimate(f"{self.model.api}:{self.model.name}", charged, tokens, price_of(self.model, prices))
        return plan

    def arrived(self, number: int, rows: Sequence[TextRow]) -> bool:
        """Tell whether a part is there and good."""
        return bool(self.parts.state(number, self._key(rows)))

    def make(self, plan: Plan | None, progress: bool | None = None) -> Plan:
        """Encode the parts that are missing; of several processes each its share.

        Args:
            plan: what is missing; None where the texts can be read only once: then it is found on the way.
            progress: show a bar; by default as `data.progress.bars` says.

        Returns:
            The plan, or what it would have been.

        Raises:
            NotFinite: the model gives vectors that are no numbers.
        """
        mine = (
            None
            if plan is None
            else [n for i, n in enumerate(plan.missing) if i % distributed.world_size() == distributed.rank()]
        )
        total = None if plan is None or mine is None else plan.done + sum(plan.missing[n] for n in mine)
        found = plan or Plan()
        with bar_of("embedding", total, "text", wanted=progress) as tick:
            if plan is not None:
                tick(plan.done)
            for number, rows in self.settle_ranges(self.split()):
                if mine is None:
                    found.texts += len(rows)
                    found.parts += 1
                    if self.parts.state(number, self._key(rows)):
                        tick(len(rows))
                        continue
                    found.missing[number] = len(rows)
                elif number not in mine:
                    continue
                self._make_part(number, rows)
                tick(len(rows))
        return found

    def _make_part(self, number: int, rows: Sequence[TextRow]) -> None:
        ids, texts = _columns(rows)
        vectors = self._first if number == 0 and self._first is not None else self._encode(rows)
        self._first = None
        if self.ranges is not None:
            self.clipped += outside(vectors, self.ranges)
        table = as_table(ids, texts if self.with_text else None, quantise(vectors, self.precision, self.ranges))
        self.parts.write(number, self._key(rows), table)

    def _encode(self, rows: Sequence[TextRow]) -> np.ndarray:
        """Return float32 [N, D]."""
        texts = [row.text for row in rows]
        counters = self.encoder.cache.counters if isinstance(self.encoder, CachedEncoder) else None
        before = 0 if counters is None else counters.misses
        try:
            vectors = self.encoder.encode(texts, self.role, False).numpy()
        except NotFinite as error:
            raise placed(error, rows, self.texts.reader.place) from None
        fresh = counters is None or counters.misses > before
        if fresh and isinstance(self.inner, Encoder) and self.inner.store is not None:
            contract = self.inner.contract
            lengths = self.inner.store.rows(texts, contract.prompt(self.role), contract.max_tokens).lengths
            self.cut += int((lengths >= contract.max_tokens).sum())
            self.inner.store.forget()  # the next part has other texts, and there may be millions
        return vectors

    def _unpaid(self, texts: Sequence[str]) -> list[str]:
        """Return those texts that a request would be made for."""
        return not_cached(self.encoder, texts, self.role)

    def _key(self, rows: Sequence[TextRow]) -> str:
        return part_key(self.settings(), *_columns(rows))


def placed(error: NotFinite, rows: Sequence[TextRow], place: str) -> NotFinite:
    """Return the error with the id of the first row whose vector is not finite, and the place of the rows."""
    worst = next((row.id for row in rows if row.text == error.text), None)
    where = place if worst is None else f"{place}, the text with the id {worst}"
    return NotFinite(error.what, where=where, hint=error.hint, text=error.text)


def _columns(rows: Sequence[TextRow]) -> tuple[list[str], list[str]]:
    return [row.id for row in rows], [row.text for row in rows]
