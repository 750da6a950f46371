"""A check that a model has a vector for every token of its tokenizer, before a text brings one that it lacks.

Such a text would be an IndexError on a CPU, and on a GPU an assertion that ends the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from train.encode.modules import input_modules
from train.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

PROBES = ["", "a", "two words, and a few more"]
SHOWN = 3
"""Tokens that are named."""
MEND = (
    "give them rows, then save model and tokenizer again: model.resize_token_embeddings(len(tokenizer)); of a model of Sentence"
    " Transformers that is model[0].auto_model and model.tokenizer"
)


def check_vocabulary(name: str, model: nn.Module) -> None:
    """Compare the tokens that texts can have with the rows of the matrix of word embeddings.

    More rows than tokens are usual. Special tokens without a row (a mask, say) do no harm as long as none is put around a text.

    Args:
        name: of the model, for messages.
        model: a Sentence Transformers model.

    Raises:
        ModelError: naming both sizes and the tokens that have no row.
    """
    for module in input_modules(model):
        rows, words, special = _rows(module), _vocabulary(module), _special(module)
        if rows is None or not words:
            continue
        beyond = {word: number for word, number in words.items() if number >= rows}
        lacking = [word for word in beyond if word not in special or beyond[word] in _used(module)]
        if lacking:
            shown = ", ".join(sorted(lacking, key=beyond.__getitem__)[:SHOWN]) + (", …" if len(lacking) > SHOWN else "")
            raise ModelError(
                f"{name}: the tokenizer has {max(words.values()) + 1:,} tokens, but the matrix of word embeddings only {rows:,}"
                f" rows: there is none for {shown}",
                hint=MEND,
            )


def rows_of(model: nn.Module) -> int | None:
    """Return the rows of the matrix of word embeddings of a model with one input; None where that cannot be told."""
    modules = input_modules(model)
    return _rows(modules[0]) if len(modules) == 1 else None


def _rows(module: Any) -> int | None:
    encoder = getattr(module, "auto_model", None)
    try:
        table = module.embedding if encoder is None else encoder.get_input_embeddings()
    except (AttributeError, NotImplementedError):
        return None
    rows = getattr(table, "num_embeddings", None)
    return rows if isinstance(rows, int) else None


def _vocabulary(module: Any) -> dict[str, int]:
    """Return the numbers of all tokens, those that were added included."""
    read = getattr(getattr(module, "tokenizer", None), "get_vocab", None)
    found = read() if callable(read) else None
    return found if isinstance(found, dict) else {}


def _special(module: Any) -> set[str]:
    tokenizer = module.tokenizer
    read = getattr(tokenizer, "get_added_tokens_decoder", None)  # of the library `tokenizers`
    added = read() if callable(read) else getattr(tokenizer, "added_tokens_decoder", {})
    return {str(token) for token in getattr(tokenizer, "all_special_tokens", ())} | {
        token.content for token in added.values() if getattr(token, "special", False)
    }


def _used(module: Any) -> set[int]:
    """Return the numbers of the tokens around any text, of the one that fills up batches, and of that for what is unknown."""
    unknown = getattr(module.tokenizer, "unk_token_id", None)
    return {unknown, *module.preprocess(PROBES)["input_ids"].flatten().tolist()} - {None}
