"""Fill the folder of an export: graph, tokenizer and record, proven against the model."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.storage import file_digest
from train.config.choices import ExportKind
from train.config.schema import ModelConfig
from train.console import now
from train.deploy.exporting.proof import TEXTS, prove
from train.deploy.exporting.tokens import write_tokenizer
from train.encode.contract import Role
from train.encode.exported.encoder import ExportedEncoder
from train.encode.exported.open import open_exported
from train.encode.exported.record import TOKENIZER, Differences, ExportRecord
from train.machine import own_version

if TYPE_CHECKING:
    from train.encode.local import Encoder

GRAPH = {ExportKind.ONNX: "model.onnx", ExportKind.INT8: "model.onnx", ExportKind.OPENVINO: "openvino_model.xml"}
"""Names of the graphs' files."""
LIBRARIES = ("torch", "transformers", "sentence-transformers", "tokenizers", "onnx", "onnxscript", "onnxruntime", "openvino")
LEAST_TOLERANCE = 1e-5
"""1 - cosine that is rounding in fp32 on any machine: about a hundred times of what it is on one."""


@dataclass(frozen=True)
class Source:
    """What is exported.

    Attributes:
        encoder: the model, in fp32.
        name: as the user called it.
        sha256: of its weights, where they are one file.
        graph: an fp32 ONNX file of it, which every kind begins with.
    """

    encoder: Encoder
    name: str
    sha256: str | None
    graph: Path


def fill(source: Source, kind: ExportKind, folder: Path) -> ExportedEncoder:
    """Write an export into an empty folder, prove it and return it opened; the record says how far it is from the original.

    Raises:
        ModelError: it cannot be made, or does not give the model's vectors.
        OSError: a file cannot be written.
    """
    encoder, precision = source.encoder, "fp32"
    files = [GRAPH[kind]]
    settings: dict[str, Any] = {}
    shutil.copyfile(source.graph, folder / files[0])
    write_tokenizer(encoder, folder / TOKENIZER, TEXTS)
    record = ExportRecord(
        kind=kind,
        made_from=source.name,
        made_at=now(),
        made_by=own_version(),
        files={name: file_digest(folder / name) for name in (*files, TOKENIZER)},
        contract=encoder.contract,
        source_space={role: encoder.space(role) for role in Role},
        source_sha256=source.sha256,
        settings=settings,
        versions=_versions(),
        difference=Differences(texts=0, largest=0.0, mean=0.0),
        tolerance=LEAST_TOLERANCE,
    )
    record.write(folder)
    exported = opened(folder, source.name)
    difference = prove(exported, encoder, TEXTS, precision)
    proven = record.model_copy(update={"difference": difference, "tolerance": max(LEAST_TOLERANCE, 2 * difference.largest)})
    proven.write(folder)
    exported.record = proven
    return exported


def opened(folder: Path, name: str) -> ExportedEncoder:
    """Open the export in a folder under the name of its original."""
    encoder = open_exported(folder, ModelConfig(name=str(folder))).encoder
    if not isinstance(encoder, ExportedEncoder):
        raise TypeError(f"{folder} was opened as {type(encoder).__name__}")
    encoder.name = name
    return encoder


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
