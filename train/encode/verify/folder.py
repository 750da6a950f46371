"""A Sentence Transformers folder as a copy of a model: stock code loads it and encodes, as its users do."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from data.errors import reason
from train.encode.contract import Role
from train.encode.encoding_format import EncodingFile, Golden
from train.encode.fingerprint import weights_digest
from train.encode.golden import PROBES
from train.encode.golden_vectors import digest_of, token_ids
from train.encode.local import resolve_device
from train.encode.modules import input_modules
from train.encode.routes import routers_of, task_of
from train.encode.token_limit import limit_of
from train.encode.verify.observed import BF16, FP32, INT8, Observed, Reading, distances
from train.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

LONG = 1000
"""Characters from which on a text is encoded alone."""

MOST_VALUES = 256
"""That int8 knows."""

LOOKED_AT = 8
"""Matrices of weights that are looked into."""


@dataclass(frozen=True)
class FolderCopy:
    """A folder of a model.

    Attributes:
        path: of the folder.
        name: what the user called it.
        trust_remote_code: run code that came with it.
        batch_size: short texts in a forward pass.
    """

    path: Path
    name: str
    trust_remote_code: bool = False
    batch_size: int = 32

    def read(self, encoding: EncodingFile) -> Observed:
        """See `Copy.read`. The weights keep the precision of their files, as they do for whoever loads them.

        Raises:
            ModelError: it cannot be loaded, or gives no vectors.
        """
        model = self._load()
        notes: list[str] = []
        readings = {}
        with torch.no_grad():
            for place, golden in enumerate(encoding.golden):
                if (encode := _way(model, golden, notes)) is not None:
                    readings[place] = Reading(tuple(self._vectors(model, encode, encoding.texts_of(golden.texts))))
            together = self._together(model, encoding)
        module = input_modules(model)[0]
        lower = bool(getattr(module, "do_lower_case", False))
        ids = None if routers_of(model) else token_ids(getattr(module, "tokenizer", None), encoding.texts, lower=lower)
        return Observed(
            self.name,
            _kind(model),
            readings,
            None if ids is None else tuple(digest_of(one) for one in ids),
            weights_digest(model),
            _settings(model),
            together,
            notes=tuple(notes),
        )

    def _load(self) -> SentenceTransformer:
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(str(self.path), device=resolve_device("auto"), trust_remote_code=self.trust_remote_code)
        except Exception as error:  # a damaged file raises whatever the library that reads it raises
            hint = "check that the folder is complete" + ("" if self.trust_remote_code else "; --trust-remote-code runs its code")
            raise ModelError(f"{self.name} could not be loaded: {reason(error, most=300)}", hint=hint) from error

    def _vectors(self, model: SentenceTransformer, encode: _Encode, texts: Sequence[str]) -> list[np.ndarray]:
        short = [i for i, text in enumerate(texts) if len(text) < LONG]
        alone = [i for i, text in enumerate(texts) if len(text) >= LONG]
        found: dict[int, np.ndarray] = {}
        for rows, size in ((short, self.batch_size), (alone, 1)):
            if rows:
                found.update(zip(rows, _pooled(self.name, model, encode, [texts[i] for i in rows], size), strict=True))
        return [found[i] for i in range(len(texts))]

    def _together(self, model: SentenceTransformer, encoding: EncodingFile) -> float | None:
        """Return the largest distance between probes encoded alone and beside a longer text."""
        golden = encoding.golden[0]
        encode = _way(model, golden, [])
        if encode is None:
            return None
        texts = encoding.texts_of([n for n in PROBES if n in golden.texts])
        alone, beside = (_pooled(self.name, model, encode, texts, size) for size in (1, len(texts)))
        if alone[0].ndim > 1:
            return None
        return float(distances(np.stack(alone), np.stack(beside)).max())


class _Encode:
    """Stock encoding of texts under one prompt.

    Args:
        call: `encode`, `encode_query` or `encode_document` of a model.
        options: of the call.
    """

    def __init__(self, call: Any, **options: Any) -> None:
        self.call, self.options = call, options


def _way(model: SentenceTransformer, golden: Golden, notes: list[str]) -> _Encode | None:
    """Return how the folder's users encode such texts; None where they cannot."""
    calls: dict[Role, Any] = {Role.QUERY: model.encode_query, Role.DOCUMENT: model.encode_document, Role.SYMMETRIC: model.encode}
    if golden.roles:
        with suppress(ModelError):
            task_of(model, golden.roles[0])
            return _Encode(calls[golden.roles[0]])
        notes.append(f"the model has no route for {golden.called()} texts")
        return None
    known = next((name for name in golden.names if name in (model.prompts or {})), None)
    if known is None:
        notes.append(f"its files know no prompt called {golden.called()}")
        return None
    return _Encode(model.encode, prompt_name=known)


def _pooled(name: str, model: SentenceTransformer, encode: _Encode, texts: Sequence[str], size: int) -> list[np.ndarray]:
    """Return a vector a text, or of a model without pooling the vectors [T, D] of its tokens."""
    from sentence_transformers import SentenceTransformer

    options: dict[str, Any] = {"batch_size": size, "show_progress_bar": False}
    try:
        found = encode.call(list(texts), convert_to_tensor=True, **options, **encode.options)
        return list(found.float().cpu().numpy())
    except KeyError:
        first = SentenceTransformer(modules=[model[0]], device=str(model.device))
        try:
            tokens = first.encode(list(texts), output_value="token_embeddings", **options)
        except KeyError:
            raise ModelError(f"{name} gives no vectors of texts", hint="it is no embedding model; name another folder") from None
        return [one.float().cpu().numpy() for one in tokens]


def _settings(model: SentenceTransformer) -> dict[str, object]:
    """Return what the folder's files say, by name as in `EncodingContract`."""
    modules: list[Any] = list(model)
    poolings = [module.pooling_mode for module in modules if type(module).__name__ == "Pooling"]
    mode = poolings[0] if poolings else "model's own"
    return {
        "query_prompt": (model.prompts or {}).get("query") or "",
        "document_prompt": next(
            (model.prompts[name] for name in ("document", "passage", "corpus") if model.prompts.get(name)), ""
        ),
        "pooling": "+".join(mode) if isinstance(mode, list | tuple) else str(mode),
        "normalized": any(type(module).__name__ == "Normalize" for module in modules),
        "max_tokens": limit_of(model).settled,
        "modules": tuple(type(module).__name__ for module in modules),
    }


def _kind(model: SentenceTransformer) -> str:
    """Return the precision of a model's weights."""
    if any(weight.dtype in (torch.bfloat16, torch.float16) for weight in model.parameters()):
        return BF16
    matrices = [weight for name, weight in model.named_parameters() if weight.dim() == 2 and "embeddings" not in name]
    return INT8 if matrices and all(_stepped(weight) for weight in matrices[:LOOKED_AT]) else FP32


def _stepped(weight: torch.Tensor) -> bool:
    """Tell whether the weights of a matrix were integers once: few values in all, or in each row multiples of one step."""
    if weight.numel() > MOST_VALUES * 2 and weight.unique().numel() <= MOST_VALUES:
        return True
    for levels in (127, 7):
        steps = weight / (weight.abs().amax(dim=1, keepdim=True) / levels).clamp_min(1e-12)
        if bool(((steps - steps.round()).abs() < 1e-2).all()):
            return True
    return False
