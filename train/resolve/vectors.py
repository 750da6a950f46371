"""What `embed-tune embed` and `embed-tune search` are asked for: texts, vectors, models and settings, checked.

Nothing heavy is imported here, so that mistakes are answered at once.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from data.sources.texts import Empty
from train.config.load import load_config
from train.config.schema import BaseSettings, ModelConfig
from train.encode.contract import Role
from train.errors import ConfigError
from train.resolve.models import Candidate, find_candidate
from train.vectors.stores.destination import Destination, parse_destination

if TYPE_CHECKING:
    from train.vectors.files import VectorFile
    from train.vectors.quantization import Precision, Ranges

SUFFIXES = (".parquet", ".npy")
"""Of files of vectors."""
PART = 8192
"""Texts that are encoded before their vectors are written, unless another number is asked for."""
TOP, RESCORE = 10, 10
"""Hits a query, and candidates by bits for each of them, unless others are asked for."""
TAKEN_OVER = frozenset({"dimensions", "max_tokens", "query_prompt", "document_prompt"})
SETTING = re.compile(
    rf"(?:(?:{'|'.join(BaseSettings.model_fields)})\.[a-z_0-9.]+|vector_cache|output_dir)=|[a-z_]+\.[a-z_0-9.]+=\S*$"
)
"""KEY=VALUE in a section of the config. In another one, which may be misspelt, the value is one word; more words are a query."""
NOT_STORED = frozenset({"device", "trust_remote_code", "base_url"})
"""Settings that are not written into a file of vectors: whoever opens one must not run code, or send texts anywhere, for it."""


@dataclass(frozen=True)
class TextChoice:
    """Which texts of which file.

    Attributes:
        place: path, or "-" for standard input.
        columns: that hold the text; none for those with the usual names.
        id_column: that holds the id; None for one with a usual name, else line numbers.
        empty: what to do with a row without a text.
    """

    place: str
    columns: tuple[str, ...] = ()
    id_column: str | None = None
    empty: Empty = "fail"


@dataclass(frozen=True)
class EmbedRequest:
    """What `embed-tune embed` was asked for.

    Attributes:
        candidate: the model.
        config: `vector_cache`, and what else is not the model's.
        texts: which texts of which file, or the texts themselves.
        ids: of the texts themselves; None for their numbers, from 1.
        out: the file of vectors; None gives them back in memory.
        role: what the texts are to the model; it decides the prompt.
        precision: of the stored vectors.
        ranges: of int8 and uint8: a file with them, or [2, D] lowest and highest values; None takes them from the first part.
        with_text: keep the texts beside the vectors in the file.
        part: texts that are encoded before their vectors are written.
        overwrite: replace a file that exists, or make a collection anew.
        to: the store that the vectors go to, instead of a file.
    """

    candidate: Candidate
    config: BaseSettings
    texts: TextChoice | tuple[str, ...]
    ids: tuple[str, ...] | None = None
    out: Path | None = None
    role: Role = Role.DOCUMENT
    precision: Precision = "float32"
    ranges: Path | Ranges | None = None
    with_text: bool = False
    part: int = PART
    overwrite: bool = False
    to: Destination | None = None


def read_min_similarity(word: str) -> float | Literal["model"]:
    """Return what `--min-similarity` says.

    Raises:
        ConfigError: neither a number nor "model".
    """
    if word == "model":
        return "model"
    try:
        number = float(word)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(f"--min-similarity {word} is no similarity", hint="give a number such as 0.6, or model")
    return number


def is_setting(word: str) -> bool:
    """Tell whether a word of the command line is KEY=VALUE rather than the name of a file, or a query with a sign in it."""
    return SETTING.match(word) is not None and not os.path.exists(word)  # noqa: PTH110 (Path raises for a long one)


def is_vector_file(word: str) -> bool:
    """Tell whether a word of the command line names a file of vectors, which need not be there."""
    return word.endswith(SUFFIXES) or Path(word).is_file()


def vectors_at(place: str) -> Path | None:
    """Return the path of a file of vectors that `embed` made; None for texts."""
    path = Path(place).expanduser()
    if path.suffix not in SUFFIXES or not path.is_file():
        return None
    from pyarrow import ArrowException

    from train.vectors.files import read_info

    try:
        read_info(path)
    except (OSError, ValueError, ArrowException):
        return None
    return path


def read_model(
    word: str, overrides: Sequence[str] = (), stored: Mapping[str, Any] | None = None
) -> tuple[Candidate, BaseSettings]:
    """Find a model with its settings, and return the rest of the settings.

    Args:
        word: the model, see `find_candidate`.
        overrides: `model.query_prompt=…` and the like, `vector_cache=…`.
        stored: settings that a file of vectors has; those of `overrides` take precedence.

    Raises:
        ConfigError: a setting that is unknown or has no meaning here.
        ModelError: see `find_candidate`.
    """
    for one in overrides:
        key = one.partition("=")[0]
        if "=" not in one:
            raise ConfigError(f"{one}: not a setting", hint="settings are written KEY=VALUE, e.g. model.device=cpu")
        if key == "model.name":
            raise ConfigError("model.name has no meaning here", hint="name the model with --model")
        if not key.startswith("model.") and key not in ("vector_cache", "output_dir", "evaluation.batch_size"):
            raise ConfigError(f"{key} has no meaning here: nothing is trained", hint="drop it")
    loaded = load_config(None, overrides=overrides, kind=BaseSettings)
    given = {key: getattr(loaded.model, key) for key in loaded.model.model_fields_set}
    kept = {key: value for key, value in (stored or {}).items() if key not in NOT_STORED}
    try:
        config = ModelConfig(**{**kept, **given, "name": word})
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise ConfigError(
            f"what the file of vectors says about its model cannot be used (model.{where})", hint="name the model with --model"
        ) from None
    return find_candidate(word, config, loaded.output_dir), loaded


def settings_of_vectors(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return what queries take over from the file if the user names a model: what decides vectors and is not the model itself."""
    return {key: value for key, value in stored.items() if key in TAKEN_OVER}


def stored_settings(config: ModelConfig) -> dict[str, Any]:
    """Return what a file of vectors says about its model, so that it can be opened again."""
    return {"name": config.name, **config.model_dump(mode="json", exclude_defaults=True, exclude=set(NOT_STORED))}


def checked_out(out: Path | None) -> Path | None:
    """Return the file to write, if its suffix allows it.

    Raises:
        ConfigError: its suffix names no kind of file that is written.
    """
    if out is not None and out.suffix not in SUFFIXES:
        raise ConfigError(f"--out {out}: the kind of file follows from its suffix", hint=f"use {' or '.join(SUFFIXES)}")
    return out


def checked_destination(word: str, option: str = "--to") -> Destination:
    """Return the store that a word names, if its client is here.

    Args:
        word: what the user wrote.
        option: with which, for messages.

    Raises:
        ConfigError: it names none, or the client is not.
    """
    destination = parse_destination(word, option)
    destination.refuse_without_client()
    return destination


def read_ranges(path: Path) -> Mapping[str, Any]:
    """Read a file of ranges: `{"low": [...], "high": [...]}`, or one that holds this under "ranges".

    Raises:
        ConfigError: it cannot be read.
    """
    hint = "give a file with {low: [...], high: [...]}, for instance the .npy.json beside vectors that were made with int8"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"--ranges {path} cannot be read ({getattr(error, 'strerror', None) or error})", hint=hint) from None
    found = content.get("ranges", content) if isinstance(content, dict) else None
    if not isinstance(found, dict):
        raise ConfigError(f"--ranges {path} holds no ranges", hint=hint)
    return found


@dataclass(frozen=True)
class SearchRequest:
    """What `embed-tune search` was asked for.

    Attributes:
        vectors: what is searched, a file or in memory; None to embed the documents of `data`.
        queries: texts.
        query_file: a file of queries, besides.
        model: the model as `--model` takes it; None for the one that made the vectors.
        overrides: settings of the model, and `vector_cache`.
        finer: the same texts with more bits, to score candidates again.
        method: the only one to use; None for all that are possible.
        top: hits a query.
        rescore: candidates by bits for each hit.
        documents: file with the texts, to show them.
        data: judged data sets.
        data_settings: `data.columns.anchor=…` and the like.
        asks: queries come later, one after the other.
        min_similarity: what hits must reach; "model" for what threshold.json beside its weights says; None takes all.
    """

    vectors: Path | VectorFile | None
    queries: tuple[str, ...] = ()
    query_file: TextChoice | None = None
    model: str | None = None
    overrides: tuple[str, ...] = ()
    finer: Path | VectorFile | None = None
    method: str | None = None
    top: int = TOP
    rescore: int = RESCORE
    documents: TextChoice | None = None
    data: tuple[str, ...] = ()
    data_settings: tuple[str, ...] = ()
    asks: bool = False
    min_similarity: float | Literal["model"] | None = None

    def __post_init__(self) -> None:
        if self.vectors is None and not self.data:
            raise no_vectors()
        if self.vectors is not None and not self.data and not self.queries and self.query_file is None:
            sections = ((word, word.partition("=")[0].partition(".")[0]) for word in self.overrides)
            if taken := next((word for word, section in sections if section not in BaseSettings.model_fields), None):
                raise _no_query(f"{taken} looks like a setting; put such a query into a file: --queries FILE")
            if not self.asks:
                raise no_query()
        if self.vectors is None and (self.queries or self.query_file or self.finer or self.documents):
            raise ConfigError("queries need a file of vectors to search", hint="name the file before the queries")
        if isinstance(self.vectors, Path) and not self.vectors.is_file():
            raise ConfigError(f"{self.vectors}: no such file", hint="name a file that `embed-tune embed` made")


def no_vectors() -> ConfigError:
    """Return the error for a search in nothing."""
    return ConfigError("no vectors are named", hint="name a file that `embed-tune embed` made, or judged data with --data")


def no_query() -> ConfigError:
    """Return the error for a search without a query."""
    return _no_query('give one, "in quotes", a file of them with --queries, or --data')


def _no_query(hint: str) -> ConfigError:
    return ConfigError("no query is given", hint=hint)
