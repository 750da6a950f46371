"""Where the right document of each query stands, before against after."""

from __future__ import annotations

from train.report.drawing.bins import bin_chart
from train.report.drawing.picture import Picture, Table
from train.report.pictures.similarities import FEW, Similarities
from train.wording import Sides

BINS = ((1, "1"), (3, "2–3"), (10, "4–10"), (100, "11–100"), (None, ">100"))
"""The last rank of each group, and its name: ranks matter by their ratio."""


def rank_bin(rank: int) -> int:
    """Return the number of a rank's group."""
    return next(place for place, (last, _) in enumerate(BINS) if last is None or rank <= last)


def rank_picture(found: Similarities, sides: Sides, number: int = 0) -> Picture | None:
    """Return the picture of one data set of queries; None for scored pairs, and where too little is known."""
    if found.queries is None or len(found.queries[0].rank) < FEW:
        return None
    base, tuned = found.queries
    counts = [[0] * len(BINS) for _ in BINS]
    for before, after in zip(base.rank, tuned.rank, strict=True):
        counts[rank_bin(after)][rank_bin(before)] += 1
    up = sum(count for a, row in enumerate(counts) for b, count in enumerate(row) if a < b)
    down = sum(count for a, row in enumerate(counts) for b, count in enumerate(row) if a > b)
    total, names = len(base.rank), [name for _, name in BINS]
    one, other = sides.in_sentences()
    was, now = (sum(rank == 1 for rank in side.rank) for side in found.queries)
    sentence = (
        f"From {one} to {other}, the best relevant document moves up to a better group of ranks for {up:,} of {total:,} queries"
        f" and down for {down:,}; it stands first for {now:,}, before for {was:,}."
    )
    return Picture(
        name=f"ranks-{number}",
        title="Rank of the right document, before and after",
        sentence=sentence,
        drawn=bin_chart(
            counts,
            names,
            f"Counts of {total:,} queries by the rank of their best relevant document, before and after.",
            before="rank before",
            after="rank after",
            things="queries",
        ),
        table=Table(
            "Queries by rank before (across) and after (down)",
            ("Rank after", *names),
            [(name, *(f"{count:,}" for count in row)) for name, row in zip(names, counts, strict=True)],
        ),
        note="Each cell counts the queries that stood in its column before and stand in its row after.",
    )
