"""What embedding texts would cost: tokens, time on this machine, bytes and money; found on a sample, and nothing is kept.

Shapes: N texts that are still to be embedded, n of them in the sample.
"""

from __future__ import annotations

import random
import time
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from train.encode.api.prices import Estimate
from train.encode.contract import Role
from train.encode.local import Encoder
from train.encode.protocol import TextEncoder
from train.vectors.quantization import PRECISIONS, bytes_per_vector
from train.wording import duration

COUNTED = 2000
"""Texts that are tokenised to count tokens; of more, so many are drawn."""
GROUPS, FIRST = 3, 32
"""Groups of texts that are timed, so that their differences show how sure the time is; and how many texts each has at first."""
ENOUGH_SECONDS = 3.0
"""Of encoding: until then the groups are doubled, since a device has to be busy for its speed to show."""
MARGIN = 1.1
"""By which the range goes beyond the fastest and the slowest group: another program may want the processor meanwhile."""
LONG = 8
"""Characters a token, at least, of texts that count as cut at the limit of tokens: what is longer makes nothing slower."""


@dataclass(frozen=True)
class EmbedEstimate:
    """What embedding would cost.

    Attributes:
        label: of the model.
        texts: of the whole file.
        in_parts: of them, those that an earlier attempt has embedded.
        in_cache: of the others, those whose vectors the cache has.
        tokens: of the N that remain; None where the model's tokens cannot be counted here.
        exact: whether all tokens were counted.
        seconds: that they take; None for a model behind an API, whose speed is the provider's.
        lowest, highest: the range of these seconds.
        sampled: texts that were timed.
        device: where they were encoded.
        dimensions: D.
        price: for a model behind an API.
        skipped: rows without a text.
    """

    label: str
    texts: int
    in_parts: int
    in_cache: int
    tokens: int | None
    exact: bool
    seconds: float | None
    lowest: float | None
    highest: float | None
    sampled: int
    device: str | None
    dimensions: int
    price: Estimate | None = None
    skipped: int = 0

    @property
    def missing(self) -> int:
        """N, the texts that are to be embedded."""
        return self.texts - self.in_parts - self.in_cache

    def bytes(self) -> dict[str, int]:
        """Return the bytes of all vectors in each precision, without ids."""
        return {one: self.texts * bytes_per_vector(one, self.dimensions) for one in PRECISIONS}

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints; seconds are rounded to milliseconds."""
        price = self.price
        return {
            "model": self.label,
            "texts": self.texts,
            "in_parts": self.in_parts,
            "in_cache": self.in_cache,
            "to_embed": self.missing,
            "rows_skipped": self.skipped,
            "tokens": self.tokens,
            "tokens_exact": self.exact,
            "seconds": None if self.seconds is None else round(self.seconds, 3),
            "seconds_range": None
            if self.lowest is None or self.highest is None
            else [round(self.lowest, 3), round(self.highest, 3)],
            "texts_timed": self.sampled,
            "device": self.device,
            "dimensions": self.dimensions,
            "bytes": self.bytes(),
            "usd": None if price is None else price.usd,
        }

    def __str__(self) -> str:
        """Return the estimate in words."""
        lines = [f"{self.texts:,} texts, {self.missing:,} of them to embed"]
        if self.in_parts or self.in_cache:
            lines.append(
                f"  there already: {self.in_parts:,} in parts of an earlier attempt, {self.in_cache:,} more in the cache"
            )
        if self.skipped:
            lines.append(f"  {self.skipped:,} rows without a text are left out")
        if self.tokens is not None:
            lines.append(f"  tokens: {'' if self.exact else 'about '}{self.tokens:,}")
        if self.seconds is not None and self.lowest is not None and self.highest is not None:
            about = f"about {duration(self.seconds)}, {duration(self.lowest)} to {duration(self.highest)}"
            timed = f"  time on this machine ({self.device}): {about} (measured on {self.sampled:,} of them)"
            lines.append(timed if self.missing else "  time: none, all vectors are there")
        if self.price is not None:
            lines.append(f"  {self.price.sentence()}")
        sizes = [(name, count) for name, count in self.bytes().items() if name in ("float32", "float16", "int8", "ubinary")]
        lines.append("  size of the vectors: " + ", ".join(f"{name} {megabytes(count)}" for name, count in sizes))
        return "\n".join([*lines, "nothing was written or sent"])


def megabytes(count: int) -> str:
    """Return a size for people."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count / 1e3:,.1f} kB"


@dataclass
class Sample:
    """Texts that are still to be embedded: their lengths, and some of them, each with the same chance.

    Attributes:
        most: characters of a text that count.
        texts: those drawn, at most `COUNTED`, in the order of the file as long as all are.
        characters: of all N, as far as they count.
        count: N.
    """

    most: int
    texts: list[str] = field(default_factory=list)
    characters: int = 0
    count: int = 0
    _draw: random.Random = field(default_factory=lambda: random.Random(0))

    def add(self, texts: Iterable[str]) -> None:
        """Take more texts into account (reservoir sampling: algorithm R of Vitter, ACM TOMS 11(1), 1985)."""
        for text in texts:
            self.count += 1
            self.characters += self.size(text)
            if len(self.texts) < COUNTED:
                self.texts.append(text)
            elif (place := self._draw.randrange(self.count)) < COUNTED:
                self.texts[place] = text

    def size(self, text: str) -> int:
        """Return the characters of a text that count, at least one."""
        return min(max(len(text), 1), self.most)

    def sizes(self) -> array[int]:
        """Return those of the texts that were drawn."""
        return array("q", map(self.size, self.texts))


def tokens_of(encoder: TextEncoder, sample: Sample, role: Role) -> int | None:
    """Return how many tokens the model would read: counted, or by the tokens a character of the sample. None where unknown."""
    store = encoder.store if isinstance(encoder, Encoder) else None
    if store is None:
        return None
    if not sample.texts:
        return 0
    contract = encoder.contract
    counted = int(store.rows(sample.texts, contract.prompt(role), contract.max_tokens).lengths.sum())
    store.forget()
    return counted if sample.count == len(sample.texts) else round(counted * sample.characters / sum(sample.sizes()))


def seconds_of(encoder: TextEncoder, sample: Sample, role: Role) -> tuple[float, float, float, int]:
    """Encode some texts of the sample, and return how long all would take: seconds, lowest, highest, and how many were timed.

    Time is taken to grow with the characters that count; of several equally drawn groups each gives a time of its own.
    """
    if not sample.texts:
        return 0.0, 0.0, 0.0, 0
    order = random.Random(1).sample(sample.texts, len(sample.texts))
    encoder.encode(order[:FIRST], role, False)  # the first call pays for what is made once
    size = FIRST
    while True:
        groups = [one for number in range(GROUPS) if (one := order[number * size : (number + 1) * size])]
        paces, whole = [], 0.0
        for group in groups:
            if isinstance(encoder, Encoder) and encoder.store is not None:
                encoder.store.forget()  # tokenising is part of the work
            began = time.perf_counter()
            encoder.encode(group, role, False)
            took = time.perf_counter() - began
            paces.append(took / sum(map(sample.size, group)))
            whole += took
        timed = sum(map(len, groups))
        if whole >= ENOUGH_SECONDS or timed >= len(order):
            middle = whole / sum(sample.size(text) for group in groups for text in group)
            total = sample.characters
            return middle * total, min(paces) * total / MARGIN, max(paces) * total * MARGIN, timed
        size *= 2
