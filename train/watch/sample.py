"""What is known of a set of texts: their vectors, and a few figures of each. The texts themselves are kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Sample:
    """N texts, row i of every array for text i.

    Attributes:
        vectors: [N, D] float32, of unit length or not.
        lengths: [N] tokens, before anything is cut.
        cut: [N] whether the text is longer than the model reads.
        unknown: [N] share of its tokens that the tokenizer does not know, 0..1.
        top1: [N] similarity to the nearest document of the index; NaN where there is no index.
        groups: [N] int, texts with the same number belong together (one user, one conversation); None where each stands for
            itself. A number means the same group only within one sample.
    """

    vectors: Floats
    lengths: Ints
    cut: Bools
    unknown: Floats
    top1: Floats
    groups: Ints | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together.

        Raises:
            ValueError: a shape that does not fit, or vectors that are not finite.
        """
        if self.vectors.ndim != 2:
            raise ValueError(f"vectors must be [N, D], got {self.vectors.shape}")
        if not np.isfinite(self.vectors).all():
            raise ValueError("vectors must be finite")
        for name in ("lengths", "cut", "unknown", "top1", "groups"):
            values = getattr(self, name)
            if values is not None and values.shape != (len(self),):
                raise ValueError(f"{name} must be [{len(self)}], one for each vector, got {values.shape}")

    def __len__(self) -> int:
        """Return N."""
        return len(self.vectors)

    @classmethod
    def of(
        cls,
        vectors: Floats,
        lengths: Ints | None = None,
        cut: Bools | None = None,
        unknown: Floats | None = None,
        top1: Floats | None = None,
        groups: Ints | None = None,
    ) -> Sample:
        """Return a sample of [N, D] vectors, of which nothing else need be known: what is left out is the same for every text."""
        n = len(vectors)
        return cls(
            vectors=np.asarray(vectors, dtype=np.float32),
            lengths=np.zeros(n, dtype=np.int64) if lengths is None else np.asarray(lengths),
            cut=np.zeros(n, dtype=np.bool_) if cut is None else np.asarray(cut, dtype=np.bool_),
            unknown=np.zeros(n) if unknown is None else np.asarray(unknown),
            top1=np.full(n, np.nan) if top1 is None else np.asarray(top1),
            groups=None if groups is None else np.asarray(groups),
        )

    def take(self, rows: Ints) -> Sample:
        """Return the texts at these places."""
        groups = None if self.groups is None else self.groups[rows]
        return Sample(self.vectors[rows], self.lengths[rows], self.cut[rows], self.unknown[rows], self.top1[rows], groups)
