"""A model that encodes texts the same way here as in training, judging and production."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from data.sources.texts import nothing_in, what_is
from train.api.session import session
from train.api.settings import setting_words
from train.console import Listener, notebook_view, quiet_libraries
from train.encode.api.confirm import Confirm
from train.encode.contract import Role
from train.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from sentence_transformers import SentenceTransformer

    from train.encode.protocol import OpenedModel
    from train.resolve.models import Candidate

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


def texts_of(texts: Iterable[str], what: str = "texts") -> tuple[str, ...]:
    """Return texts that were given as a list.

    Raises:
        ConfigError: one text, a table or a mapping instead of a list of texts, or something among them that is no text.
    """
    if isinstance(texts, str | bytes):
        raise ConfigError(f"{what} are given as a list, and here is one text", hint="write [text]")
    if isinstance(texts, Mapping) or hasattr(texts, "columns"):
        kind = type(texts).__name__
        raise ConfigError(f"{what} are given as a list, and here is a {kind}", hint='give one column, e.g. list(frame["answer"])')
    if not isinstance(texts, Iterable):
        raise ConfigError(f"{what} are given as a list, and here is a {type(texts).__name__}", hint="write [text, …]")
    found = tuple(texts)
    for number, one in enumerate(found, start=1):
        if not isinstance(one, str):
            nothing = nothing_in(one)
            said = f"number {number} is {what_is(one)}, not a text" if nothing is None else f"number {number}: {nothing}"
            raise ConfigError(f"{what}: {said}", hint="leave it out, or fill it in")
    return found


class Model:
    """An embedding model, opened when it is first needed.

    Args:
        word: folder, run, preset, model behind an API (`openai:NAME`) or Hub id, as the commands take it.
        settings: of the section `model`, such as `{"max_tokens": 256}`.
        batch_size: texts that are encoded at once.
        confirm: gets what a model behind an API would cost, and returns whether to go on; without it nothing is spent.
    """

    def __init__(
        self,
        word: str,
        settings: Mapping[str, object] | None = None,
        batch_size: int | None = None,
        confirm: Confirm | None = None,
    ) -> None:
        self.word = word
        self.settings: dict[str, object] = dict(settings or {})
        self._batch_size, self._confirm = batch_size, confirm

    @cached_property
    def _candidate(self) -> tuple[Candidate, int]:
        """The model that is meant, and the texts that it encodes at once."""
        from train.resolve.vectors import read_model

        size = {} if self._batch_size is None else {"evaluation.batch_size": self._batch_size}
        candidate, config = read_model(self.word, setting_words({"model": self.settings}, size))
        return candidate, config.evaluation.batch_size

    @cached_property
    def opened(self) -> OpenedModel:
        """The encoder, where its weights came from, and what should be known about it.

        Raises:
            ModelError: there is no such model, it is broken, or a key or client is missing.
        """
        from train.encode.open import open_model

        with session(None):
            quiet_libraries(False)
            candidate, size = self._candidate
            return open_model(candidate.config, batch_size=size)

    def encode(self, texts: Sequence[str], *, role: TextRole) -> np.ndarray:
        """Return the vectors of texts.

        Args:
            texts: N texts; a single one is a list of one.
            role: `query`, `document`, or `symmetric` for texts that are all of one kind. It is required, because a prompt that is
                left out costs quality without an error.

        Returns:
            float32 [N, D].

        Raises:
            ConfigError: no such role, or something other than a list of texts.
            ModelError: the model cannot be opened.
            Interrupted: `confirm` said no.
        """
        from train.resolve.cost import confirm_texts

        meant, chosen = role_of(role), texts_of(texts)
        with session(None):
            confirm_texts(self._candidate[0], self.opened.encoder, chosen, meant, confirm=self._confirm)
            found: np.ndarray = self.opened.encoder.encode(chosen, meant).numpy()
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
    confirm: Confirm | None = None,
) -> Model:
    """Open a model.

    Args:
        name: a folder, a run, a preset, a model behind an API (`openai:NAME`) or a Hub id.
        settings: of the section `model` in docs/configuration.md, such as `{"max_tokens": 256, "device": "cpu"}`.
        batch_size: texts that are encoded at once.
        progress: hears each line that a command would print.
        confirm: gets what a model behind an API would cost, and returns whether to go on; without it nothing is spent.

    Raises:
        ConfigError: an unknown setting.
        ModelError: there is no such model, it is broken, or a key or client is missing.
    """
    model = Model(os.fspath(name), settings, batch_size, confirm)
    with session(progress):
        model.opened  # noqa: B018 (opened here, so that a mistake in the name is reported here)
    return model
