"""How many false negatives mining makes: half of the positives that are known are hidden, and looked for among what is mined.

It needs queries with several positives. The figure is a lower bound for positives that nobody has labelled, as far as those are
like the labelled ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from data.mining.mine import CrossEncoder, mine
from data.mining.texts import MiningTexts
from data.spec import MiningSpec, Sampling

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class HiddenFound:
    """What mining with one setting made of the hidden positives.

    Attributes:
        mined: hidden positives (a query with a document) that became negatives.
        negatives: all negatives that were mined, repeated ones counted once a row.
        false: how many of these are hidden positives.
        drawn: how many of these were drawn from outside the window.
    """

    mined: int
    negatives: int
    false: int
    drawn: int


@dataclass(frozen=True)
class MiningAudit:
    """Hidden positives among mined negatives, without the filter and with it.

    Attributes:
        queries: queries with several positives.
        rows: rows of these whose positive was still to be seen.
        hidden: positives (a query with a document) that were hidden.
        found: by the name of the setting: `plain` (the first ranks, whatever they are), `window` (the ranks of the settings, no
            filter), `filter` (the settings).
    """

    queries: int
    rows: int
    hidden: int
    found: Mapping[str, HiddenFound]

    def as_json(self) -> dict[str, int | dict[str, int | float | None]]:
        """Return numbers and rates: `hidden_mined_share` of the hidden positives, `false_negative_share` of the negatives."""
        return {
            "queries": self.queries,
            "rows": self.rows,
            "hidden": self.hidden,
            **{
                name: {
                    "hidden_mined": one.mined,
                    "hidden_mined_share": one.mined / self.hidden if self.hidden else None,
                    "negatives": one.negatives,
                    "false_negatives": one.false,
                    "false_negative_share": one.false / one.negatives if one.negatives else None,
                    "drawn": one.drawn,
                }
                for name, one in self.found.items()
            },
        }


def without_filter(spec: MiningSpec) -> MiningSpec:
    """Return the same window, in which everything but known positives is taken."""
    return spec.model_copy(update={"max_share_of_positive": None, "margin": 0.0, "near_positive": None, "cross_encoder": None})


def audit_mining(
    texts: MiningTexts,
    query_vectors: Tensor,
    document_vectors: Tensor,
    spec: MiningSpec,
    similarity: Literal["cosine", "dot"] = "cosine",
    cross: CrossEncoder | None = None,
) -> MiningAudit:
    """Hide half of the positives of each query that has several, mine, and count; the arguments are those of `mine`."""
    seen, hidden = texts.hide_half(spec.seed)
    queries = len(np.unique(hidden // len(texts.documents)))
    bare = without_filter(spec)
    first = bare.model_copy(update={"rank_from": 1, "sampling": Sampling.TOP})
    found = {}
    for name, settings in (("plain", first), ("window", bare), ("filter", spec)):
        used = cross if name == "filter" else None
        mined = mine(seen, query_vectors, document_vectors, settings, similarity, used)
        rows = np.repeat(np.arange(len(seen)), settings.negatives).reshape(mined.documents.shape)[mined.complete]
        documents, drawn = mined.documents[mined.complete], (mined.ranks[mined.complete] == 0)
        once, where = np.unique(rows.ravel() * len(texts.documents) + documents.ravel(), return_index=True)
        keys = texts.key(seen.row_query[once // len(texts.documents)], once % len(texts.documents))
        false = np.isin(keys, hidden)
        found[name] = HiddenFound(len(np.unique(keys[false])), len(keys), int(false.sum()), int(drawn.ravel()[where].sum()))
    return MiningAudit(queries, len(seen), len(hidden), found)
