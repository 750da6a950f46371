"""What is known of models behind APIs before the first request: whose they are, and how large their vectors and inputs are.

Sources: the providers' model pages (developers.openai.com/api/docs/models, docs.cohere.com/docs/cohere-embed,
docs.voyageai.com/docs/embeddings), as far as mteb 2.26 repeats them compared with its `ModelMeta`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from train.config.choices import Provider
from train.config.schema import ModelConfig


@dataclass(frozen=True)
class KnownModel:
    """A public model behind an API.

    Attributes:
        provider: whose it is.
        dimensions: of its vectors, if nothing else is asked for.
        max_tokens: longest input.
        choices: numbers of dimensions that may be asked for besides; () for none.
    """

    provider: Provider
    dimensions: int
    max_tokens: int
    choices: Sequence[int] = ()

    def offer(self) -> str:
        """Return the numbers of dimensions that may be asked for, in words."""
        if isinstance(self.choices, range):
            return f"any number up to {self.dimensions}"
        return ", ".join(map(str, sorted({self.dimensions, *self.choices})))


@dataclass(frozen=True)
class Limits:
    """What one request may hold.

    Attributes:
        texts: at most.
        tokens: of all texts together, at most.
    """

    texts: int
    tokens: int


LIMITS: dict[Provider, Limits] = {
    Provider.OPENAI: Limits(
        texts=256, tokens=250_000
    ),  # the API takes 2,048 texts and 300,000 tokens; a smaller request loses less
    Provider.COHERE: Limits(texts=96, tokens=100_000),
    Provider.VOYAGE: Limits(texts=128, tokens=100_000),  # the strictest models take 128 texts and 120,000 tokens
}

OWN_LIMITS = Limits(texts=32, tokens=100_000)
"""For servers of one's own: TEI takes 32 texts unless configured otherwise, and a machine without a GPU needs time for each."""

OPEN_WEIGHTS = {"voyage-4-nano": "voyageai/voyage-4-nano"}
"""Models that a provider's client would load onto this machine, with their ids on the Hub."""

UNKNOWN_MAX_TOKENS = 8191
"""Longest input that a model is taken to read whose name says nothing."""

_MATRYOSHKA = (256, 512, 1024, 2048)

KNOWN: dict[str, KnownModel] = {
    "text-embedding-ada-002": KnownModel(Provider.OPENAI, 1536, 8191),
    "text-embedding-3-small": KnownModel(Provider.OPENAI, 1536, 8191, range(1, 1537)),
    "text-embedding-3-large": KnownModel(Provider.OPENAI, 3072, 8191, range(1, 3073)),
    "embed-english-v3.0": KnownModel(Provider.COHERE, 1024, 512),
    "embed-multilingual-v3.0": KnownModel(Provider.COHERE, 1024, 512),
    "embed-english-light-v3.0": KnownModel(Provider.COHERE, 384, 512),
    "embed-multilingual-light-v3.0": KnownModel(Provider.COHERE, 384, 512),
    "embed-v4.0": KnownModel(Provider.COHERE, 1536, 128_000, (256, 512, 1024, 1536)),
    "voyage-2": KnownModel(Provider.VOYAGE, 1024, 4_000),
    "voyage-large-2": KnownModel(Provider.VOYAGE, 1536, 16_000),
    "voyage-large-2-instruct": KnownModel(Provider.VOYAGE, 1024, 16_000),
    "voyage-code-2": KnownModel(Provider.VOYAGE, 1536, 16_000),
    "voyage-law-2": KnownModel(Provider.VOYAGE, 1024, 16_000),
    "voyage-finance-2": KnownModel(Provider.VOYAGE, 1024, 32_000),
    "voyage-multilingual-2": KnownModel(Provider.VOYAGE, 1024, 32_000),
    "voyage-3": KnownModel(Provider.VOYAGE, 1024, 32_000),
    "voyage-3-lite": KnownModel(Provider.VOYAGE, 512, 32_000),
    "voyage-3-large": KnownModel(Provider.VOYAGE, 1024, 32_000, _MATRYOSHKA),
    "voyage-3.5": KnownModel(Provider.VOYAGE, 1024, 32_000, _MATRYOSHKA),
    "voyage-3.5-lite": KnownModel(Provider.VOYAGE, 1024, 32_000, _MATRYOSHKA),
    "voyage-code-3": KnownModel(Provider.VOYAGE, 1024, 32_000, _MATRYOSHKA),
    "voyage-4": KnownModel(Provider.VOYAGE, 1024, 32_000, _MATRYOSHKA),
    "voyage-4-large": KnownModel(Provider.VOYAGE, 1024, 32_000, _MATRYOSHKA),
    "voyage-4-lite": KnownModel(Provider.VOYAGE, 1024, 32_000, _MATRYOSHKA),
}


def known_model(config: ModelConfig) -> KnownModel | None:
    """Return what is known of the model of a config; None where its name says nothing."""
    found = KNOWN.get(config.name)
    return found if found is not None and found.provider == config.api else None


def longest_input(config: ModelConfig) -> int:
    """Return the longest input in tokens: what the model reads, or fewer where the config says so."""
    known = known_model(config)
    if known is None:
        return config.max_tokens or UNKNOWN_MAX_TOKENS
    return min(config.max_tokens or known.max_tokens, known.max_tokens)
