"""Special tokens of raw encoders whose tokenizers come without those that batches need.

BigCode's StarEncoder is such a one: a BERT whose tokenizer knows neither padding nor the tokens around a text, though it was
trained with them. Its authors add them before use, in the order below (`prepare_tokenizer` in bigcode-project/bigcode-encoder,
src/datasets_loader.py), and put `<cls>` before and `<sep>` behind each text.
"""

from __future__ import annotations

from typing import Any

from train.errors import ModelError

BERT = {"pad_token": "<pad>", "sep_token": "<sep>", "cls_token": "<cls>", "mask_token": "<mask>"}
"""In the order of their ids, which follow the vocabulary's."""


def complete_tokens(name: str, transformer: Any) -> list[str]:
    """Give a transformer's tokenizer the special tokens that it lacks.

    Args:
        name: of the model, for messages.
        transformer: Sentence Transformers' module with the model and its tokenizer; changed in place.

    Returns:
        Notes on what was added.

    Raises:
        ModelError: there is no token that could fill up a batch.
    """
    tokenizer, model = transformer.tokenizer, transformer.auto_model
    if tokenizer.pad_token is not None:
        return []
    room = model.get_input_embeddings().num_embeddings - len(tokenizer)
    bare = all(getattr(tokenizer, key) is None for key in BERT)
    if model.config.model_type == "bert" and bare and room >= len(BERT):
        from tokenizers.processors import TemplateProcessing

        for key, token in BERT.items():  # one by one: their ids follow from the order
            tokenizer.add_special_tokens({key: token})
        ends = [(token, tokenizer.convert_tokens_to_ids(token)) for token in ("<cls>", "<sep>")]
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<cls> $A <sep>", special_tokens=ends)
        return [f"the tokenizer of {name} comes without special tokens; {' '.join(BERT.values())} were added as for StarEncoder"]
    if tokenizer.eos_token is None:
        raise ModelError(
            f"the tokenizer of {name} has no token to fill up batches with", hint="add a pad_token to its tokenizer_config.json"
        )
    tokenizer.pad_token = tokenizer.eos_token  # padding is masked, so any token will do
    return [f"the tokenizer of {name} has no padding token; {tokenizer.eos_token} is used, and masked"]
