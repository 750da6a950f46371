"""A data set after the split: tables of rows, a corpus, judged queries and what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from data.schema import Recognised, RowKind

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset

    from data.findings import Finding
    from data.preview import SampleRow
    from data.splits.hashes import RowHashes
    from data.splits.near_duplicates import NearTexts


@dataclass(frozen=True)
class PreparedDataset:
    """One data set, loaded and split.

    `splits[name]` is a memory-mapped `datasets.Dataset` with the columns above. `corpus` has the columns `id` and
    `text`, every document once, and is None for scored pairs. `notes` say what the user should know (what was recognised, what
    was split off, what could not be kept apart). `counts` are the same facts as numbers. `leaks` are the rows of train that dev
    or test have, too, and what was done about them; None: nobody looked. `near` says which texts are near duplicates.
    `hashes` are those of the splits' texts; `own_corpus` tells a corpus that the source gave from one made of the rows.
    `dropped` names some of the bad rows that were left out. `given_test` says that the source itself tells which rows are test.
    `left_out` [K, 2] are the hashes of query and document of the training rows that `max_rows` left out, or that were taken out
    because they are judged. `samples` are a few rows of train (of test where nothing is trained).
    `range_given` says that the user told the range of the scores.
    `literal` says that texts are meant as they stand, even where they look like ids.
    `source_fingerprint` is that of the source alone, however it was split.
    """

    name: str
    location: str
    kind: RowKind
    splits: Mapping[str, Dataset]
    corpus: Dataset | None
    notes: Sequence[str]
    counts: Mapping[str, int]
    fingerprint: str
    recognised: Recognised
    leaks: Sequence[Finding] | None = None
    near: NearTexts | None = None
    hashes: Mapping[str, RowHashes] | None = None
    own_corpus: bool = False
    dropped: Mapping[str, Sequence[str]] = field(default_factory=dict)
    given_test: bool = False
    left_out: np.ndarray | None = None
    source_fingerprint: str = ""
    samples: Sequence[SampleRow] = ()
    range_given: bool = False
    literal: bool = False
