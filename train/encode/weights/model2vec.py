"""Folders that model2vec saved without Sentence Transformers' files: a table of word vectors, and how it is normalised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn


def is_model2vec(folder: Path) -> bool:
    """Tell whether a folder without modules.json is one of model2vec."""
    return bool(_config(folder).get("model_type") == "model2vec" or _config(folder).get("architectures") == ["StaticModel"])


def load_model2vec(folder: Path, device: str) -> SentenceTransformer:
    """Load the table as static embeddings; where the folder says that vectors have unit length, a module gives them that."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, StaticEmbedding

    table = StaticEmbedding.load(str(folder))
    modules: list[nn.Module] = [table, Normalize()] if _config(folder).get("normalize") else [table]
    return SentenceTransformer(modules=modules, device=device).float()


def _config(folder: Path) -> dict[str, object]:
    found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {}
