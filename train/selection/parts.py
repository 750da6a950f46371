"""What dev says of documents that train taught and of new ones, so that a recipe that only learns the documents is seen.

The mean of dev cannot show it: where half of its queries ask for taught documents, +0.19 on these hides -0.02 on new ones. So
whatever loses on new documents by more than one standard error of that difference is not taken while something else is there; the
base itself always is. One standard error is no proof, and is not meant to be: of two models of which one may have got worse
elsewhere the other is the safer choice. A model that is truly as good as the base there is passed over in 16% of cases.
"""

from __future__ import annotations

import math

import numpy as np

from train.evaluate.tasks import Task
from train.runs.records import DevPart, DevParts

FEWEST_A_PART = 20
"""Dev queries of each part from which on the parts count; with fewer the standard error itself is not known well."""


def can_be_parted(task: Task) -> bool:
    """Tell whether dev has enough queries for taught and for new documents."""
    taught = getattr(task, "taught", None)
    return taught is not None and min(int(taught.sum()), int((~taught).sum())) >= FEWEST_A_PART


def parts_of(taught: np.ndarray, base: np.ndarray, tuned: np.ndarray) -> DevParts:
    """Return what a model scores on the two parts, and how it differs from the base.

    Args:
        taught: [Q] bool, see `slicing.taught_queries`.
        base, tuned: [Q] value of each query.
    """
    return DevParts(taught=_part(base[taught], tuned[taught]), new=_part(base[~taught], tuned[~taught]))


def _part(base: np.ndarray, tuned: np.ndarray) -> DevPart:
    """Return mean and mean difference, with the latter's standard error: that of a mean of paired differences."""
    difference = tuned - base
    noise = float(difference.std(ddof=1)) / math.sqrt(len(difference))
    return DevPart(n=len(difference), dev=float(tuned.mean()), change=float(difference.mean()), noise=noise)
