"""The tokenizer of an export: one file, with which the library `tokenizers` gives the model's own token ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.encode.contract import EncodingContract, Role
from train.encode.tokens.eligibility import encodable, plain_tokens
from train.errors import ModelError

if TYPE_CHECKING:
    from train.encode.local import Encoder


def write_tokenizer(encoder: Encoder, path: Path, texts: Sequence[str]) -> None:
    """Write tokenizer.json, cutting at the contract's maximum of tokens, special ones included, and padding batches.

    Args:
        encoder: the model.
        path: of the file.
        texts: on which its ids must be those of the model's own preprocessing.

    Raises:
        ModelError: they are not.
        OSError: it cannot be written.
    """
    tokenizer = settled(encoder)
    tokenizer.save(str(path))
    tokenizer.no_padding()
    for prompt in prompts_of(encoder.contract):
        own = plain_tokens(encoder.model, texts, prompt)
        found = tokenizer.encode_batch([encodable(prompt + text) for text in texts])
        pairs = zip(texts, found, own.split(), strict=True)
        wrong = [text for text, one, row in pairs if list(one.ids) != row.tolist()]
        if wrong:
            raise ModelError(
                f"{encoder.name} cannot be exported: its tokenizer.json alone gives other tokens than the model reads, for"
                f" instance of {wrong[0][:40]!r}",
                hint="its tokenizer does more than its file says; serve the model with PyTorch, from its model/ folder",
            )


def settled(encoder: Encoder) -> Any:
    """Return the model's tokenizer as one of the library `tokenizers`, with truncation and padding set."""
    from tokenizers import Tokenizer

    own: Any = encoder.model.tokenizer
    tokenizer = Tokenizer.from_str(own.backend_tokenizer.to_str())
    if encoder.contract.reads_whole:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(encoder.contract.max_tokens, direction=own.truncation_side)
    tokenizer.enable_padding(
        direction=own.padding_side, pad_id=own.pad_token_id, pad_type_id=own.pad_token_type_id, pad_token=own.pad_token
    )
    return tokenizer


def prompts_of(contract: EncodingContract) -> dict[str, Role]:
    """Return the distinct prompts of a contract, each with a role that has it."""
    return {contract.prompt(role): role for role in reversed(Role)}
