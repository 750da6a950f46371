"""README.md of an export: the lines that load it without this project."""

from __future__ import annotations

from train.config.choices import ExportKind
from train.encode.exported.record import ExportRecord

ONNX = """\
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file("tokenizer.json")  # cuts and pads as the model needs it
session = onnxruntime.InferenceSession("{graph}", providers=["CPUExecutionProvider"])
{prompts}

def encode(texts, prompt=""):
    tokens = tokenizer.encode_batch([prompt + text for text in texts])
    ids = np.array([one.ids for one in tokens], dtype=np.int64)
    mask = np.array([one.attention_mask for one in tokens], dtype=np.int64)
    return session.run(["sentence_embedding"], {{"input_ids": ids, "attention_mask": mask}})[0]


queries = encode(["a question"], QUERY)
documents = encode(["a text that answers it", "another one"], DOCUMENT)
{compare}
"""
OPENVINO = """\
import numpy as np
import openvino
from tokenizers import Tokenizer

tokenizer = Tokenizer.from_file("tokenizer.json")  # cuts and pads as the model needs it
model = openvino.Core().compile_model("{graph}", "CPU", {{"INFERENCE_PRECISION_HINT": "{hint}"}})
{prompts}

def encode(texts, prompt=""):
    tokens = tokenizer.encode_batch([prompt + text for text in texts])
    ids = np.array([one.ids for one in tokens], dtype=np.int64)
    mask = np.array([one.attention_mask for one in tokens], dtype=np.int64)
    return np.array(model({{"input_ids": ids, "attention_mask": mask}})["sentence_embedding"])


queries = encode(["a question"], QUERY)
documents = encode(["a text that answers it", "another one"], DOCUMENT)
{compare}
"""
COSINE = """\
queries /= np.linalg.norm(queries, axis=1, keepdims=True)
documents /= np.linalg.norm(documents, axis=1, keepdims=True)
print(queries @ documents.T)  # cosines"""


def code(record: ExportRecord) -> str:
    """Return the Python that loads an export and compares texts, to be run in its folder."""
    own = record.contract
    if own.similarity == "dot":
        compare = "print(queries @ documents.T)  # dot products, as the model compares"
    else:
        compare = "print(queries @ documents.T)  # cosines: all vectors have length 1" if own.normalized else COSINE
    prompts = f"QUERY, DOCUMENT = {own.query_prompt!r}, {own.document_prompt!r}\n"
    template = OPENVINO if record.kind == ExportKind.OPENVINO else ONNX
    hint = "bf16" if record.settings.get("precision") == "bf16" else "f32"
    return template.format(graph=record.graph, prompts=prompts, compare=compare, hint=hint).strip()


def readme(record: ExportRecord) -> str:
    """Return README.md."""
    own = record.contract
    openvino = record.kind == ExportKind.OPENVINO
    needs = "tokenizers numpy " + ("openvino" if openvino else "onnxruntime")
    reads = "texts of any length" if own.reads_whole else f"at most {own.max_tokens} tokens, special ones included"
    parts = [
        f"# {record.made_from}, exported to {record.kind}",
        f"Vectors of {own.dimensions} dimensions, {'of length 1' if own.normalized else 'not normalised'}, compared by"
        f" {'dot product' if own.similarity == 'dot' else 'cosine'}; {reads}. Pooling ({own.pooling}) and all that follows it are"
        " inside the graph. Inputs `input_ids` and `attention_mask` (int64, texts by tokens), output `sentence_embedding`"
        " (float32). Prompts are put before the text by whoever calls.",
        f"How far the vectors are from the original's: 1 - cosine is {record.difference.largest:.2g} at most on"
        f" {record.difference.texts} texts. What it was judged on, how fast it is and how it was made: `export.json`.",
        f"In this folder, after `pip install {needs}`:",
        f"```python\n{code(record)}\n```",
    ]
    if (products := record.settings.get("products")) is not None:
        parts.append(
            f"It was compared with its original on a processor whose sums of 8-bit products are {products}. x86 processors"
            " without VNNI (`lscpu` names avx512_vnni or avx_vnni where it is there) clip large sums, which moves the vectors:"
            " `embed-tune verify` tells how far."
        )
    if openvino:
        parts.append(
            f"The vectors above were compared with `INFERENCE_PRECISION_HINT` {record.settings.get('precision', 'fp32')}; another"
            " one gives others. OpenVINO's package reports its use over the network unless it is told not to:"
            " `opt_in_out --opt_out`."
        )
    return "\n\n".join(parts) + "\n"
