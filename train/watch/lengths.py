"""What a tokenizer says of texts: how long they are, whether they are cut, and how much of them it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from train.encode.contract import EncodingContract, Role
from train.encode.tokens.count import BLOCK, EncoderTokens
from train.watch.sample import Bools, Floats, Ints

Unit = Literal["tokens", "words"]


@dataclass(frozen=True)
class TextFigures:
    """Figures of N texts.

    Attributes:
        lengths: [N], prompt and special tokens included, before anything is cut.
        cut: [N] whether the model does not read the whole text.
        unknown: [N] share of tokens that the tokenizer does not know, 0..1.
    """

    lengths: Ints
    cut: Bools
    unknown: Floats


def measure_texts(tokenizer: Any, contract: EncodingContract, texts: Sequence[str], role: Role) -> TextFigures:
    """Count the tokens of N texts; words where the model has no tokenizer of transformers, and then nothing is cut or unknown.

    Args:
        tokenizer: the model's, see `unit_of`.
        contract: prompts, and the most tokens that are read.
        texts: N texts.
        role: decides the prompt.
    """
    if unit_of(tokenizer) == "words":
        lengths = np.array([len(text.split()) for text in texts], dtype=np.int64)
        return TextFigures(lengths, np.zeros(len(texts), dtype=np.bool_), np.zeros(len(texts)))
    counts = EncoderTokens(tokenizer, contract, contract.max_tokens).count(texts, role.value)
    lengths = np.array(counts, dtype=np.int64)
    return TextFigures(lengths, lengths > contract.max_tokens, _unknown(tokenizer, texts))


def unit_of(tokenizer: Any) -> Unit:
    """Return in what texts are measured by this tokenizer, which may be None."""
    from transformers import PreTrainedTokenizerBase

    return "tokens" if isinstance(tokenizer, PreTrainedTokenizerBase) else "words"


def tokenizer_in(folder: Path) -> Any:
    """Return the tokenizer that was saved with a model; None where it is none of transformers."""
    from transformers import AutoTokenizer

    for place in (folder, folder / "0_Transformer"):
        if (place / "tokenizer_config.json").is_file():
            return AutoTokenizer.from_pretrained(str(place), local_files_only=True)
    return None


def _unknown(tokenizer: Any, texts: Sequence[str]) -> Floats:
    """Return [N] shares of unknown tokens among those of the text itself."""
    unknown = tokenizer.unk_token_id
    shares = np.zeros(len(texts))
    if unknown is None:
        return shares
    for begin in range(0, len(texts), BLOCK):
        block = list(texts[begin : begin + BLOCK])
        found = tokenizer(block, add_special_tokens=False, truncation=False, return_attention_mask=False, verbose=False)
        shares[begin : begin + len(block)] = [ids.count(unknown) / len(ids) if ids else 0.0 for ids in found["input_ids"]]
    return shares
