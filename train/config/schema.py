"""The configuration: strict pydantic models, read from YAML, `--data` and `key=value` overrides.

Importing this module is cheap (no torch), so that a misspelt key is reported in under a second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator, model_validator

from data.spec import DatasetSpec, MiningSpec, SplitSpec, StrictModel
from train.config.addresses import without_login, without_password
from train.config.choices import (
    Batches,
    CrossValidation,
    Groups,
    Interpolation,
    Leaks,
    PanelUse,
    Pooling,
    Precision,
    Provider,
    References,
    Schedule,
)
from train.config.sharing import ExportConfig, TrackingConfig
from train.config.short_forms import expand_panel, expand_single_dataset
from train.errors import ConfigError

OFF = BeforeValidator(lambda value: "off" if value is False else value)
"""YAML reads a bare `off` as false."""

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"

MARGIN = 0.02
"""Loss up to which a model counts as not worse. To show it of an equal model takes about 1,000 queries where single differences
have a standard deviation of .25, and four times as many for half of it."""


class ModelConfig(StrictModel):
    """The base model. Empty fields keep what the model's own configuration says."""

    name: str = Field(
        DEFAULT_MODEL, min_length=1, description="folder, preset (a file in configs/models/) or Hub id of the model"
    )
    revision: str | None = Field(None, description="branch, tag or commit on the Hub; by default main")
    max_tokens: int | None = Field(
        None,
        ge=8,
        description="longest input in tokens, in training and evaluation; longer texts are cut; by default the model's own limit",
    )
    pooling: Pooling | None = Field(
        None,
        description="how token vectors become the vector of a text, for models without a pooling of their own; by default mean",
    )
    query_prompt: str | None = Field(None, description="text put before each query; by default the model's own prompt")
    document_prompt: str | None = Field(None, description="text put before each document; by default the model's own prompt")
    device: str = Field("auto", description="where the model runs: auto (a GPU if there is one), cpu, cuda, cuda:N or mps")
    trust_remote_code: bool = Field(False, description="run Python code that comes with the model; off for safety")
    dimensions: int | None = Field(
        None,
        ge=1,
        description="number of leading dimensions to keep of each vector (Matryoshka models, text-embedding-3); not for"
        " training; by default all",
    )
    api: Provider | None = Field(
        None,
        description="provider whose API serves the model: openai (or a server that speaks its protocol), cohere or voyage; by"
        " default none, the model runs on this machine",
    )
    base_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="address (http:// or https://) of a server that speaks the API's protocol, such as vLLM, TEI or Ollama; by"
        " default the provider's own",
    )

    @field_validator("base_url")
    @classmethod
    def _no_login(cls, value: str | None) -> str | None:
        return None if value is None else without_login(value)


class DataConfig(StrictModel):
    """What to train and judge on."""

    datasets: list[DatasetSpec] = Field(
        min_length=1, description="the data sets; with only one, its keys may stand directly under `data`"
    )
    split: SplitSpec = Field(default_factory=SplitSpec)
    leaks: Leaks = Field(
        Leaks.DROP,
        description="what to do with training rows that dev or test also contain (the pair or the query, exactly or nearly):"
        " drop or keep them",
    )
    near: float = Field(
        0.9,
        ge=0.5,
        le=1,
        description="share of three-word sequences that two texts have in common (Jaccard, 0.5 to 1) from which they count as"
        " near duplicates",
    )
    strict: bool = Field(
        False, description="true: a warning of the audit that casts doubt on the result ends the run before it begins"
    )


class TrainingConfig(StrictModel):
    """How to train. Empty fields follow from row kind and row count (`train.fit.recipe`)."""

    epochs: float | None = Field(None, gt=0, description="passes over the training rows; by default chosen by the recipe")
    max_steps: int | None = Field(
        None, ge=1, description="number of optimiser steps; takes precedence over epochs, which decide by default"
    )
    batch_size: int | None = Field(
        None, ge=2, description="rows in one optimiser step's batch, over all processes together; by default chosen by the recipe"
    )
    gradient_accumulation: int = Field(
        1, ge=1, description="number of batches whose gradients are summed before an optimiser step"
    )
    learning_rate: float | None = Field(
        None, gt=0, lt=1, description="peak learning rate of AdamW; by default chosen by the recipe"
    )
    max_tokens: int | None = Field(
        None,
        ge=8,
        description="longest training text in tokens; longer ones are cut; evaluation keeps the model's own limit, which rises to"
        " this where it is lower; by default chosen by the recipe",
    )
    warmup: float = Field(
        0.1, ge=0, lt=1, description="share of the optimiser steps over which the learning rate rises from 0 to its peak"
    )
    schedule: Schedule = Field(
        Schedule.LINEAR,
        description="course of the learning rate after warm-up: linear and cosine fall to 0, constant stays at the peak",
    )
    weight_decay: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="weight decay of AdamW: the share of each weight that a step takes off, times the learning rate",
    )
    max_grad_norm: float = Field(1.0, gt=0, description="total norm to which gradients are clipped")
    temperature: float | None = Field(
        None,
        gt=0,
        le=1,
        description="number by which ranking losses divide similarities (scale = 1/temperature); by default 0.05, or 1 for"
        " models that compare raw vectors by their dot product",
    )
    symmetric: bool = Field(True, description="true: ranking losses also rank the queries for each document")
    groups: Groups = Field(
        Groups.AUTO,
        description="auto: rows that share a text are dealt to different batches, and masked where they meet; blind: neither",
    )
    batches: Batches = Field(
        Batches.AUTO,
        description="which rows of pairs meet in a batch: random; similar: rows that are close to each other for the base"
        " model; joint: documents with all their rows, each text once; auto: by the rules of the recipe",
    )
    mixture_temperature: float = Field(
        1,
        ge=1,
        description="with several data sets: at 1 their shares of the steps are proportional to their sizes; the higher, the"
        " more equal the shares",
    )
    matryoshka: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list,
        description="dimensions to which vectors may later be cut, the longest first, such as [384, 256, 128, 64]; the loss is"
        " computed at each",
    )
    matryoshka_weights: list[Annotated[float, Field(gt=0)]] = Field(
        default_factory=list, description="weight of the loss at each length in matryoshka; by default 1 each"
    )
    precision: Precision = Field(
        Precision.AUTO,
        description="number format of training: auto: bf16 where the processor has matrix units for it or was measured to gain"
        " by it, otherwise fp32",
    )
    threads: int | None = Field(
        None,
        ge=1,
        description="number of CPU threads of each process; by default OMP_NUM_THREADS, or under Accelerate, which sets that to 1"
        " by itself, the cores divided among the processes",
    )
    seed: int = Field(42, ge=0, lt=2**32, description="seed of shuffling, dropout and resampling, from 0 to 4,294,967,295")
    seeds: int = Field(
        1,
        ge=1,
        le=20,
        description="number of trainings that differ in their seed alone (seed, seed + 1, …): the report tells their mean, how"
        " much they differ, and an interval that holds this; the best on dev is shipped",
    )
    evaluations: int | None = Field(
        None,
        ge=1,
        description="number of checkpoints that are judged on dev during training; by default one per epoch, between 3 and 6",
    )
    patience: int | None = Field(
        None,
        ge=1,
        description="number of checkpoints without a better dev score after which training stops; by default it never stops"
        " early",
    )
    interpolation: Annotated[Interpolation, OFF] = Field(
        Interpolation.AUTO,
        description="auto: weights between the base and the best checkpoint are also tried on dev; off: only checkpoints are",
    )
    keep_all_checkpoints: bool = Field(False, description="true: keep every checkpoint instead of only the best and the last")

    @model_validator(mode="after")
    def _batches_fit(self) -> TrainingConfig:
        if self.batches not in (Batches.AUTO, Batches.RANDOM) and self.groups == Groups.BLIND:
            raise ValueError(
                f"batches={self.batches} needs groups=auto, since it depends on which texts rows share; leave one of the two out"
            )
        return self

    @model_validator(mode="after")
    def _lengths_fit(self) -> TrainingConfig:
        if self.matryoshka != sorted(set(self.matryoshka), reverse=True):
            raise ValueError("matryoshka must name each length once, the longest first")
        if self.matryoshka_weights and len(self.matryoshka_weights) != len(self.matryoshka):
            raise ValueError(
                f"matryoshka_weights must have one weight per length in matryoshka, which has {len(self.matryoshka)}"
            )
        return self


class EvaluationConfig(StrictModel):
    """How to judge."""

    dev_queries: int = Field(500, ge=10, description="maximum number of dev queries used to choose a checkpoint")
    pool_top: int = Field(
        100,
        ge=10,
        le=100,
        description="number of documents ranked highest by the base that are searched for each dev query, in addition to the"
        " judged ones",
    )
    resamples: int = Field(10_000, ge=100, description="number of bootstrap resamples behind each interval")
    margin: float = Field(
        MARGIN,
        gt=0,
        le=1,
        description="loss in the metric up to which a model counts as not worse: the lower one-sided 95% bound of the difference"
        " must lie above minus this",
    )
    cross_validation: Annotated[CrossValidation, OFF] = Field(
        CrossValidation.AUTO,
        description="whether further runs judge every row: auto: where test has fewer than 300 queries or pairs, train has"
        " fewer than 3,000 rows, and max_steps is not set",
    )
    panel: Annotated[PanelUse, OFF] = Field(
        PanelUse.AUTO,
        description="whether base and tuned model are judged on other work, too (packaged texts, and what `panel` names); auto:"
        " where max_steps is not set, or `panel` names something",
    )
    folds: int = Field(
        5, ge=2, le=20, description="number of parts into which cross-validation divides the rows; each costs one more run"
    )
    references: Annotated[References, OFF] = Field(
        References.AUTO,
        description="whether BM25, BM25 fused with a model, and the default model are judged beside it on data sets that are"
        " searched: auto: as far as that takes a minute or two, the default model where test could show two equal models to be"
        " so (3 / margin queries)",
    )
    batch_size: int = Field(
        64, ge=1, description="number of texts in one forward pass, for models whose texts cannot be packed by their tokens"
    )


class BaseSettings(StrictModel):
    """What every command understands, so that the configuration of a run can also be given to those that only judge.

    By itself it is for commands that need a model and no data.
    """

    run_name: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="name of the run's folder under output_dir: letters, digits, `.`, `_` and `-`, beginning with a letter or"
        " digit; by default made from the time and the data set",
    )
    output_dir: str = Field("checkpoints", description="folder in which run folders are created")
    vector_cache: str = Field(
        "auto",
        description="where vectors are kept for later runs: auto (a file under output_dir), off, a folder, or"
        " redis://HOST:PORT/DB",
    )
    model: ModelConfig = Field(default_factory=ModelConfig)
    data: DataConfig | None = None
    panel: list[DatasetSpec] = Field(
        default_factory=list,
        description="further data sets, in the form of data.datasets, on which base and tuned model are judged as other work;"
        " nothing is trained on them",
    )
    mining: MiningSpec = Field(default_factory=MiningSpec)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)
    tracking: TrackingConfig = Field(default_factory=TrackingConfig)
    export: ExportConfig = Field(default_factory=ExportConfig)

    @property
    def cache(self) -> Path:
        """Return the folder of what all runs under `output_dir` share: rows in Arrow files, and token ids."""
        return Path(self.output_dir) / ".cache"

    @field_validator("tracking", mode="before")
    @classmethod
    def _tracking_by_name(cls, value: object) -> object:
        """Accept `tracking: wandb` as short for `tracking: {backend: wandb}`."""
        return {"backend": value} if isinstance(value, str) else value

    @field_validator("training", mode="before")
    @classmethod
    def _training_by_the_recipe(cls, value: object) -> object:
        """Read `training: auto` as nothing set: the recipe decides, as it does without the section."""
        return {} if value == "auto" else value

    @field_validator("panel", mode="before")
    @classmethod
    def _panel_by_source(cls, value: object) -> object:
        return expand_panel(value)

    @field_validator("vector_cache")
    @classmethod
    def _no_password(cls, value: str) -> str:
        return without_password(value)

    @field_validator("data", mode="before")
    @classmethod
    def _one_dataset(cls, value: Any) -> Any:
        return expand_single_dataset(value)


class TrainSettings(BaseSettings):
    """Everything that decides a run; `checkpoints/<run>/config.yaml` holds the resolved one."""

    data: DataConfig

    @model_validator(mode="after")
    def _a_model_that_can_be_trained(self) -> TrainSettings:
        if self.model.api is not None:
            raise ConfigError(
                f"{self.model.name} is behind the API of {self.model.api} and cannot be trained",
                hint="the weights of models behind an API are not public: name an open model",
            )
        if self.model.dimensions is not None:
            raise ConfigError(
                f"model.dimensions={self.model.dimensions} has no meaning in training, which uses all dimensions of a model",
                hint="leave it out; evaluate, compare and embed can cut vectors",
            )
        return self

    @model_validator(mode="after")
    def _something_to_train_on(self) -> TrainSettings:
        if not any(spec.train for spec in self.data.datasets):
            raise ValueError("every data set has train: false; at least one must be trained on")
        return self


class JudgeSettings(BaseSettings):
    """The settings for judging, auditing or mining: there is data, and nothing needs to be trained on."""

    data: DataConfig
