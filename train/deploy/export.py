"""Writes the judged model as a plain Sentence Transformers folder that loads without this project."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


def export_model(model: SentenceTransformer, folder: Path) -> Path:
    """Save to `folder`, whole or not at all. No model card is made: the stock one quotes training texts."""
    temporary = folder.with_name(f".{folder.name}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    model.save_pretrained(str(temporary), create_model_card=False)
    shutil.rmtree(folder, ignore_errors=True)
    temporary.replace(folder)
    return folder
