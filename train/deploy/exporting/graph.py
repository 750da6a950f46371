"""From a model to an ONNX graph with pooling, further layers and normalisation inside.

Shapes: N texts, T tokens, D dimensions.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from data.errors import reason
from train.encode.contract import EncodingContract
from train.encode.exported.runtime import INPUTS, OUTPUT, need
from train.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

OPSET = 20
"""The first with `Gelu` as one operation; onnxruntime has it since 1.17, OpenVINO since 2024.0."""
EXAMPLE = (3, 11)
"""Rows and tokens of the example that is traced: none of them 1, which PyTorch takes for fixed."""


class Graph(nn.Module):
    """A model from token ids to the vector that its contract promises.

    Args:
        model: passes `eligibility.refuse`.
        contract: how it encodes.
    """

    def __init__(self, model: SentenceTransformer, contract: EncodingContract) -> None:
        super().__init__()
        first: Any = model[0]
        self.transformer = first.auto_model
        self.after = nn.ModuleList(list(model)[1:])
        self.dimensions = contract.dimensions
        self.normalized = contract.normalized

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return [N, D] of [N, T] ids, and a mask that is 0 for padding."""
        hidden = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        features: dict[str, Any] = {"token_embeddings": hidden, "attention_mask": attention_mask}
        for module in self.after:
            features = module(features)
        vectors: Tensor = features["sentence_embedding"]
        if vectors.shape[1] > self.dimensions:
            vectors = vectors[:, : self.dimensions]
            vectors = nn.functional.normalize(vectors, dim=1) if self.normalized else vectors
        return vectors


def write_graph(model: SentenceTransformer, contract: EncodingContract, path: Path, name: str) -> None:
    """Write a model as an ONNX file, weights included, for any number of texts and tokens.

    Raises:
        ModelError: onnx or onnxscript is not installed, the model is too large for one file (2 GiB), or PyTorch cannot trace it.
        OSError: the file cannot be written.
    """
    need("onnx", "onnx")
    need("onnxscript", "onnxscript")
    size = sum(weight.numel() * weight.element_size() for weight in model.state_dict().values() if isinstance(weight, Tensor))
    if size >= 2**31:
        raise ModelError(
            f"{name} cannot be exported: its weights take {size / 2**30:.1f} GiB, and an ONNX file holds 2 GiB at most",
            hint="serve the model with PyTorch, from its model/ folder",
        )
    graph = Graph(model, contract).eval()
    with torch.no_grad(), _quietly(), _plain_attention(model):
        try:
            program = _exported(graph, model.device)
        except Exception as error:  # tracing fails with errors of many private classes
            raise ModelError(
                f"{name} cannot be exported: PyTorch cannot turn it into a graph ({reason(error, most=300)})",
                hint="its architecture may need a newer PyTorch; until then serve it with PyTorch, from its model/ folder",
            ) from error
        program.save(str(path))


def _exported(graph: nn.Module, device: torch.device) -> Any:
    rows, tokens = EXAMPLE
    ids = torch.arange(5, 5 + rows * tokens, device=device).reshape(rows, tokens)
    mask = torch.ones_like(ids)
    mask[0, tokens // 2 :] = 0
    free = torch.export.Dim.DYNAMIC
    return torch.onnx.export(
        graph,
        (ids, mask),
        dynamo=True,
        input_names=list(INPUTS),
        output_names=[OUTPUT],
        dynamic_shapes=({0: free, 1: free}, {0: free, 1: free}),
        opset_version=OPSET,
        external_data=False,
        verbose=False,
    )


@contextmanager
def _plain_attention(model: SentenceTransformer) -> Iterator[None]:
    """Let the model compute attention by PyTorch's own function, whatever it is set to."""
    first: Any = model[0]
    inner = first.auto_model
    before = getattr(inner.config, "_attn_implementation", None)
    if before in (None, "sdpa", "eager"):
        yield
        return
    inner.set_attn_implementation("sdpa")
    try:
        yield
    finally:
        inner.set_attn_implementation(before)


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep the exporter's notes, about operations of libraries that are not there, from the user."""
    names = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
