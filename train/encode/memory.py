"""What to say where memory runs out while texts are encoded: which texts, how long, how many at a time, and what to lower."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from train.errors import OutOfMemory, more_asked_for

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from train.encode.contract import EncodingContract
    from train.encode.tokens.store import TokenStore

FEWEST_TOKENS = 64
"""Texts are not advised to be cut below this: the memory goes somewhere else then."""


class Encodes(Protocol):
    """What of an `Encoder` decides how much memory it takes."""

    model: SentenceTransformer
    contract: EncodingContract
    batch_size: int
    store: TokenStore | None
    name: str


def no_memory(error: BaseException, encoder: Encodes, texts: Sequence[str], prompt: str) -> OutOfMemory:
    """Return the error that says which texts did not fit into memory, and what to lower.

    Args:
        error: by which the library says that memory ran out.
        encoder: the model.
        texts: N texts that were encoded.
        prompt: that stood before each.
    """
    longest = _longest(encoder, texts, prompt)
    what = f"{encoder.model.device} ran out of memory{more_asked_for(error)} while {encoder.name} encoded {len(texts):,} texts"
    if longest is not None:
        what += f", the longest of {longest:,} tokens"
    lower = []
    if longest is not None and longest > FEWEST_TOKENS:
        lower.append(f"model.max_tokens={1 << ((longest - 1).bit_length() - 1)}")
    if encoder.store is None and encoder.batch_size > 1:  # otherwise a pass holds as many texts as fit into so many tokens
        what += f", {encoder.batch_size} at a time"
        lower.append(f"evaluation.batch_size={encoder.batch_size // 2}")
    if encoder.model.device.type != "cpu":
        lower.append("model.device=cpu")
    hint = "end other programs, or choose a smaller model"
    if lower:
        hint = f"add {' or '.join(lower)}, and if that is too much, still less"
    return OutOfMemory(what, hint=hint)


def _longest(encoder: Encodes, texts: Sequence[str], prompt: str) -> int | None:
    """Return the tokens of the longest text as the model reads it; None where they cannot be counted."""
    most = encoder.contract.max_tokens
    try:
        if encoder.store is not None:
            return int(encoder.store.rows(texts, prompt, most).lengths.max())
        text = max(texts, key=len)
        return min(most, len(encoder.model.tokenizer(prompt + text)["input_ids"]))
    except Exception:  # a model's own tokenizer may fail in any way, and memory is short
        return None
