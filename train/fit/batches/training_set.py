"""The training rows of one data set, and which of them meet in a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from datasets import Dataset

from data.schema import RowKind
from data.spec import Loss, PromptSpec
from data.splits.near_duplicates import NearTexts
from train.config.choices import Batches
from train.fit.batches.joint import JointBatchSampler
from train.fit.batches.relevance import Relevance
from train.fit.batches.samplers import RankingBatchSampler, ShuffledBatchSampler
from train.fit.batches.similar import SimilarBatchSampler
from train.fit.recipe import RowFacts

SAMPLED = 2000
"""Rows whose texts are measured."""
LONGEST = 1000
"""Characters of a text that count: models read no more than some hundred tokens."""


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """Training rows of one data set, and which of their texts belong together.

    Attributes:
        table: texts, and the score of scored pairs.
        kind: of the rows.
        related: [K, 2] hashes of further queries and documents that belong together, see `Relevance.of`.
        near: which texts are near duplicates.
    """

    table: Dataset
    kind: RowKind
    related: np.ndarray | None = None
    near: NearTexts | None = None

    @cached_property
    def recurring(self) -> Relevance | None:
        """The texts of pairs and tuples, equal ones as one."""
        return None if self.kind is RowKind.SCORED else Relevance.of(self.table, self.related)

    @cached_property
    def alike(self) -> Relevance | None:
        """The same, near duplicates as one, too."""
        if self.near is None or not len(self.near.texts) or self.kind is RowKind.SCORED:
            return self.recurring
        return Relevance.of(self.table, self.related, self.near)

    @cached_property
    def facts(self) -> RowFacts:
        """Return what the recipe's rule asks of the rows."""
        rows, found = len(self.table), self.recurring
        if found is None:
            return RowFacts(self.kind, rows, rows, rows)
        queries, positives = (len(np.unique(numbers)) for numbers in (found.queries, found.documents[:, 0]))
        return RowFacts(self.kind, rows, queries, positives, self._queries_a_document)

    @property
    def _queries_a_document(self) -> float:
        """Queries with together as many characters as a document."""
        # from everywhere: files are often sorted
        sample = self.table.select(np.unique(np.linspace(0, len(self.table) - 1, SAMPLED).astype(np.int64)))
        query, document = (sum(min(len(text), LONGEST) for text in sample[name]) for name in ("anchor", "positive"))
        return document / max(query, 1)


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Training rows of one data set, and how they are trained on.

    Attributes:
        rows: the rows.
        loss: its name.
        batches: which rows meet, see `train.fit.recipe.choose_batches`.
        vectors: of the rows by the base, see `row_vectors`; batches of similar rows need them.
        blind: take texts that recur for negatives of one another, for comparison.
        prompts: put before the texts.
        weight: beside other data sets.
    """

    rows: TrainingRows
    loss: Loss
    batches: Batches = Batches.RANDOM
    vectors: np.ndarray | None = None
    blind: bool = False
    prompts: PromptSpec = field(default_factory=PromptSpec)
    weight: float = 1.0
    _samplers: dict[tuple[int, int], ShuffledBatchSampler] = field(default_factory=dict, init=False, repr=False)

    @property
    def table(self) -> Dataset:
        """The rows' texts and scores."""
        return self.rows.table

    @property
    def kind(self) -> RowKind:
        """The rows' kind."""
        return self.rows.kind

    @property
    def facts(self) -> RowFacts:
        """Return what the recipe's rule asks of the rows."""
        return self.rows.facts

    @cached_property
    def relevance(self) -> Relevance | None:
        """Return what ranking losses must not take for negatives, nor count twice; None where no row has a text that another
        row's query finds relevant, and none has one of its own twice."""
        # batches of shared documents embed one text for all that count as one, so there only equal ones do
        found = None if self.blind else self.rows.recurring if self.batches == Batches.JOINT else self.rows.alike
        if found is None or self.batches == Batches.JOINT or found.repeats is not None or found.tied.any():
            return found
        return None

    @cached_property
    def keys(self) -> np.ndarray | None:
        """Return what the loss takes for labels: [N, 2 + negatives] int64; None where nothing is masked."""
        return None if self.relevance is None else self.relevance.keys()

    def sampler(self, batch_size: int, seed: int) -> ShuffledBatchSampler:
        """Return the rows of each batch; made once for a batch size and seed."""
        if (batch_size, seed) not in self._samplers:
            self._samplers[batch_size, seed] = self._sampler(batch_size, seed)
        return self._samplers[batch_size, seed]

    def _sampler(self, batch_size: int, seed: int) -> ShuffledBatchSampler:
        if self.batches == Batches.JOINT and self.relevance is not None:
            room = round(batch_size * max(1.0, self.facts.queries_a_document))
            return JointBatchSampler(self.relevance, batch_size, seed, queries=room)
        if self.batches == Batches.SIMILAR and self.rows.alike is not None and self.vectors is not None:
            return SimilarBatchSampler(self.rows.alike, self.vectors, batch_size, seed)
        if self.relevance is not None:
            return RankingBatchSampler(self.relevance, batch_size, seed)
        return ShuffledBatchSampler(len(self.table), batch_size, seed)
