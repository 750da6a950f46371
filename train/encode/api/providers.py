"""One request to each provider, through the provider's own client; retries are not theirs but `patience`'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from train.config.choices import Provider
from train.config.schema import ModelConfig
from train.encode.api.credentials import Access, access_of
from train.encode.api.retry import BadAnswerError
from train.encode.contract import Role
from train.errors import ModelError

SECONDS = 60.0
"""Until a request that is not answered counts as lost."""


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        vectors: [N, D] float32 in the order of the texts, or an empty array [0, 0] where they do not make one.
        tokens: what is billed; None where the server does not say.
    """

    vectors: np.ndarray
    tokens: int | None


class Client(Protocol):
    """One provider's embedding endpoint.

    Attributes:
        access: where requests go, and with which key.
        cuts: whether the server cuts texts that are longer than the model reads, rather than refuse them.
    """

    access: Access
    cuts: bool

    def input_type(self, role: Role) -> str | None:
        """Return the provider's word for texts of a role; None where it has none."""
        ...

    def embed(self, texts: Sequence[str], role: Role) -> Answer:
        """Send one request.

        Raises:
            BadAnswerError: the vectors are not numbered as the texts are.
            Exception: whatever the provider's client raises.
        """
        ...


PACKAGES = {Provider.OPENAI: "openai", Provider.COHERE: "cohere", Provider.VOYAGE: "voyageai"}
"""What the client of each provider is called where packages are installed from."""


def make_client(config: ModelConfig) -> Client:
    """Return the client of `config.api`.

    Raises:
        ModelError: the key or the client package is missing.
    """
    kinds: dict[Provider, type[_OpenAI] | type[_Cohere] | type[_Voyage]] = {
        Provider.OPENAI: _OpenAI,
        Provider.COHERE: _Cohere,
        Provider.VOYAGE: _Voyage,
    }
    if config.api is None:
        raise ValueError("the model is not behind an API")
    try:
        return kinds[config.api](config)
    except ImportError:
        raise ModelError(
            f"{config.api}:{config.name} needs the client of its provider",
            hint=f"install it: pip install {PACKAGES[config.api]}",
        ) from None


class _OpenAI:
    """OpenAI, and every server that speaks its protocol (vLLM, TEI, Ollama, LM Studio, …)."""

    cuts = False

    def __init__(self, config: ModelConfig) -> None:
        from openai import OpenAI, omit

        self._config, self.access = config, access_of(config)
        self._client = OpenAI(api_key=self.access.key, base_url=self.access.address, timeout=SECONDS, max_retries=0)
        self._dimensions = config.dimensions or omit

    def input_type(self, role: Role) -> str | None:
        return None

    def embed(self, texts: Sequence[str], role: Role) -> Answer:
        # the client asks for base64 by itself, which not every server speaks
        options: Any = {"encoding_format": "float"} if self.access.own else {}
        found = self._client.embeddings.create(input=list(texts), model=self._config.name, dimensions=self._dimensions, **options)
        rows = sorted(found.data, key=lambda row: row.index)
        if [row.index for row in rows] != list(range(len(rows))):
            raise BadAnswerError("the vectors are not numbered from 0, each once, so it is not known which text each belongs to")
        usage = getattr(found, "usage", None)
        return Answer(_matrix([row.embedding for row in rows]), getattr(usage, "total_tokens", None))


class _Cohere:
    """Cohere's v2 endpoint."""

    cuts = True
    _TYPES: ClassVar[dict[Role, str]] = {
        Role.QUERY: "search_query",
        Role.DOCUMENT: "search_document",
        Role.SYMMETRIC: "clustering",
    }

    def __init__(self, config: ModelConfig) -> None:
        from cohere import ClientV2

        self._config, self.access = config, access_of(config)
        self._client = ClientV2(
            api_key=self.access.key, base_url=self.access.address, timeout=SECONDS, log_warning_experimental_features=False
        )

    def input_type(self, role: Role) -> str | None:
        return self._TYPES[role]

    def embed(self, texts: Sequence[str], role: Role) -> Answer:
        wished = {"output_dimension": self._config.dimensions, "max_tokens": self._config.max_tokens}
        options: Any = {name: value for name, value in wished.items() if value is not None}
        found = self._client.embed(
            model=self._config.name,
            texts=list(texts),
            input_type=self._TYPES[role],
            embedding_types=["float"],
            truncate="END",
            request_options={"max_retries": 0},
            **options,
        )
        billed = getattr(getattr(found, "meta", None), "billed_units", None)
        tokens = getattr(billed, "input_tokens", None)
        return Answer(_matrix(found.embeddings.float_ or []), None if tokens is None else int(tokens))


class _Voyage:
    """Voyage AI. Its client drops the numbers of the vectors; they come in the order of the texts."""

    cuts = True
    _TYPES: ClassVar[dict[Role, str | None]] = {Role.QUERY: "query", Role.DOCUMENT: "document", Role.SYMMETRIC: None}

    def __init__(self, config: ModelConfig) -> None:
        import voyageai

        self._config, self.access = config, access_of(config)
        self._client = voyageai.Client(api_key=self.access.key, max_retries=1, timeout=SECONDS, base_url=self.access.address)

    def input_type(self, role: Role) -> str | None:
        return self._TYPES[role]

    def embed(self, texts: Sequence[str], role: Role) -> Answer:
        found = self._client.embed(
            list(texts),
            model=self._config.name,
            input_type=self._TYPES[role],
            truncation=True,
            output_dimension=self._config.dimensions,
        )
        return Answer(_matrix(found.embeddings), found.total_tokens)


def _matrix(rows: Sequence[Sequence[float]]) -> np.ndarray:
    """Return [N, D] float32; [0, 0] where rows differ in length or hold no numbers."""
    try:
        found = np.array(rows, dtype=np.float32)
    except (TypeError, ValueError):
        return np.empty((0, 0), dtype=np.float32)
    return found if found.ndim == 2 else np.empty((0, 0), dtype=np.float32)
