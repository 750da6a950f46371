"""A bare ONNX file beside a tokenizer.json as a copy of a model, and an export of ours, which is a `TextEncoder`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import reason
from train.config.choices import ExportKind
from train.encode.encoding_file import read_encoding
from train.encode.encoding_format import EncodingFile
from train.encode.exported.record import read_record
from train.encode.golden import PROBES
from train.encode.golden_vectors import digest_of
from train.encode.protocol import TextEncoder
from train.encode.verify.observed import INT8, ONNX, Observed, Reading, distances
from train.errors import ModelError

QUANTISED = (b"DequantizeLinear", b"MatMulInteger", b"QLinearMatMul", b"DynamicQuantizeLinear")
"""Operators that only a quantised graph has."""


@dataclass(frozen=True)
class GraphCopy:
    """An .onnx file. Whoever uses it puts the prompts before the texts, and so does this.

    Attributes:
        path: of the file; tokenizer.json lies beside it, or one folder above.
        name: what the user called it.
    """

    path: Path
    name: str

    def read(self, encoding: EncodingFile) -> Observed:
        """See `Copy.read`.

        Raises:
            ModelError: the file, its tokenizer or the package that runs it is missing, or it gives no vectors.
        """
        session, tokenizer = self._session(), self._tokenizer()
        notes = []
        if tokenizer.truncation is None and not encoding.contract.reads_whole:
            notes.append(f"its tokenizer.json cuts nothing: {encoding.contract.max_tokens} tokens were read, as the model does")
            tokenizer.enable_truncation(encoding.contract.max_tokens)
        tokenizer.no_padding()
        readings = {}
        for place, golden in enumerate(encoding.golden):
            if golden.task is None:
                texts = [golden.prompt + text for text in encoding.texts_of(golden.texts)]
                readings[place] = Reading(tuple(self._run(session, tokenizer, [text])[0] for text in texts))
        probes = [encoding.golden[0].prompt + text for text in encoding.texts_of(PROBES)]
        together = None
        if readings and all(one.ndim == 1 for one in self._run(session, tokenizer, probes[:1])):
            tokenizer.enable_padding(pad_id=tokenizer.token_to_id("[PAD]") or tokenizer.token_to_id("<pad>") or 0)
            beside = self._run(session, tokenizer, probes)
            tokenizer.no_padding()
            alone = [self._run(session, tokenizer, [text])[0] for text in probes]
            together = float(distances(np.stack(alone), np.stack(beside)).max())
        tokenizer.no_truncation()
        ids = tuple(digest_of(one.ids) for one in tokenizer.encode_batch(list(encoding.texts)))
        content = self.path.read_bytes()
        kind = INT8 if any(sign in content for sign in QUANTISED) else ONNX
        return Observed(self.name, kind, readings, ids, together=together, notes=tuple(notes))

    def _session(self) -> Any:
        try:
            import onnxruntime
        except ImportError:
            raise ModelError(f"{self.name} needs onnxruntime", hint="install it: pip install onnxruntime") from None
        try:
            return onnxruntime.InferenceSession(str(self.path), providers=["CPUExecutionProvider"])
        except Exception as error:  # the package's own errors share no class
            raise ModelError(f"{self.name} could not be loaded: {reason(error)}", hint="export it again") from error

    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        for folder in (self.path.parent, self.path.parent.parent):
            if (folder / "tokenizer.json").is_file():
                return Tokenizer.from_file(str(folder / "tokenizer.json"))
        raise ModelError(f"{self.name} has no tokenizer.json beside it", hint="put the model's tokenizer.json into that folder")

    def _run(self, session: Any, tokenizer: Any, texts: Sequence[str]) -> list[np.ndarray]:
        """Return [N] vectors [D], or [T, D] where the graph gives one a token."""
        encoded = tokenizer.encode_batch(list(texts))
        arrays = {
            "input_ids": np.array([one.ids for one in encoded], dtype=np.int64),
            "attention_mask": np.array([one.attention_mask for one in encoded], dtype=np.int64),
            "token_type_ids": np.array([one.type_ids for one in encoded], dtype=np.int64),
        }
        wanted = [one.name for one in session.get_inputs()]
        if unknown := [name for name in wanted if name not in arrays]:
            raise ModelError(f"{self.name} wants inputs that no tokenizer gives: {', '.join(unknown)}", hint="export it again")
        names = [one.name for one in session.get_outputs()]
        found = dict(zip(names, session.run(None, {name: arrays[name] for name in wanted}), strict=True))
        vectors = found.get("sentence_embedding")
        if vectors is None:
            vectors = next((value for value in found.values() if value.ndim == 2), next(iter(found.values())))
        masks = arrays["attention_mask"].astype(bool)
        return [one if one.ndim == 1 else one[mask] for one, mask in zip(vectors.astype(np.float32), masks, strict=True)]


@dataclass(frozen=True)
class EncoderCopy:
    """Whatever encodes texts by role, as an export of ours does.

    Attributes:
        encoder: that is asked.
        name: what the user called it.
        folder: of the export, whose export.json says what kind it is and which difference was found good enough.
    """

    encoder: TextEncoder
    name: str
    folder: Path

    def read(self, encoding: EncodingFile) -> Observed:
        """See `Copy.read`."""
        record = read_record(self.folder)
        readings, together = {}, None
        for place, golden in enumerate(encoding.golden):
            if golden.roles:
                texts = encoding.texts_of(golden.texts)
                readings[place] = Reading(tuple(self.encoder.encode(texts, golden.roles[0], progress=False).numpy()))
                probes = encoding.texts_of(PROBES)
                beside = self.encoder.encode(probes, golden.roles[0], progress=False).numpy()
                alone = [self.encoder.encode([text], golden.roles[0], progress=False).numpy()[0] for text in probes]
                together = max(together or 0.0, float(distances(np.stack(alone), beside).max()))
        kind = INT8 if record.kind is ExportKind.INT8 else ONNX
        own = read_encoding(self.folder)
        # it was judged beside its original: for another model, near as it may be, what it lost there allows nothing
        tolerance = record.tolerance if own is None or own.weights == encoding.weights else None
        return Observed(self.name, kind, readings, together=together, tolerance=tolerance)
