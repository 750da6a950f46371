"""Every figure of the models side by side, as people read it; terminal and page show the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from train.workflows.compare import units
from train.workflows.compare.results import Contender
from train.workflows.compare.rounds import is_quicker

Better = Literal["low", "high", ""]
NONE = "–"
"""Where a model behind an API has no such figure."""


@dataclass(frozen=True)
class Figure:
    """One line: a figure of every model.

    Attributes:
        group: under which heading it stands.
        name: what it is.
        values: one a model, in words.
        best: places of the best values; () where none is better than another.
    """

    group: str
    name: str
    values: list[str]
    best: tuple[int, ...] = ()


def figures(contenders: Sequence[Contender], documents: int) -> list[Figure]:
    """Return all figures of these models.

    Args:
        contenders: the models.
        documents: of the index whose size is worked out.
    """

    def line(
        group: str,
        name: str,
        read: Callable[[Contender], float | None],
        write: units.Write,
        better: Better = "",
        here: bool = False,
        beaten: Callable[[Contender, Contender], bool] | None = None,
    ) -> Figure:
        """Make a line of numbers.

        `here`: of this machine, so that a model behind an API has none. `beaten`: tells whether a model is better than another
        beyond what measuring leaves open; all that the best does not beat are best, too.
        """
        values = [read(one) for one in contenders]
        known = [value for value in values if value is not None]
        best: tuple[int, ...] = ()
        if better and len(known) > 1 and min(known) < max(known):
            goal = min(known) if better == "low" else max(known)
            top = contenders[values.index(goal)]
            alike = [value == goal or (beaten is not None and not beaten(top, contenders[i])) for i, value in enumerate(values)]
            best = tuple(i for i, value in enumerate(values) if value is not None and alike[i])
            best = best if len(best) < len(known) else ()
        absent = [NONE if here and one.is_api else units.UNKNOWN for one in contenders]
        written = [other if value is None else write(value) for value, other in zip(values, absent, strict=True)]
        return Figure(group, name, written, best)

    def text(group: str, name: str, read: Callable[[Contender], str | None]) -> Figure:
        return Figure(group, name, [read(one) or units.UNKNOWN for one in contenders])

    def spans(name: str, of: str, write: units.Write) -> list[Figure]:
        """Make the line of a figure's intervals; none where no model has one."""
        found = [None if one.speed is None else one.speed.span(of) for one in contenders]
        if not any(found):
            return []
        return [Figure("Speed", name, [units.UNKNOWN if one is None else units.between(*one, write) for one in found])]

    def quicker(one: Contender, other: Contender) -> bool:
        return is_quicker(one.speed, other.speed)

    def sooner(one: Contender, other: Contender) -> bool:
        return is_quicker(one.speed, other.speed, single=True)

    many = f"{documents:,} docs"
    return [
        line("Speed", "single text, p50", lambda c: c.timed("latency_p50_ms"), units.millis, "low", beaten=sooner),
        line("Speed", "single text, p95", lambda c: c.timed("latency_p95_ms"), units.millis, "low", beaten=sooner),
        *spans("p95, 95% interval", "latency_p95_ms", units.millis),
        line("Speed", "texts a second", lambda c: c.timed("texts_per_second"), units.number, "high", beaten=quicker),
        *spans("texts/s, 95% interval", "texts_per_second", units.number),
        line("Speed", "tokens a second", lambda c: c.timed("tokens_per_second"), units.number, "high", beaten=quicker),
        line("Speed", "in batches of", lambda c: c.timed("best_batch"), units.number),
        line("Speed", "load time", lambda c: c.timed("load_seconds"), units.seconds, "low", here=True),
        line("Size", "peak memory", lambda c: c.timed("memory_mb"), units.megabytes, "low", here=True),
        line("Size", "parameters", lambda c: c.facts.parameters, units.parameters),
        line("Size", "dimensions", lambda c: c.dimensions, units.number, "low"),
        line("Size", "bytes a vector", lambda c: c.index_bytes(1), units.size, "low"),
        line("Size", f"index, {many}", lambda c: c.index_bytes(documents), units.size, "low"),
        line("Size", "index as int8", lambda c: c.index_bytes(documents, "int8"), units.size, "low"),
        line("Size", "index as ubinary", lambda c: c.index_bytes(documents, "ubinary"), units.size, "low"),
        line("Texts", "longest input (tokens)", lambda c: c.outcome.contract.max_tokens, units.number, "high"),
        line("Texts", "tokens a text", lambda c: c.timed("tokens_per_text"), units.number),
        line("Texts", "texts cut", lambda c: c.timed("truncated"), units.percent, "low"),
        line("Price", "a million tokens", lambda c: c.price.usd_per_million, units.usd, "low"),
        line("Price", "your data once", lambda c: c.price.usd_data, units.usd, "low"),
        text("Terms", "weights", lambda c: f"API ({c.candidate.config.api})" if c.is_api else "open"),
        text("Terms", "licence", lambda c: c.facts.licence),
        text("Terms", "languages", lambda c: c.facts.languages_in_words()),
    ]
