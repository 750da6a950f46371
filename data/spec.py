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


class Documents(Choice):
    """Whether splits that are made may share documents."""

    SHARED = "shared"
    APART = "apart"


class StrictModel(BaseModel):
    """Unknown keys are errors: a misspelt key that is silently ignored costs a training run."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def in_one_spelling(value: object) -> object:
    """Return a section with `license` and `licenses` as keys of British spelling, which ours have.

    Raises:
        ValueError: both spellings are there.
    """
    if not isinstance(value, dict):
        return value
    ours = {"license": "licence", "licenses": "licences"}
    if twice := next((key for key in ours if key in value and ours[key] in value), None):
        raise ValueError(f"{twice} and {ours[twice]} are the same setting; give one of them")
    return {ours.get(key, key): one for key, one in value.items()}


class ColumnSpec(StrictModel):
    """Which column plays which role. Empty fields are recognised by their usual names."""

    anchor: str | None = Field(None, description="column of the query; by default recognised by its name")
    positive: str | None = Field(
        None, description="column of the text that belongs to the query; by default recognised by its name"
    )
    negatives: list[str] = Field(
        default_factory=list, description="columns of hard negatives; by default recognised by their names"
    )
    sentence1: str | None = Field(
        None, description="column of the first text of a scored pair; by default recognised by its name"
    )
    sentence2: str | None = Field(
        None, description="column of the second text of a scored pair; by default recognised by its name"
    )
    score: str | None = Field(None, description="column with the similarity of a scored pair; by default recognised by its name")
    category: str | None = Field(
        None,
        description="column with the class of a text, where rows hold one text; texts of one class belong together; by default"
        " recognised by its name",
    )
    group: str | None = Field(
        None, description="column whose equal values keep rows on the same side of a split; by default none"
    )
    split: str | None = Field(None, description="column that says train, dev (or validation) or test")

    def named(self) -> list[str]:
        """Return the columns that are named."""
        fields = self.model_dump()
        return [*(name for name in fields.values() if isinstance(name, str)), *fields["negatives"]]

    @field_validator("negatives", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


class PromptSpec(StrictModel):
    """What is put before the texts of a data set, in training and in judging. Empty fields keep the model's own prompts."""

    anchor: str | None = Field(None, description="text put before each query of this data set; by default the model's own prompt")
    positive: str | None = Field(
        None,
        description="text put before each document of this data set, hard negatives included; by default the model's own prompt",
    )
    sentences: str | None = Field(
        None, description="text put before both sides of scored pairs; by default the model's own prompt"
    )


class DatasetSpec(StrictModel):
    """One data set."""

    source: str = Field(
        min_length=1,
        description="path of a file, folder or glob (csv, tsv, json, jsonl, parquet, xlsx, BEIR folder), a Hub id, or"
        " `python_api`",
    )
    name: str | None = Field(None, description="short name in reports; by default made from the source")
    columns: ColumnSpec = Field(default_factory=ColumnSpec)
    score_range: tuple[float, float] | None = Field(
        None,
        description="scores of texts that have nothing in common and of texts that mean the same, such as [0, 10], or [10, 0] for"
        " distances; by default recognised as 0 to 1, 0 to 5 or -1 to 1",
    )
    bad_rows: BadRows = Field(
        BadRows.FAIL, description="what to do with empty texts and unreadable scores: fail, or drop such rows"
    )
    literal: bool = Field(
        False,
        description="true: texts are meant as they stand in the rows, even where they look like ids or names of files, which are"
        " otherwise looked up in a table beside the file or in files below its folder, or like lists, which are otherwise read"
        " as such",
    )
    max_rows: int | None = Field(None, ge=2, description="maximum number of training rows, chosen by hash; by default all")
    sample: int | None = Field(
        None,
        ge=10,
        description="number of rows, about, to which the whole data set is cut before it is split: queries chosen by hash, with"
        " all of their rows; of a corpus, the documents of these rows and the same share of the others; by default all",
    )
    sample_seed: int = Field(0, ge=0, lt=2**63, description="seed of the hash that chooses the sample")
    train: bool = Field(True, description="false: the data set is only judged, to see what was lost elsewhere")
    loss: Loss = Field(
        Loss.AUTO,
        description="auto: cosine for scored pairs, mnrl (MultipleNegativesRanking) otherwise; cached_mnrl: the same in less"
        " memory; cosent, angle: for scored pairs",
    )
    prompts: PromptSpec = Field(default_factory=PromptSpec)
    weight: float = Field(
        1, gt=0, description="weight beside other data sets: 2 doubles this one's share of the training steps relative to theirs"
    )
    sheet: str | None = Field(
        None, description="sheet of an Excel workbook; by default the only one with rows, or with columns that are known"
    )
    hub_config: str | None = Field(
        None, description="configuration (subset) of a Hub data set; by default its only or default one"
    )
    hub_revision: str | None = Field(None, description="branch, tag or commit of a Hub data set; by default main")

    @model_validator(mode="after")
    def _range_is_ordered(self) -> DatasetSpec:
        if self.score_range is not None and self.score_range[0] == self.score_range[1]:
            raise ValueError("score_range must be two different numbers: [LOW, HIGH]")
        return self


class SplitSpec(StrictModel):
    """How missing splits are made."""

    dev: float = Field(0.1, gt=0, lt=0.5, description="share of the rows (or queries) that becomes dev")
    test: float = Field(0.2, gt=0, lt=0.5, description="share of the rows (or queries) that becomes test")
    max_dev: int = Field(
        500,
        ge=1,
        description="maximum number of queries or scored pairs in a dev split made here; queries beyond evaluation.dev_queries"
        " would be neither trained on nor judged",
    )
    least_dev: int | None = Field(
        None,
        ge=0,
        description="number of queries or scored pairs up to which a dev split made here is enlarged, to a quarter of all at most"
        "; by default 50 in new runs, unless data.split.dev is set",
    )
    documents: Documents = Field(
        Documents.SHARED,
        description="shared: queries are kept apart, and documents only where they do not belong to a corpus; apart:"
        " training rows with a document that dev or test asks for are left out, and splits are made so that few are",
    )
    max_test: int = Field(2000, ge=1, description="maximum number of queries or scored pairs in a test split made here")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the hash that deals groups to splits")
    folds: int | None = Field(
        None,
        ge=2,
        le=20,
        description="number of parts of the rows for cross-validation, one of which is test, and a given test split is left out;"
        " by default there is none",
    )
    fold: int = Field(0, ge=0, description="which of the folds is test, counted from 0")

    @model_validator(mode="after")
    def _fold_is_one_of_them(self) -> SplitSpec:
        if self.fold >= (self.folds or 1):
            raise ValueError(
                "fold has no meaning without folds" if self.folds is None else f"fold must be below folds, which is {self.folds}"
            )
        return self


LEAST_DEV = 50
"""Dev queries or scored pairs that a new run has where so many can be spared: with these the standard error of a difference
between two models of one training is about 0.02, with 8 it is 0.04 to 0.06 (see `train.runs.score_log.SPREAD`)."""


def with_least_dev(split: SplitSpec) -> SplitSpec:
    """Return how a new run splits: a small dev is enlarged, unless its share was set. A recorded split says what held then."""
    if split.least_dev is not None:
        return split
    return split.model_copy(update={"least_dev": 0 if "dev" in split.model_fields_set else LEAST_DEV})


class MiningSpec(StrictModel):
    """How hard negatives are mined for pairs: texts that the base ranks high for a query although they do not belong to it."""

    enabled: Literal["auto"] | bool = Field(
        "auto",
        description="true: pairs are trained with mined negatives, and rows that bring negatives keep theirs; auto: by the"
        " recipe's rule, where a negative is found for every row",
    )
    negatives: int = Field(
        1, ge=1, le=32, description="number of hard negatives per row; each is one more text to embed in every step"
    )
    rank_from: int = Field(
        10, ge=1, description="first rank of the base model's search that may be taken, known positives not counted"
    )
    rank_to: int = Field(100, ge=1, le=10_000, description="last rank of the base model's search that may be taken")
    sampling: Sampling = Field(
        Sampling.TOP, description="which of the admitted ranks are taken: top, the first ones; random, any, chosen by hash"
    )
    max_share_of_positive: float | None = Field(
        0.95,
        gt=0,
        le=1,
        description="highest similarity of a negative, as a share of the positive's (NV-Retriever, arXiv:2407.15831); null: any",
    )
    margin: float = Field(0, ge=0, lt=2, description="minimum distance of a negative's similarity below the positive's")
    near_positive: float | None = Field(
        0.9,
        gt=0,
        le=1,
        description="cosine to a known positive of the query from which a text counts as positive too; null: only equal texts do",
    )
    cross_encoder: str | None = Field(
        None, min_length=1, description="folder or Hub id of a cross-encoder that checks every negative; by default none"
    )
    max_cross_score: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="highest probability at which the cross-encoder lets a negative pass (RocketQA, arXiv:2010.08191)",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the hash that chooses at random")

    @model_validator(mode="after")
    def _window_is_ordered(self) -> MiningSpec:
        if self.rank_to - self.rank_from + 1 < self.negatives:
            raise ValueError("rank_to must leave room for the negatives: at least rank_from + negatives - 1")
        return self
