"""Fine-tune a model from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from train.api.runs import OUTPUT_DIR, Run
from train.api.session import session
from train.api.settings import column_settings, setting_words
from train.api.words import Data, ModelName, model_settings, model_word, sources_of
from train.console import Listener, say


def fine_tune(
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
    model: ModelName | None = None,
    epochs: float | None = None,
    name: str | None = None,
    output_dir: str | os.PathLike[str] = OUTPUT_DIR,
    settings: Mapping[str, object] | None = None,
    config: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | None = None,
    progress: Listener | None = None,
) -> Run:
    """Fine-tune a model on your texts and judge it against its base: load, audit, split, fit, judge, report, export.

    Args:
        data: a path, a Hub id, several of these, a pandas DataFrame, a list of dicts or of tuples, or a `datasets.Dataset`. Rows
            held in memory are written below `output_dir` first, so that the run can be continued and judged again.
        anchor, positive, negatives, sentence1, sentence2, score, group, category, split: columns of these roles; recognised by
            their usual names where they are left out.
        model: the base; all-MiniLM-L6-v2 by default.
        epochs: passes over the training rows; chosen by the recipe where left out.
        name: of the run; made from the data and the time where left out.
        output_dir: folder for the run's folder.
        settings: every other setting by its dotted key, see docs/configuration.md.
        config: YAML file, or several, of which a later one takes precedence.
        progress: hears each line that the command would print with --verbose.

    Returns:
        The finished run.

    Raises:
        ConfigError, DataError, ModelError, RunError: nothing was written, or what was written is complete.
        Interrupted: everything needed to go on is in the run's folder, see `resume`.
    """
    from train.config.launcher import apply_launcher
    from train.config.load import load_config

    roles = {"anchor": anchor, "positive": positive, "negatives": negatives, "sentence1": sentence1}
    roles |= {"sentence2": sentence2, "score": score, "group": group, "split": split, "category": category}
    named = {"output_dir": os.fspath(output_dir), "training.epochs": epochs, "run_name": name}
    named |= {"model.name": None if model is None else _base(model, output_dir)}
    given = {key: value for key, value in named.items() if value is not None}
    files = [config] if isinstance(config, str | os.PathLike) else list(config or ())
    with session(progress):
        sources = sources_of(data, output_dir)
        own = {} if model is None else model_settings(model)
        words = setting_words(given, own, column_settings(roles), settings)
        loaded = apply_launcher(load_config([Path(file) for file in files], data=sources, overrides=words), say)
        from train.pipeline import start_run

        return Run(start_run(loaded))


def resume(
    run: str | os.PathLike[str], *, output_dir: str | os.PathLike[str] = OUTPUT_DIR, progress: Listener | None = None
) -> Run:
    """Continue a run that was stopped, from its last complete checkpoint.

    Args:
        run: its folder, or its name.
        output_dir: folder that runs are in.
        progress: hears each line that the command would print with --verbose.

    Raises:
        RunError: there is no such run, it is finished already, or it is broken.
    """
    from train.pipeline import resume_run

    with session(progress):
        return Run(resume_run(os.fspath(run), output_dir=os.fspath(output_dir)))


def _base(model: ModelName, output_dir: str | os.PathLike[str]) -> str:
    """Return what `model.name` takes: of a finished run, the folder of its model."""
    from train.runs.find import look_up
    from train.runs.folder import RunFolder

    word = model_word(model)
    found = look_up(word, os.fspath(output_dir))
    return str(RunFolder(found).model) if found is not None and RunFolder(found).is_finished else word
