"""The audit of mining: positives that were hidden, and how many of them are taken for negatives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from data.mining.false_negatives import audit_mining
from data.mining.texts import mining_texts
from data.spec import MiningSpec
from tests.support.mining import table


def test_half_of_the_positives_are_hidden(tmp_path: Path) -> None:
    pairs = [*((f"q{i}", f"q{i} d{j}") for i, n in enumerate([1, 2, 3, 6]) for j in range(n)), ("q3", "q3 d0")]
    texts = mining_texts(table(tmp_path, pairs))
    seen, hidden = texts.hide_half(0)
    numbers = zip(*np.divmod(hidden, len(texts.documents)), strict=True)
    unseen = {(texts.queries[q], texts.documents[d]) for q, d in numbers}
    assert sorted(query for query, _ in unseen) == ["q1", "q2", "q3", "q3", "q3"]
    visible = {(texts.queries[q], texts.documents[d]) for q, d in zip(seen.row_query, seen.row_document, strict=True)}
    assert visible.isdisjoint(unseen)
    assert visible | unseen == {pair for pair in pairs if pair[0] != "q0"}  # q0 has one positive and shows nothing
    assert not np.isin(seen.known, hidden).any()
    assert texts.hide_half(1)[1].tolist() != hidden.tolist()


def test_the_audit_counts_hidden_positives_among_the_mined(tmp_path: Path) -> None:
    # each query's two positives lie together, at 10° and 12°; another document lies at 60°
    pairs = [(f"q{i}", f"q{i} {side}") for i in range(8) for side in "ab"]
    texts = mining_texts(table(tmp_path, pairs))
    place = {name: 45.0 * i for i in range(8) for name in (f"q{i}",)}
    angle = place | {f"q{i} {side}": 45.0 * i + (10 if side == "a" else 12) for i in range(8) for side in "ab"}

    def vectors(names: Any) -> torch.Tensor:
        turned = torch.deg2rad(torch.tensor([angle[name] for name in names]))
        return torch.stack([turned.cos(), turned.sin()], dim=1)

    both = vectors(texts.queries), vectors(texts.documents)
    found = audit_mining(texts, *both, MiningSpec(negatives=2, rank_from=1, near_positive=None))
    assert (found.queries, found.rows, found.hidden) == (8, 8, 8)
    # the hidden one is always the nearest of what is not known: one of two negatives is false
    assert (found.found["plain"].mined, found.found["plain"].false, found.found["plain"].negatives) == (8, 8, 16)
    assert (found.found["filter"].mined, found.found["filter"].false) == (0, 0)
    assert found.as_json()["plain"]["false_negative_share"] == 0.5
