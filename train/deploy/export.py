"""Write the judged model as a plain Sentence Transformers folder that loads without this project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from data.errors import EmbedTuneError
from data.storage import staged_folder
from train.console import say
from train.encode.encoding_file import NAME, write_encoding
from train.encode.weights.save import save_model
from train.errors import RunError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from train.encode.local import Encoder


def export_model(model: SentenceTransformer, folder: Path, encoder: Encoder | None = None) -> Path:
    """Save to `folder`, whole or not at all.

    Args:
        model: what is saved.
        folder: replaced where it exists.
        encoder: of the model, by which it is recorded how texts are encoded (encoding.json); None records nothing.

    Raises:
        RunError: the files cannot be written (full disk, no permission).
    """
    try:
        with staged_folder(folder, replace=True) as staged:
            save_model(model, staged)
            if encoder is not None:
                _record(encoder, staged)
    except Exception as error:  # safetensors has an error of its own for a full disk
        raise RunError(
            f"the model cannot be written to {folder} ({error})",
            hint=f"make room, then continue with --resume {folder.parent}; the checkpoints are kept",
        ) from error
    return folder


def _record(encoder: Encoder, folder: Path) -> None:
    """Write encoding.json. Where the vectors cannot be had, the model is exported all the same, and the user is told."""
    try:
        write_encoding(encoder, folder)
    except (EmbedTuneError, RuntimeError, MemoryError) as error:
        why = error.what if isinstance(error, EmbedTuneError) else " ".join(str(error).split())[:200] or type(error).__name__
        say(f"  note: {NAME} is left out, so copies of the model cannot be checked by `embed-tune verify`: {why}")
