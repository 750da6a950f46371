"""A model of BERT-base's size with random weights: enough for speed, and nothing has to be downloaded."""

from __future__ import annotations

from pathlib import Path

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json")


def random_bert_base(work: Path) -> Path:
    """Write a Sentence Transformers folder below `work`: 12 layers, width 768, mean pooling, packaged tokenizer, 512 tokens."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel

    from train.config.schema import ModelConfig
    from train.encode.weights.locate import locate

    packaged, raw, folder = locate(ModelConfig()).path, work / "bert-base-raw", work / "bert-base"
    torch.manual_seed(0)
    config = BertConfig(vocab_size=30522)
    BertModel(config).save_pretrained(raw)
    for name in TOKENIZER_FILES:
        (raw / name).write_bytes((packaged / name).read_bytes())
    parts = [Transformer(str(raw), max_seq_length=512), Pooling(config.hidden_size, pooling_mode="mean"), Normalize()]
    SentenceTransformer(modules=parts, device="cpu").save_pretrained(str(folder), create_model_card=False)
    return folder
