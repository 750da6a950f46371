"""An ONNX graph whose matrix products are computed in int8, and whose word embeddings are kept in it.

onnxruntime's `quantize_dynamic` has one scale for all activations of a batch. A single large number then takes the precision of
all others, and the vector of a text depends on the other texts of its batch. Here every token has a scale of its own, and every
column of the weights. Numbers that are large in the same column for all tokens are moved into the weights first ("smoothing":
Xiao et al., "SmoothQuant", ICML 2023, equation 4), as far as it helps on texts. All of it is standard ONNX.

Shapes: K inputs and M outputs of a matrix product, T tokens, V words, D dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from train.encode.exported.runtime import INPUTS, need
from train.errors import ModelError

SMOOTHINGS: tuple[float | None, ...] = (None, 0.3, 0.5, 0.7)
"""How much of the range of activations is moved into the weights; None for nothing. `tests/benchmarks/int8_ways.py` compares them
with what onnxruntime has, docs/shipping.md has the figures."""
LARGE_TABLE = 4096
"""Rows from which on a table of embeddings is worth keeping in int8."""
HIGHEST = 127
"""Largest int8; -128 is not used, so that scales are symmetric."""
MIDDLE = 128
"""Zero of activations, which are uint8: what processors multiply int8 weights with."""

Measure = Callable[[Path], tuple[float, float]]
"""Opens a graph and returns the mean and the largest 1 - cosine to the original."""


@dataclass(frozen=True)
class Tried:
    """One way to quantise, and how far it is from the original: `mean` and `largest` 1 - cosine."""

    smoothing: float | None
    mean: float
    largest: float

    def to_dict(self) -> dict[str, Any]:
        """Return its entry of export.json."""
        return {"smoothing": self.smoothing, "mean": self.mean, "largest": self.largest}


def choose_int8(
    source: Path,
    path: Path,
    ids: Sequence[np.ndarray],
    measure: Measure,
    smoothings: Sequence[float | None] = SMOOTHINGS,
) -> list[Tried]:
    """Write the int8 graph that is nearest to the original; return what was tried, the nearest first.

    Args:
        source: an fp32 graph.
        path: of the file to write.
        ids: [1, T] token ids of each text for which the range of activations is seen.
        measure: compares a graph with the original, on other texts.
        smoothings: to try.

    Raises:
        ModelError: there is nothing to quantise.
        OSError: the file cannot be written.
    """
    onnx = need("onnx", "onnx")
    seen = _ranges(source, ids)
    if not seen:
        raise ModelError(
            "the graph has no matrix products with weights, so int8 would gain nothing", hint="export to onnx or openvino"
        )
    tried = []
    for smoothing in smoothings:
        onnx.save(_Quantised(onnx.load(str(source)), seen, smoothing).model(), str(path))
        tried.append(Tried(smoothing, *measure(path)))
    tried.sort(key=lambda one: one.mean)
    onnx.save(_Quantised(onnx.load(str(source)), seen, tried[0].smoothing).model(), str(path))
    return tried


def _products(graph: Any) -> Iterator[Any]:
    """Yield the products of activations with a matrix of weights."""
    weights = {one.name for one in graph.initializer if len(one.dims) == 2}
    yield from (node for node in graph.node if node.op_type == "MatMul" and node.input[1] in weights)


def _ranges(source: Path, ids: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Return [K], the largest absolute value in each column, of what each product multiplies."""
    onnx, runtime = need("onnx", "onnx"), need("onnxruntime", "onnxruntime")
    model = onnx.load(str(source))
    names = sorted({node.input[0] for node in _products(model.graph)})
    for name in names:
        model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    found: dict[str, np.ndarray] = {}
    for one in ids:
        for name, values in zip(names, session.run(names, dict(zip(INPUTS, (one, np.ones_like(one)), strict=True))), strict=True):
            largest = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
            found[name] = np.maximum(found.get(name, 0.0), largest)
    return found


@dataclass
class _Quantised:
    """A model while its products are replaced.

    Attributes:
        source: the fp32 model.
        seen: see `_ranges`.
        smoothing: of `SMOOTHINGS`.
    """

    source: Any
    seen: dict[str, np.ndarray]
    smoothing: float | None
    nodes: list[Any] = field(default_factory=list)
    done: dict[str, tuple[str, str]] = field(default_factory=dict)

    def model(self) -> Any:
        """Return the model in int8."""
        onnx = need("onnx", "onnx")
        graph = self.source.graph
        self.helper, self.arrays = onnx.helper, onnx.numpy_helper
        self.weights = {one.name: one for one in graph.initializer}
        products = {node.name or node.output[0] for node in _products(graph)}
        self.factors = self._factors(graph)
        self._constant("int8_step", np.array(1 / HIGHEST, np.float32))
        self._constant("int8_least", np.array(1e-12, np.float32))
        self._constant("int8_one", np.array(1, np.float32))
        self._constant("int8_zero", np.array(MIDDLE, np.uint8))
        self._constant("int8_last", np.array([-1], np.int64))
        for node in list(graph.node):
            if (node.name or node.output[0]) in products:
                self._product(node)
            elif node.op_type == "Gather" and self._is_large_table(node.input[0]):
                self._table(node)
            else:
                self.nodes.append(node)
        used = {name for node in self.nodes for name in node.input}
        kept = [one for one in graph.initializer if one.name in used]
        del graph.node[:], graph.initializer[:]
        graph.node.extend(self.nodes)
        graph.initializer.extend(kept)
        return self.source

    def _factors(self, graph: Any) -> dict[str, np.ndarray]:
        """Return [K] by which the columns of each product's left side are divided, and the rows of its weights multiplied."""
        if self.smoothing is None:
            return {}
        rows: dict[str, np.ndarray] = {}
        for node in _products(graph):
            largest = np.abs(self.arrays.to_array(self.weights[node.input[1]])).max(axis=1)
            rows[node.input[0]] = np.maximum(rows.get(node.input[0], 0.0), largest)
        factors = {}
        for name, largest in rows.items():
            moved = np.maximum(self.seen[name], 1e-5) ** self.smoothing / np.maximum(largest, 1e-5) ** (1 - self.smoothing)
            factors[name] = np.clip(moved, 1e-4, 1e4).astype(np.float32)
        return factors

    def _product(self, node: Any) -> None:
        """Replace a product by one of integers: scale of the token · scale of the column · (uint8 - 128) · int8."""
        left, weight, name = node.input[0], self.arrays.to_array(self.weights[node.input[1]]), node.output[0]
        if left not in self.done:
            self.done[left] = self._activations(left)
        integers, scale = self.done[left]
        if left in self.factors:
            weight = weight * self.factors[left][:, None]
        steps = np.maximum(np.abs(weight).max(axis=0) / HIGHEST, 1e-12).astype(np.float32)
        self._constant(f"{name}_int8", np.clip(np.round(weight / steps), -HIGHEST, HIGHEST).astype(np.int8))
        self._constant(f"{name}_steps", steps)
        self._node("MatMulInteger", [integers, f"{name}_int8", "int8_zero"], f"{name}_int32")
        self._node("Cast", [f"{name}_int32"], f"{name}_float", to=1)
        self._node("Mul", [f"{name}_float", f"{name}_steps"], f"{name}_columns")
        self._node("Mul", [f"{name}_columns", scale], name)

    def _activations(self, name: str) -> tuple[str, str]:
        """Add nodes that turn activations into uint8 with a scale for each token; return the names of both."""
        smooth = name
        if name in self.factors:
            smooth = f"{name}_smooth"
            self._constant(f"{name}_factors", 1 / self.factors[name])
            self._node("Mul", [name, f"{name}_factors"], smooth)
        self._node("Abs", [smooth], f"{name}_abs")
        self._node("ReduceMax", [f"{name}_abs", "int8_last"], f"{name}_largest", keepdims=1)
        self._node("Mul", [f"{name}_largest", "int8_step"], f"{name}_step")
        self._node("Max", [f"{name}_step", "int8_least"], f"{name}_scale")
        self._node("Div", [smooth, f"{name}_scale"], f"{name}_scaled")
        self._node("QuantizeLinear", [f"{name}_scaled", "int8_one", "int8_zero"], f"{name}_uint8")
        return f"{name}_uint8", f"{name}_scale"

    def _is_large_table(self, name: str) -> bool:
        table = self.weights.get(name)
        return table is not None and len(table.dims) == 2 and table.data_type == 1 and table.dims[0] >= LARGE_TABLE

    def _table(self, node: Any) -> None:
        """Replace a look-up in a table of float32 by one in int8, with a scale a row."""
        name, table = node.output[0], self.arrays.to_array(self.weights[node.input[0]])
        steps = np.maximum(np.abs(table).max(axis=1, keepdims=True) / HIGHEST, 1e-12).astype(np.float32)
        self._constant(f"{name}_int8", np.round(table / steps).astype(np.int8))
        self._constant(f"{name}_steps", steps)
        self._node("Gather", [f"{name}_int8", node.input[1]], f"{name}_rows")
        self._node("Cast", [f"{name}_rows"], f"{name}_float", to=1)
        self._node("Gather", [f"{name}_steps", node.input[1]], f"{name}_scale")
        self._node("Mul", [f"{name}_float", f"{name}_scale"], name)

    def _constant(self, name: str, value: np.ndarray) -> None:
        self.source.graph.initializer.append(self.arrays.from_array(np.ascontiguousarray(value), name))

    def _node(self, kind: str, inputs: list[str], output: str, **settings: Any) -> None:
        self.nodes.append(self.helper.make_node(kind, inputs, [output], name=f"{output}_{kind}", **settings))
