"""Which queries or pairs belong together: numbers in the place of the names that rows give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def group_numbers(names: Sequence[str]) -> np.ndarray | None:
    """[n] number of each item's group, from 0 without a gap; one without a name ("") is alone. None where all are alone."""
    alone = [name or number for number, name in enumerate(names)]
    numbers: dict[str | int, int] = {}
    found = np.array([numbers.setdefault(one, len(numbers)) for one in alone], dtype=np.int64)
    return found if len(numbers) < len(names) else None
