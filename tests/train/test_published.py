"""The evaluator gives the published zero-shot scores of all-MiniLM-L6-v2 (MTEB): our yardstick is theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.load import prepare
from data.spec import DatasetSpec, SplitSpec
from train.config import ModelConfig
from train.encode.encoder import load_encoder
from train.evaluate.judge import score_model
from train.evaluate.tasks import build_task


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "published", "tolerance"), [("stsb_en", 0.820, 0.002), ("nfcorpus", 0.316, 0.003), ("scifact", 0.645, 0.003)]
)
def test_base_scores(shared_datasets: Path, tmp_path: Path, name: str, published: float, tolerance: float) -> None:
    prepared = prepare(DatasetSpec(source=str(shared_datasets / name)), SplitSpec(), tmp_path)
    encoder, _, _ = load_encoder(ModelConfig())
    scores = score_model(build_task(prepared, "test"), encoder)
    print(f"{name}: {scores.values}")
    assert scores.values[scores.primary] == pytest.approx(published, abs=tolerance)
