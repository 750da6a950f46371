"""Judge, compare, check and mine from Python: the commands of these names, with objects instead of words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from train.api.models import Model
from train.api.runs import OUTPUT_DIR
from train.api.session import session
from train.api.settings import column_settings, setting_words
from train.api.words import Data, ModelName, model_settings, model_word, sources_of
from train.config.choices import Split
from train.console import Listener
from train.encode.api.confirm import Confirm
from train.errors import ConfigError

if TYPE_CHECKING:
    from train.workflows.check import AuditReport
    from train.workflows.compare.compare import ModelComparison
    from train.workflows.evaluate import Evaluation
    from train.workflows.mine import MinedRows

SplitName = Literal["train", "dev", "test", "all"]
"""Rows that can be judged."""


def evaluate(
    model: ModelName,
    other: ModelName | None = None,
    *,
    data: Data,
    anchor: str | None = None,
    positive: str | None = None,
    sentence1: str | None = None,
    sentence2: str | None = None,
    score: str | None = None,
    group: str | None = None,
    category: str | None = None,
    split: SplitName | None = None,
    output: str | os.PathLike[str] | None = None,
    output_dir: str | os.PathLike[str] = OUTPUT_DIR,
    settings: Mapping[str, object] | None = None,
    progress: Listener | None = None,
    confirm: Confirm | None = None,
) -> Evaluation:
    """Judge a model without training; with two models, judge the second against the first.

    Args:
        model: the model, or the base.
        other: the model that is judged against it.
        data: see `fine_tune`.
        anchor, positive, sentence1, sentence2, score, group, category: columns of these roles; recognised where left out.
        split: rows to judge; by default test where the data has it, else all, but never those that a judged run was trained on.
        output: new folder for report.html, report.json and the scores of each query, with two models.
        output_dir: folder that runs and the shared cache are in.
        settings: every other setting by its dotted key.
        progress: hears each line that the command would print with --verbose.
        confirm: gets what a model behind an API would cost, and returns whether to go on; without it nothing is spent.

    Raises:
        ConfigError, DataError, ModelError: something cannot be judged.
        Interrupted: `confirm` said no.
        RunError: the output folder is in use or cannot be written.
    """
    from train.resolve.requests import read_request
    from train.workflows.evaluate import evaluate_models

    roles = {
        "anchor": anchor,
        "positive": positive,
        "sentence1": sentence1,
        "sentence2": sentence2,
        "score": score,
        "group": group,
        "category": category,
    }
    with session(progress):
        names = [model_word(one) for one in (model, other) if one is not None]
        own = model_settings(model) | ({} if other is None else model_settings(other, "other"))
        words = [*names, *_words(output_dir, roles, own, settings)]
        request = read_request(words, data=sources_of(data, output_dir), split=_split(split))
        return evaluate_models(request, output=None if output is None else Path(output), confirm=confirm)


def compare(
    models: Sequence[ModelName | Mapping[str, object]],
    *,
    data: Data,
    anchor: str | None = None,
    positive: str | None = None,
    sentence1: str | None = None,
    sentence2: str | None = None,
    score: str | None = None,
    group: str | None = None,
    category: str | None = None,
    split: SplitName | None = None,
    output: str | os.PathLike[str] | None = None,
    output_dir: str | os.PathLike[str] = OUTPUT_DIR,
    settings: Mapping[str, object] | None = None,
    progress: Listener | None = None,
    confirm: Confirm | None = None,
) -> ModelComparison:
    """Compare models on your texts: quality, speed, size and price, and recommend one.

    Args:
        models: the models. A mapping is an entry of the section `models` in docs/configuration.md, such as
            `{"name": "all-MiniLM-L6-v2", "label": "short", "dimensions": 96}`.
        data, split, output_dir, settings, progress, confirm: see `evaluate`.
        anchor, positive, sentence1, sentence2, score, group, category: columns of these roles; recognised where left out.
        output: new folder for the files; by default one below `output_dir`.

    Raises:
        ConfigError, DataError, ModelError: something cannot be judged.
        Interrupted: `confirm` said no.
        RunError: the output folder is in use or cannot be written.
    """
    from train.workflows.compare.compare import compare_models
    from train.workflows.compare.config import read_compare_request

    roles = {
        "anchor": anchor,
        "positive": positive,
        "sentence1": sentence1,
        "sentence2": sentence2,
        "score": score,
        "group": group,
        "category": category,
    }
    with session(progress):
        words = [*_compared(models), *_words(output_dir, roles, settings)]
        request = read_compare_request(words, data=sources_of(data, output_dir), split=_split(split))
        return compare_models(request, output=None if output is None else Path(output), confirm=confirm)


def check(
    data: Data,
    *,
    anchor: str | None = None,
    positive: str | None = None,
    negatives: str | list[str] | None = None,
    sentence1: str | None = None,
    sentence2: str | None = None,
    score: str | None = None,
    group: str | None = None,
    category: str | None = None,
    split: str | None = None,
    tokens: bool = True,
    output_dir: str | os.PathLike[str] = OUTPUT_DIR,
    settings: Mapping[str, object] | None = None,
    progress: Listener | None = None,
) -> AuditReport:
    """Look for leaks, duplicates and broken texts in data.

    Args:
        data: see `fine_tune`.
        anchor, positive, negatives, sentence1, sentence2, score, group, category, split: columns of these roles; recognised where
            left out.
        tokens: count tokens with the model's tokenizer, to find texts that are too long for it.
        output_dir: folder that the shared cache is in.
        settings: every other setting by its dotted key.
        progress: hears each line that the command would print with --verbose.

    Raises:
        ConfigError: an unknown setting. Data that cannot be loaded is a finding.
    """
    from train.config.load import load_config
    from train.config.schema import JudgeSettings
    from train.workflows.check import check_data

    roles = {"anchor": anchor, "positive": positive, "negatives": negatives, "sentence1": sentence1}
    roles |= {"sentence2": sentence2, "score": score, "group": group, "split": split, "category": category}
    with session(progress):
        words = _words(output_dir, roles, settings)
        loaded = load_config(None, data=sources_of(data, output_dir), overrides=words, kind=JudgeSettings)
        return check_data(loaded, tokens=tokens)


def mine(
    data: Data,
    *,
    anchor: str | None = None,
    positive: str | None = None,
    out: str | os.PathLike[str] | None = None,
    model: ModelName | None = None,
    output_dir: str | os.PathLike[str] = OUTPUT_DIR,
    settings: Mapping[str, object] | None = None,
    progress: Listener | None = None,
    confirm: Confirm | None = None,
) -> MinedRows:
    """Find hard negatives for pairs: texts that a model ranks high for a query although they do not belong to it.

    Args:
        data: see `fine_tune`.
        anchor, positive: columns of query and document; recognised where left out.
        out: new .jsonl or .parquet file for the rows with their negatives.
        model: whose ranking is used; all-MiniLM-L6-v2 by default.
        output_dir, settings, progress, confirm: see `evaluate`; settings of the section `mining` say which ranks may be taken.

    Raises:
        ConfigError, DataError, ModelError: nothing can be mined.
        Interrupted: `confirm` said no.
    """
    from train.config.load import load_config
    from train.config.schema import JudgeSettings
    from train.workflows.mine import mine_data

    named = {} if model is None else {"model.name": model_word(model)} | model_settings(model)
    with session(progress):
        words = _words(output_dir, {"anchor": anchor, "positive": positive}, named, settings)
        loaded = load_config(None, data=sources_of(data, output_dir), overrides=words, kind=JudgeSettings)
        return mine_data(loaded, out=None if out is None else Path(out), confirm=confirm)


def _compared(models: Sequence[ModelName | Mapping[str, object]]) -> list[str]:
    """Return models as words, or as the setting `models` where one of them has settings of its own.

    Raises:
        ConfigError: a single model instead of a list.
    """
    if isinstance(models, str | os.PathLike) or not isinstance(models, Iterable):
        raise ConfigError("compare takes a list of models, and was given one", hint="write [model, other]")
    entries = [dict(one) if isinstance(one, Mapping) else {"name": model_word(one), **_own(one)} for one in models]
    if all(set(entry) == {"name"} for entry in entries):
        return [os.fspath(cast("str | os.PathLike[str]", entry["name"])) for entry in entries]
    return setting_words({"models": entries})


def _own(model: ModelName) -> dict[str, object]:
    return dict(model.settings) if isinstance(model, Model) else {}


def _split(name: SplitName | None) -> Split | None:
    """Return the rows to judge by their name.

    Raises:
        ConfigError: there are no such rows.
    """
    try:
        return None if name is None else Split(name)
    except ValueError:
        raise ConfigError(f"split={name!r} names no rows", hint=f"choose one of {', '.join(Split)}") from None


def _words(
    output_dir: str | os.PathLike[str],
    roles: Mapping[str, str | list[str] | None],
    *settings: Mapping[str, object] | None,
) -> list[str]:
    return setting_words({"output_dir": os.fspath(output_dir)}, column_settings(roles), *settings)
