"""Fine-tune a model from Python."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from train.api.runs import OUTPUT_DIR, Run
from train.api.settings import column_words, setting_words
from train.api.words import Data, ModelName, model_word, sources_of
from train.console import Listener, heard_by, say


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
        anchor, positive, negatives, sentence1, sentence2, score, group, split: columns of these roles; recognised by their usual
            names where they are left out.
        model: the base; all-MiniLM-L6-v2 by default.
        epochs: passes over the training rows; chosen by the recipe where left out.
        name: of the run; made from the data and the time where left out.
        output_dir: folder for the run's folder.
        settings: every other setting by its dotted key, see docs/configuration.md.
        config: YAML file, or several, of which a later one takes precedence.
        progress: hears each line that the command would print.

    Returns:
        The finished run.

    Raises:
        ConfigError, DataError, ModelError, RunError: nothing was written, or what was written is complete.
        Interrupted: everything needed to go on is in the run's folder, see `resume`.
    """
    from train.config.launcher import apply_launcher
    from train.config.load import load_config

    roles = {"anchor": anchor, "positive": positive, "negatives": negatives, "sentence1": sentence1}
    roles |= {"sentence2": sentence2, "score": score, "group": group, "split": split}
    named = {"output_dir": os.fspath(output_dir), "training.epochs": epochs, "run_name": name}
    named |= {"model": None if model is None else model_word(model)}
    given = {key: value for key, value in named.items() if value is not None}
    files = [config] if isinstance(config, str | os.PathLike) else list(config or ())
    with heard_by(progress):
        sources = sources_of(data, output_dir)
        words = [*setting_words(given), *column_words(roles), *setting_words(settings)]
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
        progress: hears each line that the command would print.

    Raises:
        RunError: there is no such run, it is finished already, or it is broken.
    """
    from train.pipeline import resume_run

    with heard_by(progress):
        return Run(resume_run(os.fspath(run), output_dir=os.fspath(output_dir)))
