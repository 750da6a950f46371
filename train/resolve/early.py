"""Mistakes in names of data sets, texts and models, found before anything is imported that takes seconds."""

from __future__ import annotations

from collections.abc import Iterable

from data.sources import refuse_lost
from data.sources.texts import open_texts
from train.config.schema import BaseSettings, ModelConfig, TrainSettings
from train.encode.weights.locate import refuse_lost_folder
from train.resolve.models import Candidate
from train.resolve.trained_from import with_named_run
from train.resolve.vectors import TextChoice


def look_at_data(config: BaseSettings) -> None:
    """Look for the data sets and the panel of a configuration.

    Raises:
        DataError: one of them is not there, or its columns cannot be understood.
    """
    for spec in (*(config.data.datasets if config.data is not None else ()), *config.panel):
        refuse_lost(spec)


def look_at_run(config: TrainSettings) -> None:
    """Look for what a training needs.

    Raises:
        DataError: see `look_at_data`.
        ModelError: the base is a folder that is not there, or a run without a model that can be trained.
    """
    look_at_data(config)
    refuse_lost_folder(with_named_run(config).model.name)


def look_at_models(candidates: Iterable[Candidate]) -> None:
    """Look for models that lie in folders.

    Raises:
        ModelError: one is not there.
    """
    for one in candidates:
        look_at_model(one.config)


def look_at_model(config: ModelConfig) -> None:
    """Look for a model, unless it is behind an API.

    Raises:
        ModelError: it is a folder that is not there.
    """
    if config.api is None:
        refuse_lost_folder(config.name)


def look_at_texts(choice: object) -> None:
    """Look for a file of texts and its columns.

    Raises:
        DataError: there is no such file or column.
    """
    if isinstance(choice, TextChoice) and choice.place != "-":
        open_texts(choice.place, choice.columns, choice.id_column)
