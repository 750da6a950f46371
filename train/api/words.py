"""Turn Python arguments into what the commands understand: data held in memory into files, runs and models into words."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from data.errors import DataError
from data.sources.compressed import kind_of
from data.sources.memory import store
from data.sources.readers import READERS
from train.api.models import Model
from train.api.runs import Run
from train.errors import ConfigError

if TYPE_CHECKING:
    import datasets
    import pandas

Rows: TypeAlias = (
    "pandas.DataFrame | datasets.Dataset | datasets.DatasetDict | Sequence[Mapping[str, object]] | Sequence[tuple[object, ...]]"
)
"""Rows held in memory."""

Data: TypeAlias = "str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Rows"
"""A path or a Hub id, several of them, or rows."""

ModelName: TypeAlias = "str | os.PathLike[str] | Run | Model"
"""A model folder, a run, a preset, a model behind an API or a Hub id, as the commands take it; or an opened run or model."""

SHOWN, LONGEST_NAME = 40, 250
"""Characters of a text in a message, and of the name of a file."""

MEMORY = "memory"
"""Folder below the shared cache for rows that were given in memory, so that a run can be continued and judged again."""


def sources_of(data: Data, output_dir: str | os.PathLike[str]) -> list[str]:
    """Return the sources to load; rows held in memory are written below `output_dir` first, under a digest of their content.

    Raises:
        DataError: the rows cannot be read as a table of texts.
    """
    if isinstance(data, str | os.PathLike):
        return [os.fspath(data)]
    if isinstance(data, list | tuple) and data and all(isinstance(one, str | os.PathLike) for one in data):
        _refuse_texts([os.fspath(one) for one in data])
        return [os.fspath(one) for one in data]
    return [str(store(data, Path(output_dir).absolute() / ".cache" / MEMORY))]


def stored_texts(texts: Sequence[str], output_dir: str | os.PathLike[str]) -> str:
    """Return the path of a file with these texts, below `output_dir`, under a digest of them.

    Raises:
        DataError: there are none.
    """
    return str(store([{"text": text} for text in texts], Path(output_dir).absolute() / ".cache" / MEMORY))


def _refuse_texts(names: Sequence[str]) -> None:
    """Refuse a list of texts where paths or names of data sets may be given.

    Raises:
        DataError: most have several words, and no file is called so.
    """
    texts = [name for name in names if _is_text(name)]
    if 2 * len(texts) > len(names):
        what = f"a list of {len(names):,} text{'s' * (len(names) > 1)} ({texts[0][:SHOWN]!r}, …), and no files of such names"
        hint = "give rows: tuples (query, document), dicts {'query': '…', 'document': '…'} or a DataFrame with these columns"
        raise DataError(f"{what}: which text belongs to which?", where="data", hint=hint)


def _is_text(name: str) -> bool:
    """Tell whether a string of a list is a text rather than the path of a file or the name of a data set."""
    path = Path(name)
    if len(name.split()) < 2 or "*" in name or kind_of(path) in READERS:
        return False
    return len(name) > LONGEST_NAME or not path.expanduser().exists()


def model_settings(model: ModelName, section: str = "model") -> dict[str, object]:
    """Return the settings that a model was opened with, below the section that is its own in the request."""
    return {f"{section}.{key}": value for key, value in model.settings.items()} if isinstance(model, Model) else {}


def model_word(model: ModelName) -> str:
    """Return a model in the words of the command line; its settings are apart, see `model_settings`.

    Raises:
        ConfigError: it is nothing that names a model.
    """
    if isinstance(model, Run):
        return str(model.folder)
    if isinstance(model, Model):
        return model.word
    if isinstance(model, str | os.PathLike):
        return os.fspath(model)
    raise ConfigError(
        f"a {type(model).__name__} is not a model", hint="give a name, a folder, a run (open_run) or a model (load_model)"
    )
