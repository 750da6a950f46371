"""Tokens that a model forwards, and the floating-point operations that its texts need."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.benchmarks.machine import Shape

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

BACKWARD = 3
"""A training step costs three forwards: the backward computes a gradient for the inputs and one for the weights of each product
(Kaplan et al., arXiv:2001.08361, section 2.1)."""

PRECISIONS = {"torch.float32": "fp32", "torch.bfloat16": "bf16"}
"""What the benchmarks call a data type."""

PEAK_TOKENS = 4096
"""Rows of the model's own matrix products when their peak is measured."""


@dataclass(frozen=True)
class Cost:
    """Floating-point operations of an encoder's forward over one text of L tokens: `per_token` · L + `per_square` · L².

    `per_token` is 2 × the weights of all linear layers (the unused pooler left out): a multiplication and an addition each. For
    BERT that is 2 (4 h² + 2 h f) a layer, with hidden width h and feed-forward width f. `per_square` is 4 h a layer: 2 h L² for
    queries times keys and 2 h L² for weights times values. Embeddings, norms, softmax and activations are not counted.
    """

    per_token: int
    per_square: int

    @classmethod
    def of(cls, model: SentenceTransformer) -> Cost:
        """Read from the layers of a model."""
        settings = _encoder(model).config
        linear = sum(layer.weight.numel() for layer in _linear_layers(model))
        return cls(2 * linear, 4 * settings.hidden_size * settings.num_hidden_layers)

    def forward(self, lengths: Iterable[int]) -> int:
        """FLOPs of a forward over texts of these lengths in tokens, without padding."""
        return sum(self.per_token * length + self.per_square * length * length for length in lengths)


def own_shapes(model: SentenceTransformer) -> list[Shape]:
    """The matrix products of a model's linear layers over `PEAK_TOKENS` tokens, each shape once."""
    found = {(PEAK_TOKENS, layer.weight.shape[1], layer.weight.shape[0]) for layer in _linear_layers(model)}
    return sorted(found)


class TokenCounter:
    """Counts what passes the embedding layer, by a forward hook, and sees in which precision the last linear layer computes.

    Tensors are only kept until `take`, so a GPU is not waited for.

    Args:
        model: is watched until `close`.
    """

    def __init__(self, model: SentenceTransformer) -> None:
        self._ids: list[Tensor] = []
        self._pad = model.tokenizer.pad_token_id
        self._precision: str | None = None
        layers = (_encoder(model).get_input_embeddings(), _linear_layers(model)[-1])
        notes = (self._note_ids, self._note_precision)
        self._handles = [layer.register_forward_hook(note) for layer, note in zip(layers, notes, strict=True)]

    def _note_ids(self, module: Any, inputs: Sequence[Tensor], output: Any) -> None:
        self._ids.append(inputs[0].detach())

    def _note_precision(self, module: Any, inputs: Any, output: Tensor) -> None:
        self._precision = PRECISIONS.get(str(output.dtype), str(output.dtype))

    def take(self) -> dict[str, Any]:
        """Since the last call: token slots forwarded, real tokens among them, and a hash of these that ignores their order.

        `precision` is that of the last forward, None before the first.
        """
        slots, real, sums = 0, 0, [0, 0]
        for ids in self._ids:
            kept = ids[ids != self._pad].long()
            slots, real = slots + ids.numel(), real + kept.numel()
            sums = [sums[0] + int(kept.sum()), sums[1] + int((kept * kept).sum())]
        self._ids = []
        return {"slots": slots, "forwarded_tokens": real, "tokens_hash": digest([real, *sums]), "precision": self._precision}

    def close(self) -> None:
        """Stop counting."""
        for handle in self._handles:
            handle.remove()


def token_lengths(model: SentenceTransformer, texts: Sequence[str], prompt: str, max_tokens: int) -> list[int]:
    """Tokens of each text behind its prompt, special ones included, cut at `max_tokens`."""
    if not texts:
        return []
    found = model.tokenizer([prompt + text for text in texts], truncation=True, max_length=max_tokens)["input_ids"]
    return [len(ids) for ids in found]


def digest(value: object) -> str:
    """12 hexadecimal digits that stand for a value."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:12]


def _encoder(model: SentenceTransformer) -> Any:
    return model[0].auto_model


def _linear_layers(model: SentenceTransformer) -> list[Any]:
    from torch import nn

    modules = _encoder(model).named_modules()
    return [layer for name, layer in modules if isinstance(layer, nn.Linear) and "pooler" not in name]
