"""Write the judged model as a plain Sentence Transformers folder that loads without this project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from data.storage import staged_folder
from train.encode.weights.save import save_model
from train.errors import RunError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def export_model(model: SentenceTransformer, folder: Path) -> Path:
    """Save to `folder`, whole or not at all.

    Raises:
        RunError: the files cannot be written (full disk, no permission).
    """
    try:
        with staged_folder(folder, replace=True) as staged:
            save_model(model, staged)
    except Exception as error:  # safetensors has an error of its own for a full disk
        raise RunError(
            f"the model cannot be written to {folder} ({error})",
            hint=f"make room, then continue with --resume {folder.parent}; the checkpoints are kept",
        ) from error
    return folder
