"""How the figures of a comparison are written for people; terminal, page and sentences share it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

Write = Callable[[float], str]

UNKNOWN = "not known"


def millis(value: float) -> str:
    """Write milliseconds: "0.42 ms", "12.3 ms", "118 ms", "2.1 s"."""
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    digits = 2 if value < 1 else 1 if value < 100 else 0
    return f"{value:,.{digits}f} ms"


def short(text: str) -> str:
    """Write a figure without a decimal that says nothing: "50 ms" for "50.0 ms"."""
    return re.sub(r"\.0+(?= |$)", "", text)


def between(low: float, high: float, write: Write) -> str:
    """Write an interval with its unit once: "11.8 to 12.4 ms"."""
    first, last = write(low), write(high)
    unit = last.partition(" ")[2]
    return f"{first.removesuffix(f' {unit}') if unit else first} to {last}"


def seconds(value: float) -> str:
    """Write a short time: "0.42 s", "12 s"."""
    return f"{value:.2f} s" if value < 10 else f"{value:,.0f} s"


def number(value: float) -> str:
    """Write a count or a rate: "0.42", "8.3", "1,234"."""
    digits = 2 if value < 1 else 1 if value < 10 else 0
    return f"{value:,.{digits}f}"


def rate(value: float) -> str:
    """Write texts a second."""
    return f"{number(value)} texts/s"


def megabytes(value: float) -> str:
    """Write MiB, from 1,024 on GiB."""
    return f"{value / 1024:,.1f} GB" if value >= 1024 else f"{value:,.0f} MB"


def size(value: float) -> str:
    """Write bytes in the largest decimal unit that fits: "384 B", "1.54 GB"."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:,.0f} B"


def dimensions(value: float) -> str:
    """Write the dimensions of a vector."""
    return f"{value:,.0f} dimensions"


def parameters(value: float) -> str:
    """Write how many weights there are: "22.7 M", "1.5 B"."""
    return f"{value / 1e9:.3g} B" if value >= 1e9 else f"{value / 1e6:.3g} M"


def usd(value: float) -> str:
    """Write US dollars: "$0", "$0.0004", "$0.02", "$12.50"."""
    if value == 0:
        return "$0"
    return f"${value:,.2f}" if value >= 0.01 else f"${value:.1g}"


def per_million(value: float) -> str:
    """Write a price of tokens."""
    return f"{usd(value)} a million tokens"


def percent(value: float) -> str:
    """Write a share: "0%", "0.4%", "12%"."""
    return f"{value:.0%}" if value == 0 or value >= 0.0995 else f"{value:.1%}"


def times(value: float) -> str:
    """Write a ratio of at least 1: "1.4 times", "12 times"."""
    return f"{value:.1f} times" if value < 10 else f"{value:,.0f} times"


def listed(names: Sequence[str]) -> str:
    """Join names in a sentence: "A", "A and B", "A, B and C"."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
