"""Small models of the kinds that people bring: random weights, 32 dimensions, the vocabulary of the packaged MiniLM."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Router, StaticEmbedding, Transformer
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, PreTrainedModel, RobertaConfig, RobertaModel, T5Config, T5EncoderModel

from train.config.schema import ModelConfig
from train.encode.weights.locate import locate

SMALL: dict[str, Any] = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
WORDS = 30522
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json")


def packaged() -> Path:
    """Return the folder of the packaged model."""
    return locate(ModelConfig()).path


def bert(seed: int = 0, words: int = WORDS) -> BertModel:
    """Return a small BERT."""
    torch.manual_seed(seed)
    return BertModel(BertConfig(vocab_size=words, **SMALL))


def roberta(positions: int = 514) -> RobertaModel:
    """Return a small RoBERTa; its padding token is 1, as in the real ones."""
    torch.manual_seed(0)
    config = RobertaConfig(
        vocab_size=WORDS, max_position_embeddings=positions, type_vocab_size=1, pad_token_id=1, layer_norm_eps=1e-5, **SMALL
    )
    return RobertaModel(config)


def t5() -> T5EncoderModel:
    """Return a small T5, which places tokens by their distance."""
    torch.manual_seed(0)
    return T5EncoderModel(T5Config(vocab_size=WORDS, d_model=32, d_kv=16, d_ff=64, num_layers=2, num_heads=2))


def raw(folder: Path, encoder: PreTrainedModel, **settings: object) -> Path:
    """Save an encoder as transformers does, without pooling; None among the tokenizer's settings takes one out."""
    encoder.save_pretrained(folder)
    for name in TOKENIZER:
        shutil.copy(packaged() / name, folder / name)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for key, value in settings.items():
        config.pop(key, None)
        if value is not None:
            config[key] = value
    path.write_text(json.dumps(config), encoding="utf-8")
    if "pad_token" in settings:
        (folder / "special_tokens_map.json").unlink()
    return folder


def part(folder: Path, seed: int = 0, tokens: int = 64) -> list[Any]:
    """Return a small BERT with pooling, as the modules of a model; its files lie in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return [Transformer(str(raw(folder, bert(seed))), max_seq_length=tokens), Pooling(32, pooling_mode="mean")]


def static_module(width: int = 32) -> StaticEmbedding:
    """Return a table of random word vectors."""
    tokens = Tokenizer.from_file(str(packaged() / "tokenizer.json"))
    tokens.no_truncation()
    torch.manual_seed(0)
    return StaticEmbedding(tokens, embedding_dim=width)


def saved(folder: Path, *modules: Any, **options: Any) -> Path:
    """Save modules as a model and return its folder."""
    SentenceTransformer(modules=list(modules), device="cpu", **options).save_pretrained(str(folder), create_model_card=False)
    return folder


def static(folder: Path) -> Path:
    """Return a model of static embeddings."""
    return saved(folder, static_module())


def router(folder: Path, default: str | None = "document") -> Path:
    """Return a model with one encoder for queries and another one for documents."""
    query, document = part(folder / "parts" / "query", 1), part(folder / "parts" / "document", 2)
    routes = Router.for_query_document(query, document, default_route=default, allow_empty_key=default is not None)
    return saved(folder / "model", routes, Normalize())
