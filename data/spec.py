"""What a user may say about one data set in a config; `train.config.schema` embeds these models. Defaults mean "work it out"."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Choice(StrEnum):
    """A choice among words. It is shown, compared and written as the word that users write, in messages and digests as well."""

    def __repr__(self) -> str:
        return repr(self.value)


class BadRows(Choice):
    """What to do with empty texts and unreadable scores."""

    FAIL = "fail"
    DROP = "drop"


class Loss(Choice):
    """What training minimises."""

    AUTO = "auto"
    COSINE = "cosine"
    COSENT = "cosent"
    ANGLE = "angle"
    MNRL = "mnrl"
    CACHED_MNRL = "cached_mnrl"


class Sampling(Choice):
    """Which of the admitted ranks become hard negatives."""

    TOP = "top"
    RANDOM = "random"


class StrictModel(BaseModel):
    """Unknown keys are errors: a misspelt key that is silently ignored costs a training run."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ColumnSpec(StrictModel):
    """Which column plays which role. Empty fields are recognised by their usual names."""

    anchor: str | None = Field(None, description="column of the query")
    positive: str | None = Field(None, description="column of the text that belongs to the query")
    negatives: list[str] = Field(default_factory=list, description="columns of hard negatives")
    sentence1: str | None = Field(None, description="first text of a scored pair")
    sentence2: str | None = Field(None, description="second text of a scored pair")
    score: str | None = Field(None, description="similarity of a scored pair")
    group: str | None = Field(None, description="rows with an equal value here stay on one side of a split")
    split: str | None = Field(None, description="holds train, dev (validation) or test")

    @field_validator("negatives", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class PromptSpec(StrictModel):
    """What is put before the texts of a data set, in training and in judging. Empty fields keep the model's own prompts."""

    anchor: str | None = Field(None, description="text put before each query")
    positive: str | None = Field(None, description="text put before each document, hard negatives included")
    sentences: str | None = Field(None, description="text put before both sides of scored pairs")


class DatasetSpec(StrictModel):
    """One data set."""

    source: str = Field(
        min_length=1,
        description="path of a file, folder or glob (csv tsv json jsonl parquet, BEIR folder), a Hub id, or `python_api`",
    )
    name: str | None = Field(None, description="short name in reports; by default made from the source")
    columns: ColumnSpec = Field(default_factory=ColumnSpec)
    score_range: tuple[float, float] | None = Field(
        None, description="[lowest, highest] possible score, such as [0,10]; by default recognised out of 0..1, 0..5 and -1..1"
    )
    bad_rows: BadRows = Field(BadRows.FAIL, description="what to do with empty texts and unreadable scores")
    max_rows: int | None = Field(None, ge=2, description="training rows at most, chosen by hash; all by default")
    train: bool = Field(True, description="false: the data set is only judged, to see what was lost elsewhere")
    loss: Loss = Field(
        Loss.AUTO,
        description="auto: cosine for scored pairs, mnrl (MultipleNegativesRanking) otherwise; cached_mnrl: it in less memory",
    )
    prompts: PromptSpec = Field(default_factory=PromptSpec)
    weight: float = Field(
        1, gt=0, description="beside other data sets: 2 doubles its share of the training steps in proportion to theirs"
    )
    hub_config: str | None = Field(None, description="configuration (subset) of a Hub data set")
    hub_revision: str | None = Field(None, description="revision of a Hub data set")

    @model_validator(mode="after")
    def _range_is_ordered(self) -> DatasetSpec:
        if self.score_range is not None and not self.score_range[0] < self.score_range[1]:
            raise ValueError("score_range must be [low, high] with low < high")
        return self


class SplitSpec(StrictModel):
    """How missing splits are made."""

    dev: float = Field(0.1, gt=0, lt=0.5, description="share of the rows (or queries) that becomes dev")
    test: float = Field(0.2, gt=0, lt=0.5, description="share of the rows (or queries) that becomes test")
    max_dev: int = Field(
        500,
        ge=1,
        description="queries or scored pairs in a dev split that is made, at most; queries beyond evaluation.dev_queries would be"
        " neither trained on nor judged",
    )
    max_test: int = Field(2000, ge=1, description="queries or scored pairs in a test split that is made, at most")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the hash that deals groups to splits")
    folds: int | None = Field(
        None,
        ge=2,
        le=20,
        description="cross-validation: test is one of so many parts of the rows; a given test split is left out",
    )
    fold: int = Field(0, ge=0, description="which of the folds is test, from 0")

    @model_validator(mode="after")
    def _fold_is_one_of_them(self) -> SplitSpec:
        if self.fold >= (self.folds or 1):
            raise ValueError(f"fold must be below folds, which is {self.folds}")
        return self


class MiningSpec(StrictModel):
    """How hard negatives are mined for pairs: texts that the base ranks high for a query although they do not belong to it."""

    enabled: Literal["auto"] | bool = Field(
        "auto",
        description="true: pairs are trained with mined negatives; rows that bring negatives keep theirs; auto: by the recipe's"
        " rule, where every row finds one",
    )
    negatives: int = Field(1, ge=1, le=32, description="hard negatives a row; each is one more text to embed in every step")
    rank_from: int = Field(10, ge=1, description="first rank of the base's search that may be taken, known positives not counted")
    rank_to: int = Field(100, ge=1, le=10_000, description="last rank of the base's search that may be taken")
    sampling: Sampling = Field(Sampling.TOP, description="which of the admitted ranks: the first, or any, chosen by hash")
    max_share_of_positive: float | None = Field(
        0.95,
        gt=0,
        le=1,
        description="similarity of a negative, at most, as a share of the positive's (NV-Retriever, arXiv:2407.15831); null: any",
    )
    margin: float = Field(0, ge=0, lt=2, description="a negative's similarity is at least so far below the positive's")
    near_positive: float | None = Field(
        0.9,
        gt=0,
        le=1,
        description="a text with this cosine to a known positive of the query counts as positive, too; null: only equal texts",
    )
    cross_encoder: str | None = Field(
        None, min_length=1, description="folder or Hub id of a cross-encoder that looks at every negative; none by default"
    )
    max_cross_score: float = Field(
        0.1, gt=0, lt=1, description="probability up to which the cross-encoder lets a negative pass (RocketQA, arXiv:2010.08191)"
    )
    seed: int = Field(0, ge=0, lt=2**63, description="of the hash that chooses at random")

    @model_validator(mode="after")
    def _window_is_ordered(self) -> MiningSpec:
        if self.rank_to - self.rank_from + 1 < self.negatives:
            raise ValueError("rank_to must leave room for the negatives: at least rank_from + negatives - 1")
        return self
