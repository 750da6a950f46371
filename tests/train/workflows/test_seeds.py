"""A run with several seeds: what it keeps, which one it ships, and that it goes on where it was stopped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from train import pipeline
from train.config.load import load_config
from train.config.schema import TrainSettings
from train.errors import Diverged
from train.selection.dev import DevJudge

SEEDS = (42, 43, 44)


def settings(work: Path, place: Path, *words: str) -> TrainSettings:
    given = {"model.name": work / "tiny", "model.device": "cpu", "output_dir": place, "run_name": "run"}
    given |= {"training.max_steps": 3, "training.precision": "fp32", "training.evaluations": 1, "training.seeds": 3}
    given |= {"evaluation.resamples": 200, "training.learning_rate": 1e-2, "training.batch_size": 16}
    overrides = [*(f"{key}={value}" for key, value in given.items()), *words]
    return load_config(None, data=str(work / "scored.csv"), overrides=overrides)


def prefer_the_trained(patch: pytest.MonkeyPatch) -> None:
    """Let dev prefer whatever was trained to the base, and each later seed to the one before: the last is shipped."""
    line, base = DevJudge.line, []

    def better(self: DevJudge, step: int, by: Any) -> Any:
        found = line(self, step, by)
        if not step:
            base.append(found)
        return found.model_copy(update={"dev": (found.dev or 0) + (len(base) if step else 0)})

    patch.setattr(DevJudge, "line", better)


def report_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "report.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def run(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        prefer_the_trained(patch)
        return pipeline.start_run(settings(work, tmp_path_factory.mktemp("seeds")))


def test_three_seeds_are_judged_and_the_best_on_dev_is_shipped(run: Path, work: Path) -> None:
    report = report_of(run)
    (result,) = report["datasets"]
    found = result["seeds"]
    assert tuple(one["seed"] for one in found["seeds"]) == SEEDS
    assert (run / "model" / "encoding.json").is_file() and not list((run / "seeds").rglob("encoding.json"))
    others = [report_of(run / "seeds" / f"seed-{seed}") for seed in SEEDS[1:]]
    assert [one["tuned"] for one in found["seeds"][1:]] == pytest.approx([one["datasets"][0]["tuned"] for one in others])
    scores = [one["tuned"] for one in found["seeds"]]
    assert len(set(scores)) > 1 and found["sd"] == pytest.approx(np.std(scores, ddof=1))
    assert found["delta"] == pytest.approx(np.mean(scores) - result["base"]) and report["verdict"] == found["verdict"]
    assert found["ci95"][0] <= found["item_ci95"][0]
    (shipped,) = (one for one in found["seeds"] if one["shipped"])
    assert shipped["dev"] == max(one["dev"] for one in found["seeds"])
    assert result["tuned"] == pytest.approx(shipped["tuned"]) and report["selection"]["seed"] == shipped["seed"] == 44


def test_seeds_are_kept_small(run: Path) -> None:
    left = {path.name for path in (run / "seeds").rglob("*")}
    assert not left & {"model", "report.html", ".cache"} and not [name for name in left if name.startswith("checkpoint-")]
    assert {"report.json", "per_query.parquet", "scores.jsonl"} <= left and (run / "model").is_dir()


@pytest.mark.slow
def test_a_run_that_was_stopped_trains_only_the_seeds_that_are_missing(
    run: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed in the second seed."""
    before = report_of(run)
    prefer_the_trained(monkeypatch)
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    config = (copy / "config.yaml").read_text(encoding="utf-8").replace(str(run.parent), str(tmp_path))
    (copy / "config.yaml").write_text(config, encoding="utf-8")
    (copy / "report.json").unlink()
    shutil.rmtree(copy / "seeds" / "seed-44")
    shutil.rmtree(copy / "seeds" / "seed-43")
    began: list[str | None] = []
    start = pipeline.start_run
    monkeypatch.setattr(pipeline, "start_run", lambda config, **more: (began.append(config.run_name), start(config, **more))[1])
    pipeline.resume_run(copy)
    assert began == ["seed-43", "seed-44"]
    after = report_of(copy)
    assert after["selection"] == before["selection"]
    for found, expected in zip(after["datasets"], before["datasets"], strict=True):
        for key, value in expected.items():
            assert found[key] == value, key
    texts = ["a red car", "the blue house"]
    one, two = (SentenceTransformer(str(path / "model"), device="cpu").encode(texts) for path in (run, copy))
    assert np.array_equal(one, two)


@pytest.mark.slow
def test_a_seed_that_does_not_converge_is_left_out_and_said(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    start = pipeline.start_run

    def first_fails(config: TrainSettings, **more: Any) -> Path:
        if config.run_name == "seed-43":
            raise Diverged("the loss became nan before step 3", hint="lower training.learning_rate")
        return start(config, **more)

    monkeypatch.setattr(pipeline, "start_run", first_fails)
    run = first_fails(settings(work, tmp_path, "training.learning_rate=1e-9"))
    (result,) = report_of(run)["datasets"]
    assert result["seeds"]["failed"] == [43] and [one["seed"] for one in result["seeds"]["seeds"]] == [42, 44]
    said = " ".join(capsys.readouterr().out.split())
    assert "seed 43 is left out: the loss became nan" in said and "Training with seed 43 did not converge" in said
    # nothing was better on dev: the base is kept, and what was trained is still told
    assert result["kept_base"] and report_of(run)["selection"]["share"] == 0
    assert "In 2 of 2 seeds dev would have kept" in said
