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
    Backend,
    Batches,
    CrossValidation,
    Groups,
    Interpolation,
    Leaks,
    Pooling,
    Precision,
    Provider,
    Schedule,
    TrackingMode,
)
from train.config.short_forms import expand_single_dataset
from train.errors import ConfigError

OFF = BeforeValidator(lambda value: "off" if value is False else value)
"""YAML reads a bare `off` as false."""

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"


class ModelConfig(StrictModel):
    """The base model. Empty fields keep what the model's own configuration says."""

    name: str = Field(DEFAULT_MODEL, min_length=1, description="folder or Hub id")
    revision: str | None = Field(None, description="branch, tag or commit on the Hub")
    max_tokens: int | None = Field(None, ge=8, description="longest input in tokens, for training and judging")
    pooling: Pooling | None = Field(None, description="only for models without a pooling of their own")
    query_prompt: str | None = Field(None, description="text put before each query")
    document_prompt: str | None = Field(None, description="text put before each document")
    device: str = Field("auto", description="auto, cpu, cuda, cuda:N or mps")
    trust_remote_code: bool = Field(False, description="run Python code that comes with the model; off for safety")
    dimensions: int | None = Field(
        None,
        ge=1,
        description="keep so many first dimensions of each vector (Matryoshka models, text-embedding-3); not for training",
    )
    api: Provider | None = Field(
        None, description="the API that the model is behind: openai (or a server that speaks its protocol), cohere, voyage"
    )
    base_url: str | None = Field(
        None, pattern=r"^https?://", description="address of a server that speaks the API's protocol (vLLM, TEI, Ollama)"
    )

    @field_validator("base_url")
    @classmethod
    def _no_login(cls, value: str | None) -> str | None:
        return None if value is None else without_login(value)


class DataConfig(StrictModel):
    """What to train and judge on."""

    datasets: list[DatasetSpec] = Field(min_length=1)
    split: SplitSpec = Field(default_factory=SplitSpec)
    leaks: Leaks = Field(
        Leaks.DROP, description="training rows that dev or test have, too (the pair or the query, exactly or nearly)"
    )
    near: float = Field(
        0.9, ge=0.5, le=1, description="share of equal word triples (Jaccard) from which on two texts count as nearly the same"
    )
    strict: bool = Field(
        False, description="true: a warning of the audit that puts the result in doubt ends the run before it begins"
    )


class TrainingConfig(StrictModel):
    """How to train. Empty fields follow from row kind and row count (`train.fit.recipe`)."""

    epochs: float | None = Field(None, gt=0, description="passes over the training rows")
    max_steps: int | None = Field(None, ge=1, description="optimiser steps; wins over epochs")
    batch_size: int | None = Field(None, ge=2, description="rows in one optimiser step's batch, over all processes together")
    gradient_accumulation: int = Field(1, ge=1, description="batches summed before one optimiser step")
    learning_rate: float | None = Field(None, gt=0, lt=1, description="peak learning rate of AdamW")
    max_tokens: int | None = Field(None, ge=8, description="longest training text in tokens; judging keeps the model's own")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps over which the learning rate rises from 0")
    schedule: Schedule = Field(Schedule.LINEAR, description="learning rate after warm-up")
    weight_decay: float = Field(0.01, ge=0, lt=1, description="share of each weight taken off in a step, times the learning rate")
    max_grad_norm: float = Field(1.0, gt=0, description="gradients are clipped to this total norm")
    temperature: float | None = Field(
        None,
        gt=0,
        le=1,
        description="similarities are divided by this in ranking losses (scale = 1/temperature); left out: 0.05, and 1 for models"
        " that compare raw vectors by their dot product",
    )
    symmetric: bool = Field(True, description="ranking losses also rank queries for each document")
    groups: Groups = Field(
        Groups.AUTO,
        description="auto: rows with a text in common are dealt to different batches, and masked where they meet; blind: neither",
    )
    batches: Batches = Field(
        Batches.AUTO,
        description="rows of pairs that meet in a batch: random; similar: rows that are near to each other by the base; joint:"
        " documents with all their rows, each text once; auto: by the rules of the recipe",
    )
    mixture_temperature: float = Field(
        1,
        ge=1,
        description="of several data sets: at 1 each has steps as its size says, the higher, the more equal their shares become",
    )
    matryoshka: list[Annotated[int, Field(ge=1)]] = Field(
        default_factory=list, description="lengths to which vectors may be cut, such as [384, 256, 128, 64]: trained at each"
    )
    matryoshka_weights: list[Annotated[float, Field(gt=0)]] = Field(
        default_factory=list, description="weight of the loss at each length of matryoshka; by default 1"
    )
    precision: Precision = Field(Precision.AUTO, description="auto: bf16 where a start-up probe shows that it pays")
    seed: int = Field(42, ge=0, lt=2**32, description="of shuffling, dropout and resampling; any number from 0 to 4,294,967,295")
    evaluations: int | None = Field(
        None, ge=1, description="checkpoints judged on dev during training; by default one an epoch, 3 to 6"
    )
    patience: int | None = Field(
        None, ge=1, description="stop after so many checkpoints without a better dev score; never by default"
    )
    interpolation: Annotated[Interpolation, OFF] = Field(
        Interpolation.AUTO,
        description="auto: weights between the base and the best checkpoint are tried on dev, too; off: checkpoints only",
    )
    keep_all_checkpoints: bool = Field(False, description="keep every checkpoint, not only the best and the last")

    @model_validator(mode="after")
    def _batches_fit(self) -> TrainingConfig:
        if self.batches not in (Batches.AUTO, Batches.RANDOM) and self.groups == Groups.BLIND:
            raise ValueError(
                f"batches={self.batches} needs groups=auto: it heeds which texts rows have in common; leave one of the two out"
            )
        return self

    @model_validator(mode="after")
    def _lengths_fit(self) -> TrainingConfig:
        if self.matryoshka != sorted(set(self.matryoshka), reverse=True):
            raise ValueError("matryoshka must name each length once, the longest first")
        if self.matryoshka_weights and len(self.matryoshka_weights) != len(self.matryoshka):
            raise ValueError(f"matryoshka_weights must have one weight a length of matryoshka, {len(self.matryoshka)}")
        return self


class EvaluationConfig(StrictModel):
    """How to judge."""

    dev_queries: int = Field(500, ge=10, description="dev queries used to choose a checkpoint, at most")
    pool_top: int = Field(
        100, ge=10, le=100, description="documents a dev query that the base ranks highest, beside the judged ones"
    )
    resamples: int = Field(10_000, ge=100, description="bootstrap resamples behind an interval")
    cross_validation: Annotated[CrossValidation, OFF] = Field(
        CrossValidation.AUTO,
        description="auto: where test has fewer than 300 queries or pairs, train fewer than 3,000 rows, and max_steps is not set",
    )
    folds: int = Field(5, ge=2, le=20, description="parts of the rows in cross-validation, each of which costs one more run")
    batch_size: int = Field(
        64, ge=1, description="texts in one forward pass, of models whose texts cannot be packed by their tokens"
    )


class TrackingConfig(StrictModel):
    """Where the run's figures go besides the run folder. The key comes from WANDB_API_KEY or wandb's own login."""

    backend: Backend = Field(Backend.NONE, description="which dashboard: none or wandb")
    mode: TrackingMode = Field(
        TrackingMode.AUTO,
        description="auto: as WANDB_MODE says, otherwise online with a key or with WANDB_BASE_URL, else offline",
    )
    project: str | None = Field(
        None, min_length=1, max_length=128, description="project in the dashboard; by default WANDB_PROJECT or embed-tune"
    )
    entity: str | None = Field(None, min_length=1, description="user or team in the dashboard; by default the key's own")
    group: str | None = Field(None, min_length=1, description="runs of one group are shown together")
    tags: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(
        default_factory=list, description="words by which runs are found in the dashboard"
    )
    log_texts: bool = Field(False, description="send example texts too: the full report page and a table of examples")


class HubConfig(StrictModel):
    """Where the finished model is pushed on the Hub. The token comes from HF_TOKEN or the Hub client's own file."""

    repo_id: str | None = Field(
        None, pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$", description="owner/name on the Hub; nothing is pushed without"
    )
    private: bool = Field(True, description="only the owner may see the repository")
    licence: str | None = Field(None, description="the Hub's id of a licence for the model card, such as apache-2.0")


class ExportConfig(StrictModel):
    """What happens to the judged model besides the run's model/ folder."""

    hub: HubConfig = Field(default_factory=HubConfig)


class BaseSettings(StrictModel):
    """What every command understands, so that the configuration of a run can also be given to those that only judge.

    By itself it is for commands that need a model and no data.
    """

    run_name: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="name of the folder under output_dir: letters, digits, `.`, `_` and `-`, the first a letter or digit",
    )
    output_dir: str = Field("checkpoints", description="where run folders are made")
    vector_cache: str = Field(
        "auto",
        description="where vectors are kept for the next time: auto (a file below output_dir), off, a folder, or redis://HOST:PORT/DB",
    )
    model: ModelConfig = Field(default_factory=ModelConfig)
    data: DataConfig | None = None
    mining: MiningSpec = Field(default_factory=MiningSpec)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)
    tracking: TrackingConfig = Field(default_factory=TrackingConfig)
    export: ExportConfig = Field(default_factory=ExportConfig)

    @property
    def cache(self) -> Path:
        """Folder of what all runs under `output_dir` share: rows in Arrow files, and token ids."""
        return Path(self.output_dir) / ".cache"

    @field_validator("tracking", mode="before")
    @classmethod
    def _tracking_by_name(cls, value: Any) -> Any:
        """`tracking: wandb` is short for `tracking: {backend: wandb}`."""
        return {"backend": value} if isinstance(value, str) else value

    @field_validator("training", mode="before")
    @classmethod
    def _training_by_the_recipe(cls, value: Any) -> Any:
        """`training: auto` says that nothing is set: the recipe decides, as it does without the section."""
        return {} if value == "auto" else value

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
                f"{self.model.name} is behind the API of {self.model.api}, and cannot be trained",
                hint="models behind an API cannot be fine-tuned here, their weights are not public: name an open one",
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
