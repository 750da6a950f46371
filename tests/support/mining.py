"""Tables of pairs and documents to mine in, and mining with vectors in the plane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.arrow import TableFacts, open_table, write_table
from data.mining.mine import Mined, mine
from data.mining.texts import MiningTexts, mining_texts
from data.schema import PAIR_COLUMNS, text_id
from data.spec import MiningSpec

OPEN: dict[str, Any] = {"rank_from": 1, "max_share_of_positive": None, "near_positive": None}
"""A window and a filter that let everything pass but known positives."""


def table(folder: Path, pairs: list[tuple[str, str]], name: str = "rows") -> Any:
    """Return rows as a table."""
    rows = [
        [f"f.csv:{i + 2}" for i in range(len(pairs))],
        [""] * len(pairs),
        *([text_id(pair[side]) for pair in pairs] for side in (0, 1)),
        [1.0] * len(pairs),
        *([pair[side] for pair in pairs] for side in (0, 1)),
    ]
    path = folder / f"{name}.arrow"
    write_table(path, PAIR_COLUMNS, [rows], TableFacts("x"))
    return open_table(path)


def corpus(folder: Path, documents: list[str]) -> Any:
    path = folder / "corpus.arrow"
    write_table(path, ("id", "text"), [[[f"d{i}" for i in range(len(documents))], documents]], TableFacts("x"))
    return open_table(path)


def mine_by_hand(
    texts: MiningTexts, angles: dict[str, float], spec: MiningSpec, cross: Any = None
) -> tuple[Mined, list[list[str]]]:
    """Mined with vectors in the plane, each text at an angle (degrees); and the texts of each row's negatives."""

    def vectors(names: Any) -> torch.Tensor:
        turned = torch.deg2rad(torch.tensor([angles[name] for name in names], dtype=torch.float64))
        return torch.stack([turned.cos(), turned.sin()], dim=1).float()

    mined = mine(texts, vectors(texts.queries), vectors(texts.documents), spec, cross=cross)
    return mined, [[texts.documents[i] if i >= 0 else "" for i in row] for row in mined.documents.tolist()]


def random_texts(folder: Path, rows: int, queries: int, documents: int, seed: int) -> tuple[MiningTexts, Any, Any, Any]:
    """Random pairs over random documents and random vectors."""
    rng = np.random.default_rng(seed)
    pairs = [(f"q{rng.integers(queries)}", f"d{rng.integers(documents)}") for _ in range(rows)]
    rows_table = table(folder, pairs)
    texts = mining_texts(rows_table, corpus(folder, [f"d{i}" for i in range(documents)]))
    vectors = [torch.from_numpy(rng.normal(size=(len(x), 8)).astype(np.float32)) for x in (texts.queries, texts.documents)]
    return texts, *vectors, rows_table
