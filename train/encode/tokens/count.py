"""The number of tokens that a text has for a model, before anything is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from train.encode.contract import EncodingContract, Role

if TYPE_CHECKING:
    from train.encode.local import Encoder

BLOCK = 1000
"""Texts that are tokenised together."""


@dataclass(frozen=True)
class EncoderTokens:
    """A model's tokenizer under its contract (a `data.audit.token_lengths.TokenCounter`).

    Attributes:
        tokenizer: the model's.
        contract: its prompts.
        limit: the most tokens that are read, prompt and special tokens included.
    """

    tokenizer: Any
    contract: EncodingContract
    limit: int

    def count(self, texts: Sequence[str], role: str) -> list[int]:
        """Count the tokens of each text with the prompt of its role and the special tokens, nothing cut."""
        prompt = self.contract.prompt(Role(role))
        counts: list[int] = []
        for begin in range(0, len(texts), BLOCK):
            block = [prompt + text for text in texts[begin : begin + BLOCK]]
            ids = self.tokenizer(block, truncation=False, padding=False, return_attention_mask=False, verbose=False)["input_ids"]
            counts += [len(one) for one in ids]
        return counts


def token_counter(encoder: Encoder, limit: int | None = None) -> EncoderTokens | None:
    """Return the counter of a loaded model, None where its texts do not go through a tokenizer of transformers.

    Args:
        limit: tokens that are read where that is less than what the contract allows.
    """
    from transformers import PreTrainedTokenizerBase

    tokenizer = encoder.model.tokenizer
    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        return None
    contract = encoder.contract
    return EncoderTokens(tokenizer, contract, min(contract.max_tokens, limit or contract.max_tokens))
