"""What the library reads from a saved model is what was trained and judged here, whichever side batches are filled up on."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from transformers import PreTrainedModel, Qwen3Config, Qwen3Model

from tests.support import tiny_models
from train.config.schema import ModelConfig
from train.encode.open import open_model

TEXTS = ["short", "a text with some more words in it", "three words here", "and a long one " * 12, "short"]


def qwen() -> PreTrainedModel:
    torch.manual_seed(0)
    heads = {"num_key_value_heads": 1, "head_dim": 16, "pad_token_id": 0}
    return Qwen3Model(Qwen3Config(vocab_size=tiny_models.WORDS, max_position_embeddings=512, **tiny_models.SMALL, **heads))


def model_of(folder: Path, encoder: PreTrainedModel, pooling: str, side: str) -> Path:
    transformer = Transformer(str(tiny_models.raw(folder / "raw", encoder)), max_seq_length=64)
    transformer.tokenizer.padding_side = side
    return tiny_models.saved(folder / "model", transformer, Pooling(32, pooling_mode=pooling), Normalize())


CASES = list(product(["bert", "qwen"], ["left", "right"], ["cls", "mean", "lasttoken"]))
QUICK = {("bert", "left", "cls"), ("bert", "right", "lasttoken"), ("qwen", "left", "lasttoken")}


@pytest.mark.parametrize(
    ("kind", "side", "pooling"), [pytest.param(*case, marks=[] if case in QUICK else pytest.mark.slow) for case in CASES]
)
def test_the_saved_model_is_read_as_it_was_judged(kind: str, side: str, pooling: str, tmp_path: Path) -> None:
    folder = model_of(tmp_path, tiny_models.bert() if kind == "bert" else qwen(), pooling, side)
    opened = open_model(ModelConfig(name=str(folder), device="cpu"))
    ours = opened.encoder.encode(TEXTS, "document")
    opened.local.model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
    saved = SentenceTransformer(str(tmp_path / "saved"), device="cpu")
    assert torch.allclose(saved.encode(TEXTS, convert_to_tensor=True), ours, atol=1e-5)
    mended = kind == "bert" and side == "left"
    assert saved.tokenizer.padding_side == ("right" if mended else side)
    assert [bool("padding_side" in note) for note in opened.notes] == ([True] if mended else [])


def test_another_measure_than_cosine_is_said_and_exported_as_what_it_is(tmp_path: Path) -> None:
    parts = tiny_models.part(tmp_path / "raw")
    for measure in ("euclidean", "manhattan"):
        opened = open_model(
            ModelConfig(name=str(tiny_models.saved(tmp_path / measure, *parts, similarity_fn_name=measure)), device="cpu")
        )
        assert opened.encoder.similarity == "cosine" and f"by {measure} distance" in opened.notes[0]
        opened.local.model.save_pretrained(str(tmp_path / "saved"), create_model_card=False)
        assert SentenceTransformer(str(tmp_path / "saved"), device="cpu").similarity_fn_name == "cosine"
    for measure in ("cosine", "dot"):
        folder = tiny_models.saved(tmp_path / measure, *parts, similarity_fn_name=measure)
        opened = open_model(ModelConfig(name=str(folder), device="cpu"))
        assert opened.encoder.similarity == opened.local.model.similarity_fn_name == measure and not opened.notes
