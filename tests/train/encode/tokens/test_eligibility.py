"""Which models' texts can be stored as token ids, and what tells one tokenizer from another."""

from __future__ import annotations

from pathlib import Path

import pytest
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding, Transformer
from tokenizers.processors import TemplateProcessing

from train.config.schema import ModelConfig
from train.encode.open import open_model
from train.encode.tokens.eligibility import identity, why_not_stored
from train.encode.tokens.store import TokenStore
from train.errors import ModelError


class OwnPreprocessing(Transformer):
    """A module that does something else with texts."""

    def preprocess(self, inputs, prompt=None, **kwargs):
        return super().preprocess([text[::-1] for text in inputs], prompt=prompt, **kwargs)


def test_plain_models_can_be_stored(model: SentenceTransformer) -> None:
    assert why_not_stored(model) is None
    assert why_not_stored(open_model(ModelConfig(device="cpu")).local.model) is None


def static(model: SentenceTransformer) -> SentenceTransformer:
    return SentenceTransformer(modules=[StaticEmbedding(model.tokenizer.backend_tokenizer, embedding_dim=8)], device="cpu")


def own_preprocessing(model: SentenceTransformer) -> SentenceTransformer:
    model[0].__class__ = OwnPreprocessing
    return model


def prompt_left_out(model: SentenceTransformer) -> SentenceTransformer:
    model[1] = Pooling(32, pooling_mode="mean", include_prompt=False)
    return model


def settings_of_its_own(model: SentenceTransformer) -> SentenceTransformer:
    model[0].processing_kwargs = {"text": {"max_length": 5}}
    return model


def other_token_types(model: SentenceTransformer) -> SentenceTransformer:
    frame = TemplateProcessing("[CLS]:0 $A:1 [SEP]:1", None, [("[CLS]", 101), ("[SEP]", 102)])
    model.tokenizer.backend_tokenizer.post_processor = frame
    return model


def no_special_tokens(model: SentenceTransformer) -> SentenceTransformer:
    model.tokenizer.backend_tokenizer.post_processor = TemplateProcessing("$A", None, [])
    return model


def chat(model: SentenceTransformer) -> SentenceTransformer:
    model[0].modality_config = {**model[0].modality_config, "message": model[0].modality_config["text"]}
    return model


def flattened(model: SentenceTransformer) -> SentenceTransformer:
    """As with flash attention: all texts in one row."""
    from transformers import DataCollatorWithFlattening

    model[0].data_collator = DataCollatorWithFlattening(return_flash_attn_kwargs=True, return_position_ids=True)
    model[0].can_flatten_inputs, model[0]._flatten_position_offset = True, 0
    return model


REASONS = {
    static: "StaticEmbedding",
    own_preprocessing: "preprocessing of its own",
    prompt_left_out: "leaves the prompt out",
    settings_of_its_own: "settings of its own",
    other_token_types: "token types",
    no_special_tokens: "empty text no token",
    chat: "chat template",
    flattened: "position_ids",
}


@pytest.mark.parametrize("change", REASONS)
def test_models_whose_texts_are_more_than_ids(model: SentenceTransformer, change) -> None:
    changed = change(model)
    assert REASONS[change] in str(why_not_stored(changed))
    with pytest.raises(ModelError, match=REASONS[change]):
        TokenStore(changed)


def test_texts_that_turn_out_otherwise_are_refused(model: SentenceTransformer) -> None:
    store = TokenStore(model)
    with pytest.raises(ModelError, match="token types"):
        TokenStore.rows(store, ["a text"] if other_token_types(model) else [], max_tokens=64)


def with_python_tokenizer(model: SentenceTransformer, vocabulary: Path, **options) -> SentenceTransformer:
    from transformers.models.bert.tokenization_bert_legacy import BertTokenizerLegacy

    model[0].processor = BertTokenizerLegacy(str(vocabulary), model_max_length=64, **options)
    return model


def test_a_tokenizer_written_in_python(model: SentenceTransformer, tmp_path: Path) -> None:
    words = [word for word, _ in sorted(model.tokenizer.get_vocab().items(), key=lambda item: item[1])]
    for name, content in (("a", words), ("b", words), ("c", [*words[:-2], words[-1], words[-2]])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "vocab.txt").write_text("\n".join(content) + "\n", encoding="utf-8")
    fast = identity(model)
    texts = ["A text, in Python", "", "unaffable"]
    expected = [model.preprocess([text])["input_ids"][0].tolist() for text in texts]
    slow = with_python_tokenizer(model, tmp_path / "a" / "vocab.txt")
    assert not slow.tokenizer.is_fast
    assert why_not_stored(slow) is None
    found = TokenStore(slow, tmp_path).rows(texts, max_tokens=64)
    assert [ids.tolist() for ids in found.take(range(3)).split()] == expected
    first = identity(slow)
    others = {
        identity(with_python_tokenizer(model, tmp_path / name / "vocab.txt", **options))
        for name, options in (("b", {"do_lower_case": False}), ("c", {}), ("b", {"never_split": ["text"]}))
    }
    assert len(others | {first, fast}) == 5
    # where the vocabulary lies, and what was tokenised with it, plays no part
    assert identity(with_python_tokenizer(model, tmp_path / "b" / "vocab.txt")) == first
    model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    assert identity(model) == first


def test_lower_casing_of_the_module_counts(model: SentenceTransformer) -> None:
    before = identity(model)
    model[0].do_lower_case = True
    assert identity(model) != before
