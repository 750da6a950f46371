"""A model that encodes texts the same way here as in training, judging and production."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from train.api.settings import setting_words
from train.console import Listener, heard_by, notebook_view, quiet_libraries
from train.encode.contract import Role
from train.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

    from train.encode.protocol import OpenedModel

TextRole = Literal["query", "document", "symmetric"]
"""What a text is to the model: its prompt follows from it."""


def role_of(name: str) -> Role:
    """Return a role by its name.

    Raises:
        ConfigError: there is no such role.
    """
    try:
        return Role(name)
    except ValueError:
        raise ConfigError(f"role={name!r} is not a role", hint=f"choose one of {', '.join(Role)}") from None


class Model:
    """An embedding model, opened when it is first needed.

    Args:
        word: folder, run, preset, model behind an API (`openai:NAME`) or Hub id, as the commands take it.
        settings: of the section `model`, such as `{"max_tokens": 256}`.
        batch_size: texts that are encoded at once.
    """

    def __init__(self, word: str, settings: Mapping[str, object] | None = None, batch_size: int | None = None) -> None:
        self.word = word
        self._words = setting_words({f"model.{key}": value for key, value in (settings or {}).items()})
        self._words += setting_words({} if batch_size is None else {"evaluation.batch_size": batch_size})

    @cached_property
    def opened(self) -> OpenedModel:
        """The encoder, where its weights came from, and what should be known about it.

        Raises:
            ModelError: there is no such model, it is broken, or a key or client is missing.
        """
        from train.encode.open import open_model
        from train.resolve.vectors import read_model

        quiet_libraries(False)
        candidate, config = read_model(self.word, self._words)
        return open_model(candidate.config, batch_size=config.evaluation.batch_size)

    def encode(self, texts: Sequence[str], *, role: TextRole) -> np.ndarray:
        """Return the vectors of texts.

        Args:
            texts: N texts; a single one is a list of one.
            role: `query`, `document`, or `symmetric` for texts that are all of one kind. It is required, because a prompt that is
                left out costs quality without an error.

        Returns:
            float32 [N, D].

        Raises:
            ConfigError: no such role, or a text instead of a list.
            ModelError: the model cannot be opened.
        """
        if isinstance(texts, str):
            raise ConfigError("encode takes a list of texts, and was given one text", hint="write [text]")
        found: np.ndarray = self.opened.encoder.encode(list(texts), role_of(role)).numpy()
        return found

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        return self.opened.encoder.contract.dimensions

    @property
    def similarity(self) -> Literal["cosine", "dot"]:
        """How two vectors are compared."""
        return self.opened.encoder.similarity

    @property
    def sentence_transformer(self) -> SentenceTransformer:
        """The plain Sentence Transformers model; its `encode` puts no prompt before a text unless it is told to.

        Raises:
            ModelError: the model is behind an API.
        """
        return self.opened.local.model

    def __str__(self) -> str:
        return "\n".join([self.opened.origin.sentence(), f"  {self.opened.encoder.contract.sentence()}"])

    def __repr__(self) -> str:
        return f"Model({self.word!r})"

    def _repr_html_(self) -> str:
        return notebook_view(str(self))


def load_model(
    name: str | os.PathLike[str],
    *,
    settings: Mapping[str, object] | None = None,
    batch_size: int | None = None,
    progress: Listener | None = None,
) -> Model:
    """Open a model.

    Args:
        name: a folder, a run, a preset, a model behind an API (`openai:NAME`) or a Hub id.
        settings: of the section `model` in docs/configuration.md, such as `{"max_tokens": 256, "device": "cpu"}`.
        batch_size: texts that are encoded at once.
        progress: hears each line that a command would print.

    Raises:
        ConfigError: an unknown setting.
        ModelError: there is no such model, it is broken, or a key or client is missing.
    """
    model = Model(os.fspath(name), settings, batch_size)
    with heard_by(progress):
        model.opened  # noqa: B018 (opened here, so that a mistake in the name is reported here)
    return model
