"""The most tokens that a loaded model reads of a text: by its own settings, and by its architecture.

Three places name a limit, and none of them can be relied on: the tokenizer's `model_max_length` (10^30 where its file says
nothing), what Sentence Transformers saved beside the model, and the positions for which the architecture has room.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from train.encode.modules import input_modules
from train.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

ASSUMED = 512
"""Tokens that are read where neither tokenizer nor architecture names a limit: what most encoders were trained with."""
NO_LIMIT = 1_000_000
"""From here on a number of tokens is no limit but the lack of one, and texts are read whole. Sentence Transformers has the same
number for word vectors."""


@dataclass(frozen=True)
class TokenLimit:
    """What settles the maximum of tokens.

    Attributes:
        own: by the model's settings, at most what its architecture can; None where they name none.
        most: by its architecture; None where that has no limit (relative positions, bags of word vectors).
        whole: texts are read whole where nothing names a limit: a bag of word vectors, to which length is no matter.
    """

    own: int | None
    most: int | None
    whole: bool = False

    @property
    def settled(self) -> int:
        """Tokens that are read where the user asks for nothing else; `NO_LIMIT` for whole texts."""
        return self.own or self.most or (NO_LIMIT if self.whole else ASSUMED)

    def asked(self, tokens: int | None, name: str, setting: str = "model.max_tokens") -> int:
        """Return how many tokens are read where a setting asks for so many.

        Raises:
            ModelError: the architecture has no room for them.
        """
        if tokens is None:
            return self.settled
        if self.most is not None and tokens > self.most:
            raise ModelError(
                f"{setting}={tokens} is more than {name} can read: its architecture has positions for {self.most} tokens",
                hint=f"use {setting}={self.most} or less, or leave it out to read {self.settled}",
            )
        return tokens

    def note(self, name: str) -> str | None:
        """Return what the user should know where the number is a guess."""
        if self.own or self.most or self.whole:
            return None
        return f"{name} names no limit of tokens; texts are cut at {ASSUMED} (model.max_tokens sets another limit)"


def limit_of(model: nn.Module) -> TokenLimit:
    """Return what settles the maximum of tokens of a model; of one with several inputs (a router), of that which reads most."""
    found = [_limit(module) for module in input_modules(model)]
    return max(found, key=lambda one: one.settled)


def set_limit(model: nn.Module, tokens: int) -> None:
    """Cut texts at so many tokens; saved with the model.

    Each part of a model reads at most what its own settings say, unless more is wanted than any of them: then what it can.
    """
    more = tokens > limit_of(model).settled
    for module in input_modules(model):
        limit = _limit(module)
        _set(module, min(tokens, limit.most or tokens) if more else min(tokens, limit.settled))


@contextmanager
def limited_tokens(model: nn.Module, tokens: int) -> Iterator[None]:
    """Cut texts at this many tokens for the length of a `with` block."""
    before = [_get(module) for module in input_modules(model)]
    set_limit(model, tokens)
    try:
        yield
    finally:
        for module, own in zip(input_modules(model), before, strict=True):
            _set(module, own)


def _limit(module: Any) -> TokenLimit:
    encoder = getattr(module, "auto_model", None)
    most, own = None if encoder is None else _architecture(encoder), _get(module)
    if own is None or own >= NO_LIMIT:
        return TokenLimit(None, most, whole=encoder is None)
    return TokenLimit(int(min(own, most or own)), most)


def _cuts_by_itself(module: Any) -> bool:
    """Tell whether the tokenizer is one of the library `tokenizers`, as that of static embeddings is."""
    return hasattr(getattr(module, "tokenizer", None), "enable_truncation")


def _get(module: Any) -> Any:
    """Return at how many tokens a module cuts texts; None, or at least `NO_LIMIT`, where it does not."""
    if _cuts_by_itself(module):
        return (module.tokenizer.truncation or {}).get("max_length")
    return getattr(module, "max_seq_length", None)


def _set(module: Any, tokens: Any) -> None:
    if not _cuts_by_itself(module):
        if hasattr(module, "max_seq_length"):
            module.max_seq_length = tokens
    elif tokens is None or tokens >= NO_LIMIT:
        module.tokenizer.no_truncation()
    else:
        module.tokenizer.enable_truncation(tokens)


def _architecture(encoder: Any) -> int | None:
    """Return for how many tokens a transformer has positions; None where any number will do."""
    config = encoder.config.get_text_config()
    positions = getattr(config, "max_position_embeddings", None)
    by_distance = config.model_type in ("deberta", "deberta-v2") and not getattr(config, "position_biased_input", True)
    if not isinstance(positions, int) or positions <= 0 or by_distance:
        return None
    return min([positions, *_tables(encoder)])


def _tables(encoder: Any) -> Iterator[int]:
    """Yield for how many tokens each table of learnt positions has room. In RoBERTa and its kind the first token takes the row
    behind that of the padding token."""
    for module in encoder.modules():
        weight = getattr(getattr(module, "position_embeddings", None), "weight", None)
        if weight is not None:
            padding = getattr(module, "padding_idx", None)
            yield len(weight) - (padding + 1 if isinstance(padding, int) else 0)
