"""What `search` prints: hits of a query, and the methods side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from train import wording
from train.console import lines_of, plain_table
from train.vectors.methods import MethodResult

EXCERPT = 100
"""Characters of a text that are shown."""


def methods_table(title: str, results: Sequence[MethodResult], top: int, console: Console | None = None) -> str:
    """Return bytes, overlap, time and quality of each method, ready to print.

    Args:
        title: above the table.
        results: one a method; the others are compared with the first.
        top: hits a query.
        console: decides the width; by default that of standard output.
    """
    console = console or Console(force_jupyter=False)
    table = plain_table(title)
    table.add_column("method", no_wrap=True)
    judged = results[0].ndcg is not None
    headings = ["total bytes", "of float32", f"overlap@{top}", "ms/query"]
    for heading in [*(["nDCG@10", f"of {results[0].method}"] if judged else []), *headings]:
        table.add_column(Text(heading), justify="right", no_wrap=True)
    for one in results:
        quality = [] if one.ndcg is None else [wording.fraction(one.ndcg), _share(one.ndcg, results[0].ndcg or 0.0)]
        figures = [f"{one.bytes:,}", f"{one.share:.1%}", wording.fraction(one.overlap), f"{one.ms:.2f}"]
        table.add_row(Text(one.method), *quality, *figures)
    with console.capture() as capture:
        console.print(table)
    return lines_of(capture.get())


def hits_lines(query: str, hits: Sequence[tuple[str, float, str | None]]) -> list[str]:
    """Return a query and its hits: rank, score, id, and the beginning of the text where it is known."""
    width = max((len(identity) for identity, _, _ in hits), default=0)
    lines = [f"query: {_shown(query)}"]
    for rank, (identity, score, text) in enumerate(hits, start=1):
        beginning = "" if text is None else f"  {_shown(text)}"
        lines.append(f"  {rank:>3}  {score:.4f}  {_shown(identity):<{width}}{beginning}")
    return lines


def _share(value: float, whole: float) -> str:
    return f"{value / whole:.1%}" if whole else "-"


def _shown(text: str) -> str:
    """Return one line of printable characters, cut where it is long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= EXCERPT else f"{line[: EXCERPT - 1]}…"
