"""mteb's evaluator and ours give the same scores, and both give the published zero-shot scores: our yardstick is theirs."""

from __future__ import annotations

from pathlib import Path

import mteb
import pytest

from data.load import prepare
from data.spec import DatasetSpec, SplitSpec
from train.config.schema import DEFAULT_MODEL, ModelConfig
from train.encode.cache.open import open_cache
from train.encode.open import open_model
from train.encode.wrappers import wrapped
from train.evaluate.evaluator import score_model
from train.evaluate.tasks import build_task
from train.resolve.models import find_candidate
from train.workflows.benchmark.encoder import BenchmarkEncoder, describe
from train.workflows.benchmark.tasks import own_task

TOLERANCE = 0.001


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(("name", "published"), [("nfcorpus", 0.316), ("scifact", 0.645), ("stsb_en", 0.8203)])
def test_scores_of_mteb_and_ours(shared_datasets: Path, tmp_path: Path, name: str, published: float) -> None:
    task = build_task(prepare(DatasetSpec(source=str(shared_datasets / name)), SplitSpec(), tmp_path), "test")
    candidate = find_candidate(DEFAULT_MODEL, ModelConfig(name=DEFAULT_MODEL))
    opened = open_model(candidate.config)
    encoder = wrapped(opened.encoder, cache=open_cache("auto", tmp_path, print))
    ours = score_model(task, encoder).values
    found = mteb.evaluate(
        BenchmarkEncoder(encoder, describe(candidate, opened)), own_task(task), cache=None, show_progress_bar=False
    )
    theirs = found.task_results[0].scores["test"][0]
    pairs = {"ndcg@10": "ndcg_at_10", "recall@100": "recall_at_100", "spearman": "cosine_spearman", "pearson": "cosine_pearson"}
    print(name, {key: (ours[key], theirs[pairs[key]]) for key in ours if key in pairs})
    assert len(ours.keys() & pairs.keys()) == 2
    for key in ours.keys() & pairs.keys():
        assert ours[key] == pytest.approx(theirs[pairs[key]], abs=TOLERANCE), key
    assert theirs["main_score"] == pytest.approx(published, abs=TOLERANCE)
