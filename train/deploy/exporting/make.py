"""Fill the folder of an export: graph, tokenizer, record and README, proven against the model."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.storage import file_digest, write_text
from train.config.choices import ExportKind
from train.config.schema import ModelConfig
from train.console import now, say
from train.deploy.exporting.int8 import choose_int8
from train.deploy.exporting.proof import compared, prove
from train.deploy.exporting.readme import readme
from train.deploy.exporting.tokens import settled, write_tokenizer
from train.encode.contract import Role
from train.encode.encoding_file import NAME as ENCODING
from train.encode.exported.encoder import ExportedEncoder
from train.encode.exported.open import open_exported
from train.encode.exported.record import TOKENIZER, Differences, ExportRecord
from train.encode.exported.runtime import OnnxRuntime, openvino
from train.encode.golden import GOLDEN_TEXTS
from train.encode.tokens.eligibility import encodable
from train.machine import own_version

if TYPE_CHECKING:
    from train.encode.local import Encoder

FILES = {
    ExportKind.ONNX: ("model.onnx",),
    ExportKind.INT8: ("model.onnx",),
    ExportKind.OPENVINO: ("openvino_model.xml", "openvino_model.bin"),
}
"""Files of the graphs, that which the runtime opens first."""
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
        folder: of the model, where it is one.
        texts: by role, on which int8 is chosen; they are kept nowhere.
    """

    encoder: Encoder
    name: str
    sha256: str | None
    graph: Path
    folder: Path | None = None
    texts: Mapping[Role, Sequence[str]] = field(default_factory=dict)


def fill(source: Source, kind: ExportKind, folder: Path) -> ExportedEncoder:
    """Write an export into an empty folder, prove it and return it opened; the record says how far it is from the original.

    Raises:
        ModelError: it cannot be made, or does not give the model's vectors.
        OSError: a file cannot be written.
    """
    encoder = source.encoder
    settings = _write(source, kind, folder)
    write_tokenizer(encoder, folder / TOKENIZER, GOLDEN_TEXTS)
    if source.folder is not None and (source.folder / ENCODING).is_file():
        shutil.copyfile(source.folder / ENCODING, folder / ENCODING)
    record = ExportRecord(
        kind=kind,
        made_from=source.name,
        made_at=now(),
        made_by=own_version(),
        files={name: file_digest(folder / name) for name in (*FILES[kind], TOKENIZER)},
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
    precision = "int8" if kind == ExportKind.INT8 else exported.runtime.identity.get("precision", "fp32")
    difference = prove(exported, encoder, GOLDEN_TEXTS, precision)
    exported.record = record.model_copy(
        update={
            "settings": {"precision": precision, **_on_this_processor(exported), **settings},
            "difference": difference,
            "tolerance": max(LEAST_TOLERANCE, 2 * difference.largest),
        }
    )
    return exported


def _on_this_processor(exported: ExportedEncoder) -> dict[str, str]:
    """Return what of this processor decides the vectors, besides their precision."""
    return {name: value for name, value in exported.runtime.identity.items() if name == "products"}


def finish(exported: ExportedEncoder, judged: list[dict[str, Any]], timing: dict[str, Any] | None, forced: bool) -> None:
    """Write record and README of an export that is kept.

    Raises:
        OSError: a file cannot be written.
    """
    exported.record = exported.record.model_copy(
        update={"judged": {"datasets": judged} if judged else None, "timing": timing, "forced": forced}
    )
    exported.record.write(exported.folder)
    write_text(exported.folder / "README.md", readme(exported.record))


def opened(folder: Path, name: str) -> ExportedEncoder:
    """Open the export in a folder under the name of its original."""
    encoder = open_exported(folder, ModelConfig(name=str(folder))).encoder
    if not isinstance(encoder, ExportedEncoder):
        raise TypeError(f"{folder} was opened as {type(encoder).__name__}")
    encoder.name = name
    return encoder


def _write(source: Source, kind: ExportKind, folder: Path) -> dict[str, Any]:
    """Write the graph; return how it was made."""
    graph = folder / FILES[kind][0]
    if kind == ExportKind.OPENVINO:
        library = openvino()
        library.save_model(library.Core().read_model(str(source.graph)), str(graph), compress_to_fp16=False)
        return {}
    if kind == ExportKind.ONNX:
        shutil.copyfile(source.graph, graph)
        return {}
    return _int8(source, graph)


def _int8(source: Source, graph: Path) -> dict[str, Any]:
    """Write the int8 graph that is nearest to the original on half of the texts; the others show the range of activations."""
    encoder, tokenizer = source.encoder, settled(source.encoder)
    tokenizer.no_padding()
    seen: list[np.ndarray] = []
    ids: list[np.ndarray] = []
    vectors: list[np.ndarray] = []
    for role, texts in source.texts.items():
        prompt = encoder.contract.prompt(role)
        tokens = [np.array([one.ids], dtype=np.int64) for one in tokenizer.encode_batch([encodable(prompt + t) for t in texts])]
        seen += tokens[::2]
        ids += tokens[1::2] or tokens
        vectors.append(encoder.encode(list(texts[1::2]) or list(texts), role, False).numpy())
    wanted = np.concatenate(vectors)

    def measure(path: Path) -> tuple[float, float]:
        runtime = OnnxRuntime(path, {})
        found = np.concatenate([runtime.run(one, np.ones_like(one)) for one in ids])
        distances = compared(found, wanted).distances
        return float(distances.mean()), float(distances.max())

    tried = choose_int8(source.graph, graph, seen, measure)
    best = tried[0]
    smoothed = "without smoothing" if best.smoothing is None else f"smoothing {best.smoothing:g}"
    say(f"  int8 with a scale for each token and column, {smoothed}: 1 - cosine {best.mean:.2g} in the mean of {len(ids)} texts")
    return {
        "weights": "int8, a scale a column",
        "activations": "uint8, a scale a token, measured as they come",
        "smoothing": best.smoothing,
        "tried": [one.to_dict() for one in tried],
        "texts_seen": len(seen),
        "texts_chosen_on": len(ids),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
