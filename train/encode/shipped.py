"""The base as it was published: under the contract of its own files, whatever the settings of the run say.

A prompt that a model never saw, a lower limit of tokens or another pooling may make the base worse, and the gain of training
larger than it is. So the base is judged both ways.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from train.encode.contract import EncodingContract, Role, apply_contract
from train.encode.protocol import WrappedEncoder
from train.encode.token_limit import limited_tokens

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

    from train.encode.local import Encoder


class ShippedEncoder(WrappedEncoder):
    """Encodes under the contract of the model's own files. Outside of a call the model stays as the run wants it.

    Args:
        encoder: the model, with what it is by its own files.
    """

    def __init__(self, encoder: Encoder) -> None:
        own = encoder.contract if encoder.shipped is None else encoder.shipped
        self.inner = dataclasses.replace(encoder, contract=own)
        super().__init__(self.inner)

    def space(self, role: Role) -> str:
        """See `TextEncoder.space`."""
        with self._as_shipped():
            return super().space(role)

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """See `TextEncoder.encode`."""
        with self._as_shipped():
            return self.encoder.encode(texts, role, progress)

    @contextmanager
    def _as_shipped(self) -> Iterator[None]:
        model, own = self.inner.model, self.inner.contract
        before = [(module, module.pooling_mode) for module in _poolings(model, own)]
        try:
            for module, _ in before:
                module.pooling_mode = own.pooling
            with limited_tokens(model, own.max_tokens):
                yield
        finally:
            for module, mode in before:
                module.pooling_mode = mode


def restore(encoder: Encoder) -> Encoder:
    """Return the model under the contract of its own files, to be used and saved so; its settings are changed in place."""
    inner = ShippedEncoder(encoder).inner
    for module in _poolings(inner.model, inner.contract):
        module.pooling_mode = inner.contract.pooling
    apply_contract(inner.model, inner.contract)
    return inner


def _poolings(model: SentenceTransformer, own: EncodingContract) -> list[Any]:
    """Return the pooling layer that works otherwise than the contract says, if there is one."""
    found: list[Any] = [module for module in model if type(module).__name__ == "Pooling"]
    return [module for module in found if isinstance(module.pooling_mode, str) and module.pooling_mode != own.pooling]
