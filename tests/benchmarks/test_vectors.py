"""The benchmarks of vectors measure what they say: small runs with the tiny model."""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import embed_stream, quantised

pytestmark = pytest.mark.slow  # processes of their own import all libraries anew


def run(main: Any, monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[dict[str, Any], int]:
    """The last line that a benchmark prints, and its exit code."""
    monkeypatch.setattr(sys, "argv", ["benchmark", *words])
    out, code = io.StringIO(), 0
    with contextlib.redirect_stdout(out):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    return json.loads(out.getvalue().splitlines()[-1]), code


def test_the_stream_is_killed_goes_on_and_stays_within_its_limit(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    words = ["--texts", "60000", "--part", "2000", "--parts", "6", "--model", str(tiny_model)]
    found, _ = run(embed_stream.main, monkeypatch, *words)
    assert found["went_on"] and found["under_limit"] and found["peak_mb"] >= found["peak_mb_without_model"] > 100
    assert 0 < found["encoded"] < found["texts"] == 60_000 and found["texts_per_second"] > 0


def test_methods_are_compared_and_missed_targets_are_named(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path, tmp_path: Path
) -> None:
    rng, words = random.Random(0), [f"w{i}" for i in range(200)]
    documents = [" ".join(rng.choices(words, k=8)) for _ in range(300)]
    (tmp_path / "set" / "qrels").mkdir(parents=True)
    for name, prefix, texts in (("corpus", "d", documents), ("queries", "q", [" ".join(d.split()[:5]) for d in documents[:60]])):
        lines = [json.dumps({"_id": f"{prefix}{i}", "text": text}) + "\n" for i, text in enumerate(texts)]
        (tmp_path / "set" / f"{name}.jsonl").write_text("".join(lines))
    judged = "".join(f"q{i}\td{i}\t1\n" for i in range(60))
    (tmp_path / "set" / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    monkeypatch.chdir(tmp_path)
    found, code = run(quantised.main, monkeypatch, "set", "--datasets", str(tmp_path), "--model", str(tiny_model))
    methods = {one["method"]: one for one in found["datasets"][0]["methods"]}
    assert methods["ubinary"]["times_smaller"] == 32 and methods["exact"]["share_of_exact"] == 1
    missed = [name for name, least in quantised.TARGETS.items() if methods[name]["share_of_exact"] < least]
    assert found["targets_met"] == (not missed) and code == bool(missed)
    monkeypatch.setattr(quantised, "TARGETS", {"ubinary": 1.01})
    found, code = run(quantised.main, monkeypatch, "set", "--datasets", str(tmp_path), "--model", str(tiny_model))
    assert not found["targets_met"] and code == 1
