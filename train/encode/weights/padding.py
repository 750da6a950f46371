"""The side on which batches are filled up, set right where the wrong one would change vectors.

Padding on the left shifts learnt positions (BERT, MPNet): a text then gets another vector in a batch with longer ones than alone.
This project reads texts without padding, so a model that is shipped with such a setting would be read otherwise than it was
trained and judged. Positions by distance or rotation do not mind (Qwen, Gemma); these keep their side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from train.encode.modules import input_modules
from train.encode.routes import routers_of

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

PROBES = ["a garden", "a text of many more words than the other one, with which it must share a batch " * 2]
MOST_APART = 1e-3
"""Distance of two vectors, as a share of their length, up to which they are the same: rounding in fp32 is a thousandth of it."""


def settle_padding(name: str, model: SentenceTransformer) -> list[str]:
    """Fill up batches on the right where that makes a text's vector the same in every batch; the setting is saved with the model.

    Returns:
        What the user should read.
    """
    tokenizers: list[Any] = [getattr(module, "tokenizer", None) for module in input_modules(model)]
    left = [one for one in tokenizers if getattr(one, "padding_side", None) == "left"]
    if not left or _apart(model) <= MOST_APART:
        return []
    for tokenizer in left:
        tokenizer.padding_side = "right"
    if _apart(model) > MOST_APART:
        for tokenizer in left:
            tokenizer.padding_side = "left"
        return []
    return [
        f"the tokenizer of {name} fills up batches on the left, which shifts the positions of shorter texts and changes their"
        " vectors; it is set to the right (padding_side), and saved so"
    ]


def _apart(model: SentenceTransformer) -> float:
    """Return how far apart the vectors of a short text are, alone and in a batch with a longer one."""
    alone, together = _vectors(model, PROBES[:1])[0], _vectors(model, PROBES)[0]
    return float((alone - together).norm() / alone.norm().clamp(min=1e-12))


def _vectors(model: SentenceTransformer, texts: list[str]) -> torch.Tensor:
    routed: dict[str, Any] = {"task": "query"} if routers_of(model) else {}
    vectors: torch.Tensor = model.encode(texts, convert_to_tensor=True, show_progress_bar=False, **routed)
    return vectors.float()
