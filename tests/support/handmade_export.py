"""An exported folder made by hand, whose vectors are known: the mean of the rows of the tokens in a table, without PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from data.storage import file_digest
from train.config.choices import ExportKind
from train.deploy.exporting.readme import readme
from train.encode.contract import EncodingContract
from train.encode.exported.record import Differences, ExportRecord

WORDS = ("[PAD]", "[CLS]", "[SEP]", "[UNK]", "query:", "red", "green", "blue", "white")
TABLE = np.eye(len(WORDS), dtype=np.float32) + 0.25
"""[V, D]: the row of each word."""
CONTRACT = EncodingContract(
    query_prompt="query: ",
    document_prompt="",
    symmetric_prompt="",
    prompts_from="the model's config",
    pooling="mean",
    normalized=False,
    max_tokens=5,
    dimensions=len(WORDS),
    similarity="cosine",
)


def mean_of(*words: str) -> np.ndarray:
    """Return the vector that a text of these tokens must have."""
    return TABLE[[WORDS.index(word) for word in words]].mean(axis=0)


def handmade_export(folder: Path, table: np.ndarray = TABLE) -> Path:
    """Write the folder and return it."""
    folder.mkdir(parents=True)
    onnx.save(_graph(table), str(folder / "model.onnx"))
    _tokenizer().save(str(folder / "tokenizer.json"))
    record = ExportRecord(
        kind=ExportKind.ONNX,
        made_from="by hand",
        made_at="2026-12-01T00:00:00Z",
        made_by="a test",
        files={name: file_digest(folder / name) for name in ("model.onnx", "tokenizer.json")},
        contract=CONTRACT,
        difference=Differences(texts=0, largest=0, mean=0),
        tolerance=1e-5,
        settings={"precision": "fp32"},
    )
    record.write(folder)
    (folder / "README.md").write_text(readme(record), encoding="utf-8")
    return folder


def _graph(table: np.ndarray) -> onnx.ModelProto:
    """Return mask-weighted means of rows of the table."""
    ids, mask = (helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"]) for name in ("input_ids", "attention_mask"))
    out = helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["n", table.shape[1]])
    constants = [
        numpy_helper.from_array(table.astype(np.float32), "table"),
        numpy_helper.from_array(np.array([2]), "last"),
        numpy_helper.from_array(np.array([1]), "tokens"),
    ]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["weights", "last"], ["column"]),
        helper.make_node("Mul", ["rows", "column"], ["kept"]),
        helper.make_node("ReduceSum", ["kept", "tokens"], ["sum"], keepdims=0),
        helper.make_node("ReduceSum", ["weights", "tokens"], ["count"], keepdims=1),
        helper.make_node("Div", ["sum", "count"], ["sentence_embedding"]),
    ]
    graph = helper.make_graph(nodes, "mean", [ids, mask], [out], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    tokenizer.enable_truncation(CONTRACT.max_tokens)
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    return tokenizer
