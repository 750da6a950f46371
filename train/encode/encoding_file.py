"""encoding.json: written beside a model, pushed with it and copied into its exports, so that any copy can be checked anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from train.encode.encoding_format import FORMAT, NAME, EncodingFile, Golden, Hypothesis
from train.errors import ModelError

if TYPE_CHECKING:
    from train.encode.local import Encoder

__all__ = ["NAME", "EncodingFile", "read_encoding", "write_encoding"]


def write_encoding(encoder: Encoder, folder: Path) -> EncodingFile:
    """Encode the golden texts with a model and write the file beside it.

    Args:
        encoder: the model; neither its weights and settings nor any random state are changed, and no cache is read or written.
        folder: where its files are.

    Raises:
        ModelError: it gives no vectors of these texts.
        OSError: the file cannot be written.
    """
    from train.encode.golden_vectors import make_encoding  # needs torch, which whoever reads the file may do without

    made = make_encoding(encoder)
    made.write(folder)
    return made


def read_encoding(folder: Path) -> EncodingFile | None:
    """Return what is recorded beside a model; None where nothing is (older runs, models of others).

    Args:
        folder: of the model, or the file itself.

    Raises:
        ModelError: the file is damaged, or of a newer version.
    """
    path = folder / NAME if folder.is_dir() else folder
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(content, dict) and isinstance(content.get("format"), int) and content["format"] > FORMAT:
            raise ModelError(f"{path} was made by a newer version of embed-tune", hint="update embed-tune")
        found = EncodingFile.model_validate(content)
        _check(found)
    except (ValueError, ValidationError) as error:
        raise ModelError(
            f"{path} is damaged ({_said(error)})",
            hint="put a copy of the file back; `embed-tune verify … --against` names a run or another folder to compare with",
        ) from None
    return found


def _said(error: ValueError) -> str:
    """Return in a few words what is wrong."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg']}"
    return " ".join(str(error).split())[:200]


def _check(found: EncodingFile) -> None:
    """Look at all numbers and arrays.

    Raises:
        ValueError: one does not fit the others.
    """
    if not found.golden:
        raise ValueError("it holds no vectors")
    if found.token_ids is not None and len(found.token_ids) != len(found.texts):
        raise ValueError("a number of texts and a number of digests of their tokens differ")
    for one in found.golden:
        parts: list[Golden | Hypothesis] = [one, *one.hypotheses]
        for part in parts:
            vectors = part.vectors.array()
            if len(vectors) != len(part.texts) or not part.texts or not all(0 <= n < len(found.texts) for n in part.texts):
                raise ValueError("a number of texts and a number of vectors differ, or are 0")
            if part is one and not np.isfinite(vectors).all():
                raise ValueError("a vector holds NaN or infinity")
        if one.vectors.dimensions != found.contract.dimensions:
            raise ValueError("vectors have other dimensions than the contract says")
        if one.tokens is not None and len(one.tokens) != len(one.texts):
            raise ValueError("a number of texts and a number of token counts differ")
