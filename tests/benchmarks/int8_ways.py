"""Ways to compute a model in int8, beside fp32: cosine to the original, milliseconds of a single text and of a batch, megabytes.

    python -m tests.benchmarks.int8_ways MODEL TEXTS.jsonl [--column text] [--texts 240]

Run it from the repository's root. `export --to onnx-int8` takes one of the last, and chooses the smoothing by measurement; the
others are onnxruntime's own. Every second text shows the range of activations; vectors are compared on the others. All ways are
timed in turns.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer

from tests.benchmarks.console import run_as_program, say
from train.config.schema import ModelConfig
from train.deploy.exporting.graph import write_graph
from train.deploy.exporting.int8 import SMOOTHINGS, choose_int8
from train.deploy.exporting.proof import compared
from train.deploy.exporting.tokens import settled
from train.encode.exported.runtime import OnnxRuntime
from train.encode.open import open_model
from train.resolve.models import find_candidate

ROUNDS, SINGLE, BATCH, TOKENS = 5, 24, 32, 48


def main() -> None:
    """Make each graph, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("file", type=Path)
    parser.add_argument("--column", default="text")
    parser.add_argument("--texts", type=int, default=240)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    lines = asked.file.read_text(encoding="utf-8").splitlines()
    texts = [text for line in lines if (text := json.loads(line)[asked.column])][: asked.texts]
    encoder = open_model(find_candidate(asked.model, ModelConfig(device="cpu")).config).local
    tokenizer = settled(encoder)
    tokenizer.no_padding()
    ids = [np.array([one.ids], dtype=np.int64) for one in tokenizer.encode_batch(texts)]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_graph(encoder.model, encoder.contract, place / "fp32.onnx", encoder.name)
        made = {"fp32": place / "fp32.onnx", **ways(place, ids[::2])}
        print("\n".join(measured(made, ids[1::2])))


def ways(place: Path, seen: list[np.ndarray]) -> dict[str, Path]:
    """Write a graph of each kind, and return their files."""
    source = place / "fp32.onnx"
    weights = {one.name for one in onnx.load(str(source)).graph.initializer}
    products = [node.name for node in onnx.load(str(source)).graph.node if node.op_type == "MatMul" and node.input[1] in weights]
    signed, columns = {"weight_type": QuantType.QInt8}, {"per_channel": True, "nodes_to_quantize": products}
    dynamic: dict[str, dict[str, Any]] = {
        "quantize_dynamic": signed,
        "quantize_dynamic, a scale a column": signed | columns,
        "quantize_dynamic, a scale a column, 7 bits": signed | columns | {"reduce_range": True},
    }
    made = {}
    for name, options in dynamic.items():
        made[name] = place / f"{len(made)}.onnx"
        quantize_dynamic(str(source), str(made[name]), **options)
    for block in (32, 128):
        name = f"8-bit weights in blocks of {block}"
        made[name] = place / f"{len(made)}.onnx"
        settings = DefaultWeightOnlyQuantConfig(block_size=block, is_symmetric=True, accuracy_level=4, bits=8)
        quantizer = MatMulNBitsQuantizer(onnx.load(str(source)), algo_config=settings)
        quantizer.process()
        quantizer.model.save_model_to_file(str(made[name]))
    for smoothing in SMOOTHINGS:
        name = f"a scale a token and column, smoothing {smoothing or 0:g}"
        made[name] = place / f"{len(made)}.onnx"
        choose_int8(source, made[name], seen, lambda path: (0.0, 0.0), (smoothing,))
    return made


def measured(made: dict[str, Path], ids: list[np.ndarray]) -> list[str]:
    """Return the lines of the table in Markdown."""
    runtimes = {name: OnnxRuntime(path) for name, path in made.items()}
    vectors = {name: np.concatenate([one.run(row, np.ones_like(row)) for row in ids]) for name, one in runtimes.items()}
    block = np.concatenate([np.resize(row, (1, TOKENS)) for row in ids[:BATCH]])
    single: dict[str, list[float]] = {name: [] for name in made}
    batch: dict[str, list[float]] = {name: [] for name in made}
    for number in range(ROUNDS):
        say(f"round {number + 1} of {ROUNDS} …")
        for name, one in runtimes.items():
            single[name] += [_milliseconds(one, row) for row in ids[:SINGLE]]
            batch[name].append(_milliseconds(one, block))
    lines = [
        f"| | cosine, least | mean | single text, ms | {BATCH} texts of {TOKENS} tokens, ms | MB |",
        "|---|---|---|---|---|---|",
    ]
    for name, path in made.items():
        cosines = 1 - compared(vectors[name], vectors["fp32"]).distances
        lines.append(
            f"| {name} | {cosines.min():.4f} | {cosines.mean():.4f} | {median(single[name]):.1f} | {median(batch[name]):.0f}"
            f" | {path.stat().st_size / 1e6:.0f} |"
        )
    return lines


def _milliseconds(runtime: OnnxRuntime, ids: np.ndarray) -> float:
    began = time.perf_counter()
    runtime.run(ids, np.ones_like(ids))
    return 1000 * (time.perf_counter() - began)


if __name__ == "__main__":
    run_as_program(main)
