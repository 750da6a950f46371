"""The runtimes that compute a graph: onnxruntime and OpenVINO. Nothing else knows their interfaces."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from train.config.choices import ExportKind
from train.errors import ModelError
from train.machine import int8_products

OUTPUT = "sentence_embedding"
INPUTS = ("input_ids", "attention_mask")


class Runtime(Protocol):
    """Computes vectors of token ids."""

    @property
    def identity(self) -> Mapping[str, str]:
        """What decides the rounding of a vector: library, version, precision, how 8-bit products are added."""
        ...

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Return [N, D] float32 of [N, T] int64 token ids and their mask (0 for padding)."""
        ...


def open_runtime(kind: ExportKind, graph: Path) -> Runtime:
    """Load a graph.

    Raises:
        ModelError: the runtime is not installed, or does not take the graph.
    """
    if kind == ExportKind.OPENVINO:
        return OpenVino(graph)
    return OnnxRuntime(graph, {"products": int8_products()} if kind == ExportKind.INT8 else {})


def need(package: str, extra: str) -> Any:
    """Return an optional library.

    Raises:
        ModelError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        raise ModelError(f"{extra} is not installed", hint=f"pip install {extra}") from None


def openvino() -> Any:
    """Return the library `openvino`, imported without the part of it that reports its import over the network.

    Raises:
        ModelError: it is not installed.
    """
    telemetry = "openvino_telemetry"
    if "openvino" not in sys.modules and telemetry not in sys.modules:
        sys.modules[telemetry] = None  # type: ignore[assignment]  # what Python takes for "is not installed"
        try:
            return need("openvino", "openvino")
        finally:
            del sys.modules[telemetry]
    return need("openvino", "openvino")


def threads() -> int:
    """Return how many threads a graph may use: OMP_NUM_THREADS, or else the cores that this process may use."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class OnnxRuntime:
    """onnxruntime on the CPU.

    Args:
        graph: its file.
        decided: what else decides its vectors.

    Raises:
        ModelError: see `open_runtime`.
    """

    def __init__(self, graph: Path, decided: Mapping[str, str]) -> None:
        library = need("onnxruntime", "onnxruntime")
        options = library.SessionOptions()
        options.intra_op_num_threads = threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = library.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its classes of errors stand in a private module
            raise _not_taken("onnxruntime", graph, error) from error
        self.identity = {"runtime": "onnxruntime", "version": str(library.__version__), **decided}

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """See `Runtime.run`."""
        found = self._session.run([OUTPUT], dict(zip(INPUTS, (ids, mask), strict=True)))[0]
        return np.asarray(found, dtype=np.float32)


class OpenVino:
    """OpenVINO on the CPU, in bf16 where the processor has it, else in fp32.

    Raises:
        ModelError: see `open_runtime`.
    """

    def __init__(self, graph: Path) -> None:
        library = openvino()
        core = library.Core()
        self.precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "fp32"
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads(),
            "NUM_STREAMS": "1",
            "INFERENCE_PRECISION_HINT": "bf16" if self.precision == "bf16" else "f32",
        }
        try:
            self._model = core.compile_model(str(graph), "CPU", settings)
        except Exception as error:  # RuntimeError of the binding, or what a newer release makes of it
            raise _not_taken("OpenVINO", graph, error) from error
        self._request = self._model.create_infer_request()
        self.identity = {"runtime": "openvino", "version": str(library.__version__), "precision": self.precision}

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """See `Runtime.run`."""
        found = self._request.infer(dict(zip(INPUTS, (ids, mask), strict=True)))
        return np.array(found[OUTPUT], dtype=np.float32)


def _not_taken(runtime: str, graph: Path, error: Exception) -> ModelError:
    said = str(error).strip().splitlines()
    return ModelError(
        f"{runtime} cannot load {graph} ({said[0][:200] if said else type(error).__name__})",
        hint=f"export again with the {runtime} that is installed here, or install the version that export.json names",
    )
