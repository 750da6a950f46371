"""Writes the judged model as a plain Sentence Transformers folder that loads without this project."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from train.errors import RunError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def export_model(model: SentenceTransformer, folder: Path) -> Path:
    """Save to `folder`, whole or not at all. No model card is made: the stock one quotes training texts.

    Raises:
        RunError: the files cannot be written (full disk, no permission).
    """
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        model.save_pretrained(str(temporary), create_model_card=False)
    except Exception as error:  # safetensors has an error of its own for a full disk
        shutil.rmtree(temporary, ignore_errors=True)
        raise RunError(
            f"the model cannot be written to {folder} ({error})",
            hint=f"make room, then continue with --resume {folder.parent}; the checkpoints are kept",
        ) from error
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)
    return folder
