"""The short form of the monitor's calibration: its lines are drawn as they say, and the targets are kept on made-up texts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import monitor_calibration as calibration
from train.watch.sample import Sample


def pool_of(name: str, middle: int) -> calibration.Pool:
    generator = np.random.default_rng(middle)

    def texts(n: int) -> np.ndarray:
        vectors = generator.normal(size=(n, 24))
        vectors[:, middle] += 15
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    queries = Sample.of(texts(900), lengths=generator.integers(4, 30, 900))
    return calibration.Pool(name, queries, Sample.of(texts(900), lengths=queries.lengths), texts(50))


def test_the_targets_are_kept_in_a_short_calibration(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pools = {"one": pool_of("one", 0), "two": pool_of("two", 1)}
    monkeypatch.setattr(calibration, "load", lambda folder, cache: pools[folder.name])
    monkeypatch.setattr(calibration, "TOPICS", 2)
    words = ["--datasets", str(tmp_path), "--cache", str(tmp_path), "--same", "2", "--foreign", "1", "--permutations", "199"]
    rows = calibration.main([*words, "one", "two", "--only", "one"])
    assert all(row.kept for row in rows) and json.dumps([vars(row) for row in rows])
    assert [row.what for row in rows if row.least][:2] == ["one, 5% of two"] * 2
    assert sum(row.share is not None for row in rows) == 8
    assert {row.judged for row in rows if "topic" in row.what} == {2}
    assert capsys.readouterr().err.count("\n|") == len(rows) + 1


def test_no_text_is_in_both_sides_and_the_share_is_foreign() -> None:
    pool, other = pool_of("one", 0), pool_of("two", 1)
    known, new = next(calibration.drawn(pool, other.queries, 300, 100, 0.2, seed=1))
    rows = {vector.tobytes() for vector in known.vectors}
    assert not rows & {vector.tobytes() for vector in new.vectors}
    assert sum(vector.tobytes() in {one.tobytes() for one in other.queries.vectors} for vector in new.vectors) == 20
    assert new.top1 == pytest.approx((new.vectors @ pool.documents.T).max(axis=1))


def test_typing_errors_are_in_a_third_of_the_words() -> None:
    text = "what is the exchange rate for transfers abroad today"
    found = calibration.mistyped(text, np.random.default_rng(0)).split()
    assert len(found) == 9 and 1 <= sum(a != b for a, b in zip(text.split(), found, strict=True)) <= 3
