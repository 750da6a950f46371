"""A run that is killed and resumed ends at the weights of an unbroken one, bit for bit (CPU, fp32)."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest

from tests.support.forked import ForkServer


@pytest.fixture(scope="module")
def arguments(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """60 steps over two data sets, one with more than its share; evaluated and saved six times, in the middle of epochs too."""
    folder = tmp_path_factory.mktemp("data")
    words = [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "omicron",
        "pi",
        "rho",
        "sigma",
        "tau",
        "upsilon",
    ]
    rng = random.Random(0)
    pairs = ["query,document"] + [
        f"{a} {b} {i},{b} {a} text {i // 2}" for i, (a, b) in enumerate(rng.choices(words, k=2) for _ in range(220))
    ]
    scored = ["sentence1,sentence2,score"] + [
        f"{rng.choice(words)} one {i},{rng.choice(words)} two {i},{rng.random():.2f}" for i in range(120)
    ]
    (folder / "pairs.csv").write_text("\n".join(pairs) + "\n", encoding="utf-8")
    (folder / "scored.csv").write_text("\n".join(scored) + "\n", encoding="utf-8")
    config = folder / "config.yaml"
    config.write_text(
        f"model: {{name: {tiny_model}, device: cpu}}\n"
        f"data: {{datasets: [{{source: {folder}/pairs.csv}}, {{source: {folder}/scored.csv, weight: 2}}]}}\n"
        "training: {max_steps: 60, batch_size: 8, evaluations: 6, precision: fp32, learning_rate: 1e-3}\n"
        "evaluation: {resamples: 200}\n",
        encoding="utf-8",
    )
    return ["train", "--config", str(config)]


@pytest.fixture(scope="module")
def unbroken(server: ForkServer, arguments: list[str], tmp_path_factory: pytest.TempPathFactory) -> tuple[str, float, list]:
    """Digest of the weights of a run that nothing disturbed, its seconds, and its dev scores."""
    folder = tmp_path_factory.mktemp("unbroken")
    done = server.run([*arguments, "run_name=run"], folder)
    assert done["code"] == 0, done["output"]
    run = folder / "checkpoints" / "run"
    return digest(run), done["seconds"], dev_scores(run)


def digest(run: Path) -> str:
    """One digest over the last checkpoint's weights and optimiser and over the exported model's weights."""
    last = max(run.glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1]))
    files = [last / "model.safetensors", run / "model" / "model.safetensors"]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def dev_scores(run: Path) -> list:
    return [(line["step"], line["dev"]) for line in map(json.loads, (run / "scores.jsonl").read_text().splitlines())]


def kill_and_resume(server: ForkServer, arguments: list[str], folder: Path, **kill: float) -> Path:
    """Start, SIGKILL, resume until done; returns the run folder."""
    killed = server.run([*arguments, "run_name=run"], folder, **kill)
    run = folder / "checkpoints" / "run"
    if killed["code"] == 0 or (run / "report.json").is_file():
        return run  # the kill came after the end, of the process or of all that it had to do
    assert killed["code"] == -9, killed["output"]
    for checkpoint in run.glob("checkpoint-*"):
        assert (checkpoint / "optimizer.pt").is_file() and (checkpoint / "trainer_state.json").is_file()
    if not (run / "config.yaml").is_file():
        done = server.run([*arguments, "run_name=again"], folder)  # killed before the run had begun: nothing to resume
        run = folder / "checkpoints" / "again"
    else:
        done = server.run(["train", "--resume", str(run)], folder)
    assert done["code"] == 0, done["output"]
    return run


@pytest.mark.parametrize(("save", "files"), [(2, 1), (4, 9)])
def test_a_kill_inside_a_save_leaves_no_checkpoint_that_resume_takes(
    server: ForkServer, arguments: list[str], unbroken: tuple, tmp_path: Path, save: int, files: int
) -> None:
    run = kill_and_resume(server, arguments, tmp_path, save=save, files=files)
    assert digest(run) == unbroken[0]
    assert dev_scores(run) == unbroken[2]


@pytest.mark.parametrize("moment", [0.55, 0.8])
def test_a_kill_at_some_moment(server: ForkServer, arguments: list[str], unbroken: tuple, tmp_path: Path, moment: float) -> None:
    run = kill_and_resume(server, arguments, tmp_path, after=moment * unbroken[1])
    assert digest(run) == unbroken[0]
    assert dev_scores(run) == unbroken[2]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_kills_at_random_moments(server: ForkServer, arguments: list[str], unbroken: tuple, tmp_path: Path, seed: int) -> None:
    moment = random.Random(seed).uniform(0.05, 1.0)
    run = kill_and_resume(server, arguments, tmp_path, after=moment * unbroken[1])
    assert digest(run) == unbroken[0]
    assert dev_scores(run) == unbroken[2]


def test_ctrl_c_keeps_a_checkpoint_and_prints_the_resume_command(
    server: ForkServer, arguments: list[str], unbroken: tuple, tmp_path: Path
) -> None:
    run = tmp_path / "checkpoints" / "run"
    stopped = server.run([*arguments, "run_name=run"], tmp_path, interrupt_when=str(run / "checkpoint-10"))
    assert stopped["code"] == 130, stopped["output"]
    assert f"--resume {Path('checkpoints/run')}" in stopped["output"]
    assert "Traceback" not in stopped["output"]
    done = server.run(["train", "--resume", "checkpoints/run"], tmp_path)
    assert done["code"] == 0, done["output"]
    assert digest(run) == unbroken[0]
    cost = json.loads((run / "report.json").read_text())["cost"]
    assert cost["total_seconds"] >= cost["train_seconds"] + cost["eval_seconds"]  # of both sessions
    again = server.run(["train", "--resume", "checkpoints/run"], tmp_path)
    assert again["code"] == 2 and "already finished" in again["output"]


def test_settings_that_were_changed_in_between_are_refused_by_name(
    server: ForkServer, arguments: list[str], tmp_path: Path
) -> None:
    done = server.run(
        [*arguments, "run_name=run", "training.max_steps=8", "training.evaluations=2", "training.keep_all_checkpoints=true"],
        tmp_path,
        fault=("keep_states",),
    )
    assert done["code"] == 0, done["output"]
    run = tmp_path / "checkpoints" / "run"
    (run / "report.json").unlink()
    shutil.rmtree(run / "checkpoint-8", ignore_errors=True)
    written = (run / "config.yaml").read_text(encoding="utf-8")
    for before, after, what in (
        (
            "learning_rate: 0.001",
            "learning_rate: 1.0e-09",
            "training.learning_rate was 0.001 when checkpoints/run began, and is 1e-09",
        ),
        ("batch_size: 8", "batch_size: 16", "training.batch_size was 8"),
        ("rank_to: 100", "rank_to: 50", "mining.rank_to was 100"),
        ("weight: 1.0", "weight: 2.0", ".weight was 1.0"),
        ("dev_queries: 500", "dev_queries: 100", "evaluation.dev_queries was 500"),
        ("query_prompt: null", "query_prompt: 'ask: '", "model.query_prompt was  when"),
    ):
        assert before in written
        (run / "config.yaml").write_text(written.replace(before, after), encoding="utf-8")
        refused = server.run(["train", "--resume", "checkpoints/run"], tmp_path)
        assert refused["code"] == 2 and what in refused["output"], refused["output"]
    (run / "config.yaml").write_text(
        written.replace("keep_all_checkpoints: true", "keep_all_checkpoints: false"), encoding="utf-8"
    )
    again = server.run(["train", "--resume", "checkpoints/run"], tmp_path)
    assert again["code"] == 0 and (run / "report.json").is_file(), again["output"]
