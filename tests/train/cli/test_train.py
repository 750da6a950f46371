"""The command line as people meet it: whole runs, dry runs, and mistakes that end in a sentence."""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sentence_transformers import SentenceTransformer

from data.spec import PromptSpec
from tests.conftest import ROOT
from tests.support.forked import ForkServer
from train.config.schema import ModelConfig
from train.encode.open import open_model
from train.selection.judged import dev_encoders

REPORT_COST = {
    "train_seconds",
    "train_rows_per_second",
    "train_tokens_per_second",
    "eval_seconds",
    "total_seconds",
    "peak_memory_mb",
}
REPORT_DATASET = {"name", "kind", "split", "metric", "n", "base", "tuned", "delta", "ci95", "p_value", "verdict"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working directory with a small file of pairs."""
    rng = random.Random(1)
    words = ["red", "green", "blue", "black", "white", "grey", "brown", "pink"]
    things = ["car", "house", "tree", "river", "cloud", "stone", "bird", "fish", "door", "lamp"]
    lines = [
        f"which {a} {b} number {i}?,the {b} that is {a} {i}"
        for i, (a, b) in enumerate((rng.choice(words), rng.choice(things)) for _ in range(80))
    ]
    (tmp_path / "pairs.csv").write_text("question,answer\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def quick(tiny_model: Path) -> list[str]:
    return [
        f"model.name={tiny_model}",
        "model.device=cpu",
        "training.max_steps=4",
        "evaluation.resamples=200",
        "training.precision=fp32",
    ]


def test_a_run_leaves_everything_that_is_promised(server: ForkServer, folder: Path, quick: list[str]) -> None:
    done = server.run(["train", "--data", "pairs.csv", "--verbose", "run_name=first", *quick], folder)
    assert done["code"] == 0, done["output"]
    assert "question -> anchor" in done["output"] and "Verdict" in done["output"]
    assert done["output"].index("estimated time: about") < done["output"].index("training 4 steps")
    assert "\x1b" not in done["output"] and re.search(r"^  \d+% done: ", done["output"], flags=re.MULTILINE), "no terminal"
    run = folder / "checkpoints" / "first"
    files = {p.name for p in run.iterdir() if not p.name.startswith(("checkpoint-", "work.json"))}
    texts = {"config.yaml", "environment.json", "audit.json", "scores.jsonl", "training.jsonl", "run.log"}
    folders = {"model", "reference"}
    assert files == texts | folders | {"train_rows.npy", "dev_rows.npy", "per_query.parquet", "report.json", "report.html"}
    assert (run / "model" / "encoding.json").is_file()
    report = json.loads((run / "report.json").read_text())
    assert set(report["cost"]) >= REPORT_COST and set(report["datasets"][0]) >= REPORT_DATASET
    assert report["verdict"] in ("improved", "regressed", "mixed", "no_evidence") and report["primary"] == "pairs"
    assert next(json.loads(line)["step"] for line in (run / "scores.jsonl").read_text().splitlines()) == 0
    environment = json.loads((run / "environment.json").read_text())
    assert environment["model"]["from"] == "folder" and len(environment["data"]["pairs"]) == 64


def test_the_exported_model_gives_the_vectors_of_the_judged_one_and_holds_no_texts(
    server: ForkServer, folder: Path, quick: list[str]
) -> None:
    import pyarrow.parquet as pq

    done = server.run(["train", "--data", "pairs.csv", "run_name=x", *quick], folder)
    assert done["code"] == 0, done["output"]
    run = folder / "checkpoints" / "x"
    best = json.loads((run / "report.json").read_text())["best_step"]
    texts = ["a red car", "the river that is blue 7"]
    exported = SentenceTransformer(str(run / "model"), device="cpu").encode(texts)
    judged = SentenceTransformer(str(run / f"checkpoint-{best}"), device="cpu").encode(texts)
    assert np.array_equal(exported, judged)
    cells = {cell.encode() for row in csv.reader((folder / "pairs.csv").read_text().splitlines()[1:]) for cell in row}
    shipped = {path: path.read_bytes() for path in (run / "model").rglob("*") if path.is_file()}
    # the tokenizer's vocabulary holds single words; a text of the data set holds several
    assert not [path for path, content in shipped.items() if any(b" " in cell and cell in content for cell in cells)]
    assert not any(text in (run / "report.json").read_text() for text in ("which red", "which blue", "the red", "the blue"))
    values = pq.read_table(run / "per_query.parquet").to_pydict()
    mean = np.mean([v for v, m in zip(values["tuned"], values["metric"], strict=True) if m == "ndcg@10"])
    assert mean == pytest.approx(json.loads((run / "report.json").read_text())["datasets"][0]["tuned"])


def test_same_config_and_seed_give_the_same_weights(server: ForkServer, folder: Path, quick: list[str]) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        done = server.run(["train", "--data", "pairs.csv", f"run_name={name}", f"training.seed={seed}", *quick], folder)
        assert done["code"] == 0, done["output"]
    weights = [(folder / "checkpoints" / name / "model" / "model.safetensors").read_bytes() for name in "abc"]
    assert weights[0] == weights[1] != weights[2]


def test_the_recorded_config_repeats_the_run(server: ForkServer, folder: Path, quick: list[str]) -> None:
    server.run(["train", "--data", "pairs.csv", "run_name=a", *quick], folder)
    done = server.run(["train", "--config", "checkpoints/a/config.yaml", "run_name=b"], folder)
    assert done["code"] == 0, done["output"]
    a, b = (folder / "checkpoints" / name / "model" / "model.safetensors" for name in "ab")
    assert a.read_bytes() == b.read_bytes()


def test_early_stopping_and_retention(server: ForkServer, folder: Path, quick: list[str]) -> None:
    # a learning rate that destroys the model: the first checkpoint is the best, and two more without a better one end the run
    hot = [
        "training.max_steps=40",
        "training.evaluations=20",
        "training.patience=2",
        "training.learning_rate=0.5",
        "training.warmup=0",
    ]
    done = server.run(["train", "--data", "pairs.csv", "run_name=x", *quick, *hot], folder)
    assert done["code"] == 0, done["output"]
    run = folder / "checkpoints" / "x"
    lines = [json.loads(line) for line in (run / "scores.jsonl").read_text().splitlines()]
    highest = max(line["dev"] for line in lines[1:])
    best = max(line["step"] for line in lines[1:] if line["dev"] >= highest - line["noise"])
    assert json.loads((run / "report.json").read_text())["best_step"] == best
    assert lines[-1]["step"] < 40
    assert {p.name for p in run.glob("checkpoint-*")} == {f"checkpoint-{best}", f"checkpoint-{lines[-1]['step']}"}


def test_a_dry_run_writes_no_run_folder(server: ForkServer, folder: Path, quick: list[str]) -> None:
    done = server.run(["train", "--data", "pairs.csv", "--dry-run", "--verbose", *quick], folder)
    assert done["code"] == 0, done["output"]
    for word in (
        "question -> anchor",
        "learning_rate:",
        "optimiser steps",
        "estimated time",
        "estimated memory",
        "nothing was trained",
    ):
        assert word in done["output"]
    assert [p.name for p in (folder / "checkpoints").iterdir()] == [".cache"]


NOT_FOR_TRAINING = {"compare", "facts", "prices"}
"""Configs of other commands, and tables; tests of `compare` and of models behind an API load them."""


@pytest.mark.parametrize(
    "config",
    [path for path in sorted((ROOT / "configs").glob("*.yaml")) if path.stem not in NOT_FOR_TRAINING],
    ids=lambda path: path.stem,
)
def test_every_config_is_loaded_and_dry_run(server: ForkServer, quick: list[str], tmp_path: Path, config: Path) -> None:
    done = server.run(["train", "--config", str(config), "--dry-run", *quick[:2], f"output_dir={tmp_path}"], ROOT)
    assert done["code"] == 0, done["output"]
    assert "estimated time" in done["output"]


def test_a_run_that_stopped_early_does_not_train_on_when_resumed(server: ForkServer, folder: Path, quick: list[str]) -> None:
    early = ["training.max_steps=12", "training.evaluations=6", "training.patience=1", "training.learning_rate=1e-9"]
    done = server.run(["train", "--data", "pairs.csv", "run_name=x", *quick, *early], folder)
    assert done["code"] == 0, done["output"]
    run = folder / "checkpoints" / "x"
    scores = (run / "scores.jsonl").read_text()
    assert json.loads(scores.splitlines()[-1])["step"] < 12
    (run / "report.json").unlink()
    assert server.run(["train", "--resume", "checkpoints/x"], folder)["code"] == 0
    assert (run / "scores.jsonl").read_text() == scores


def test_a_finished_run_keeps_no_optimizer_and_is_judged_again_alike(server: ForkServer, folder: Path, quick: list[str]) -> None:
    done = server.run(["train", "--data", "pairs.csv", "run_name=x", *quick], folder)
    assert done["code"] == 0, done["output"]
    run = folder / "checkpoints" / "x"
    assert list(run.glob("checkpoint-*/model.safetensors")) and not list(run.glob("checkpoint-*/optimizer*"))
    again = server.run(["train", "--resume", "checkpoints/x"], folder)
    assert again["code"] == 2 and "is already finished" in again["output"]
    before = [json.loads((run / "report.json").read_text()), (run / "model" / "model.safetensors").read_bytes()]
    scores = (run / "scores.jsonl").read_text()
    last = max(json.loads(line)["step"] for line in scores.splitlines())
    for spare in {path.name for path in run.glob("checkpoint-*")} - {f"checkpoint-{before[0]['best_step']}"}:
        shutil.rmtree(run / spare)  # as `clean` does
    (run / "report.json").unlink()
    shutil.rmtree(run / "model")
    done = server.run(["train", "--resume", "checkpoints/x"], folder)
    assert done["code"] == 0 and f"step {last}/" not in done["output"], done["output"]
    after = [json.loads((run / "report.json").read_text()), (run / "model" / "model.safetensors").read_bytes()]
    for report in (before[0], after[0]):
        for moving in ("cost", "finished_at"):
            report.pop(moving)
    assert after == before and (run / "scores.jsonl").read_text() == scores


def test_a_run_of_data_with_another_script_in_its_name_can_be_resumed(server: ForkServer, folder: Path, quick: list[str]) -> None:
    (folder / "pairs.csv").rename(folder / "päärchen.csv")
    done = server.run(["train", "--data", "päärchen.csv", *quick], folder)
    assert done["code"] == 0, done["output"]
    run = next(p for p in (folder / "checkpoints").iterdir() if (p / "config.yaml").is_file())
    (run / "report.json").unlink()
    again = server.run(["train", "--resume", str(run)], folder)
    assert again["code"] == 0, again["output"]


def test_warnings_about_the_data_are_said(server: ForkServer, folder: Path, quick: list[str]) -> None:
    with (folder / "pairs.csv").open("a", encoding="utf-8") as handle:
        handle.write("echo,echo\n")
    done = server.run(["train", "--data", "pairs.csv", *quick], folder)
    assert done["code"] == 0, done["output"]
    assert "anchor and positive are the same text: 1 (" in done["output"], done["output"]


def test_ctrl_c_while_the_data_loads_ends_with_its_own_exit_code(monkeypatch: pytest.MonkeyPatch, capsys) -> None:  # type: ignore[no-untyped-def]
    from train.cli.app import main
    from train.config import load

    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "load_config", interrupted)
    with pytest.raises(SystemExit) as stop:
        main(["train", "--data", "pairs.csv"])
    assert stop.value.code == 130 and "stopped" in capsys.readouterr().err


def test_a_best_checkpoint_that_cannot_be_loaded_fails(server: ForkServer, folder: Path, quick: list[str]) -> None:
    server.run(["train", "--data", "pairs.csv", "run_name=x", *quick], folder)
    run = folder / "checkpoints" / "x"
    (run / "report.json").unlink()
    for checkpoint in run.glob("checkpoint-*"):
        (checkpoint / "model.safetensors").write_bytes(b"damaged")
    shutil.rmtree(run / "model")
    done = server.run(["train", "--resume", "checkpoints/x"], folder)
    assert done["code"] == 2 and "Traceback" not in done["output"], done["output"]
    assert not (run / "report.json").exists() and not (run / "model").exists()


def test_a_loss_that_is_not_finite_ends_the_run() -> None:
    from transformers import TrainerControl, TrainerState

    from train.errors import RunError
    from train.fit.callbacks import ScheduleCallback

    schedule = ScheduleCallback((1,), lambda: False)
    schedule.on_log(None, TrainerState(global_step=7), TrainerControl(), logs={"loss": 0.3})
    for loss in (float("nan"), float("inf")):
        with pytest.raises(RunError, match=r"before step 7; the weights are no longer usable\n.*learning_rate"):
            schedule.on_log(None, TrainerState(global_step=7), TrainerControl(), logs={"loss": loss})


def test_bf16_trains_and_keeps_fp32_weights(server: ForkServer, folder: Path, quick: list[str]) -> None:
    import torch
    from safetensors.torch import load_file

    done = server.run(["train", "--data", "pairs.csv", "run_name=x", "--verbose", *quick[:-1], "training.precision=bf16"], folder)
    assert done["code"] == 0, done["output"]
    assert "bf16 autocast (as set)" in done["output"]
    weights = load_file(folder / "checkpoints" / "x" / "model" / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}


@pytest.mark.parametrize("bf16", [True, False])
def test_dev_is_judged_in_the_precision_of_training(tiny_model: Path, bf16: bool) -> None:
    encoder = open_model(ModelConfig(name=str(tiny_model), device="cpu")).local
    plan = SimpleNamespace(encoder=encoder, bf16=bf16, prompts={"pairs": PromptSpec()})
    judging = dev_encoders(plan)["pairs"]  # type: ignore[arg-type]
    assert np.array_equal(judging.encode(["a red car"], "query"), encoder.encode(["a red car"], "query")) is not bf16


def test_test_is_judged_in_fp32_whatever_training_computes_in(server: ForkServer, folder: Path, quick: list[str]) -> None:
    import pyarrow.parquet as pq

    rows = [f"the {i} red birds,the {i} birds of colour {i % 7},{i % 6}" for i in range(80)]
    (folder / "scored.csv").write_text("sentence1,sentence2,score\n" + "\n".join(rows) + "\n", encoding="utf-8")
    for name in ("fp32", "bf16"):
        words = ["train", "--data", "scored.csv", f"run_name={name}", *quick[:-1], f"training.precision={name}"]
        done = server.run(words, folder)
        assert done["code"] == 0, done["output"]
    base, same = (
        pq.read_table(folder / "checkpoints" / name / "per_query.parquet")["base"].to_pylist() for name in ("fp32", "bf16")
    )
    assert base == same


def test_the_shipped_configs_work_from_any_working_directory(server: ForkServer, quick: list[str], tmp_path: Path) -> None:
    done = server.run(["train", "--config", str(ROOT / "configs" / "quick.yaml"), "--dry-run", *quick[:2]], tmp_path)
    assert done["code"] == 0, done["output"]
