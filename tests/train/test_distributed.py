"""Several processes: two gloo ranks compute what one process computes, stop together, and one that dies ends the run."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import ROOT
from train.fit.checkpoints import list_checkpoints

pytestmark = pytest.mark.slow

LAUNCHER = str(Path(sys.executable).with_name("accelerate"))
MASKED = ("masked_mnrl", "masked_cached_mnrl", "padded_mnrl", "padded_cached_mnrl")
LOSSES = ("cosine", "cosent", "angle", "mnrl", "cached_mnrl", "joint", "together", "blind", *MASKED)


@pytest.fixture(scope="module")
def dry_model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model without dropout, so that one process and two compute the same."""
    folder = tmp_path_factory.mktemp("dry") / "model"
    shutil.copytree(tiny_model, folder)
    for path in folder.rglob("config.json"):
        settings = json.loads(path.read_text())
        if "hidden_dropout_prob" in settings:
            settings |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
            path.write_text(json.dumps(settings))
    return folder


def start(words: list[str], config: str | None, folder: Path, variables: dict[str, str] | None = None) -> subprocess.Popen:
    """A program in two ranks (with a launch config) or in one process, its output in one pipe."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("ACCELERATE_", "OMP_"))}
    environment |= {"OMP_NUM_THREADS": "1", "EMBED_TUNE_KEEP_THREADS": "1", "PYTHONPATH": str(ROOT), **(variables or {})}
    port = [] if "--main_process_port" in words else ["--main_process_port", "0"]
    launch = [LAUNCHER, "launch", *port, "--config_file", str(ROOT / "configs/accelerate" / str(config))]
    whole = [*(launch if config else [sys.executable]), *words]
    # a session of its own, so that the ranks of a failed test can be swept away together
    return subprocess.Popen(
        whole, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def finish(process: subprocess.Popen, seconds: float = 240) -> tuple[int, str]:
    """Exit code and output; everything is killed after that time."""
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        pytest.fail(f"still running after {seconds} s:\n{output}")
    return process.returncode, output


def pid_of_rank(launcher: int, rank: int) -> int:
    """The process that the launcher started as that rank."""
    for children in Path(f"/proc/{launcher}/task").glob("*/children"):
        for pid in children.read_text().split():
            if f"RANK={rank}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
                return int(pid)
    raise AssertionError(f"there is no rank {rank}")


def wait_for(condition: Any, process: subprocess.Popen) -> None:
    """Until it holds; the run must still be going on then."""
    until = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until, "it never came"
        time.sleep(0.02)


def program(config: str | None) -> list[str]:
    """`train/run.py`, or its stand-in that gets FSDP onto a CPU."""
    return ["-m", "tests.support.fsdp_on_cpu"] if config == "fsdp.yaml" else [str(ROOT / "train/run.py")]


def settings(model: Path, name: str, steps: int, evaluations: int) -> list[str]:
    return [
        "--config",
        str(ROOT / "configs/quick.yaml"),
        f"model.name={model}",
        f"run_name={name}",
        f"training.max_steps={steps}",
        f"training.evaluations={evaluations}",
        "training.precision=fp32",  # bf16, where it pays, rounds differently in shards
        "evaluation.resamples=200",
    ]


@pytest.fixture(scope="module")
def programs(dry_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, dict[str, Any]]:
    """What `tests/support/ranks_program.py` wrote with one process and with two."""
    folder = tmp_path_factory.mktemp("program")
    found = {}
    for count, config in ((1, None), (2, "cpu_ranks.yaml")):
        out = folder / f"{count}.pt"
        code, output = finish(start(["-m", "tests.support.ranks_program", str(dry_model), str(out)], config, folder))
        assert code == 0, output
        found[count] = torch.load(out)
    return found


def test_two_ranks_are_two(programs: dict[int, dict[str, Any]]) -> None:
    assert (programs[1]["world_size"], programs[2]["world_size"]) == (1, 2)


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_and_gradients_equal_one_process(programs: dict[int, dict[str, Any]], loss: str) -> None:
    one, two = programs[1][loss], programs[2][loss]
    assert len(one["losses"]) == len(two["losses"]) >= 4
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-4, abs=1e-4)
    difference = (one["gradients"] - two["gradients"]).norm(dim=1) / one["gradients"].norm(dim=1)
    assert difference.max() < 1e-4
    if loss == "joint":  # a query of documents on both processes is read by both
        assert two["work"]["rows"] == one["work"]["rows"] and two["work"]["tokens"] > one["work"]["tokens"]
    else:
        assert two["work"] == one["work"]


@pytest.mark.parametrize("loss", MASKED[1:])
def test_masked_losses_are_the_same_however_texts_are_embedded(programs: dict[int, dict[str, Any]], loss: str) -> None:
    expected, found = programs[1][MASKED[0]], programs[1][loss]
    assert found["losses"] == pytest.approx(expected["losses"], rel=1e-4, abs=1e-4)
    assert found["losses"] != pytest.approx(programs[1]["blind"]["losses"], rel=1e-2)
    # the last step's weights differ by what the steps before rounded differently, the first step's do not
    assert torch.allclose(found["gradients"][0], expected["gradients"][0], atol=1e-5)


@pytest.mark.parametrize("setup", ["cpu_ranks.yaml", "fsdp.yaml"])
def test_a_run_of_two_ranks_scores_as_one_process_does(dry_model: Path, tmp_path: Path, setup: str) -> None:
    for name, config in (("one", None), ("two", setup)):
        code, output = finish(start([*program(config), *settings(dry_model, name, 10, 2)], config, tmp_path))
        assert code == 0, output
        assert output.count("report: checkpoints/") == 1  # one rank speaks
    one, two = (tmp_path / "checkpoints" / name for name in ("one", "two"))
    assert json.loads((two / "environment.json").read_text())["world_size"] == 2
    for left, right in zip(read_lines(one), read_lines(two), strict=True):
        assert right["step"] == left["step"]
        assert right["dev"] == pytest.approx(left["dev"], abs=1e-4)
        assert right.get("train_rows") == left.get("train_rows")
        assert right.get("train_tokens") == left.get("train_tokens")
    reports = [json.loads((run / "report.json").read_text()) for run in (one, two)]
    left, right = (report["datasets"][0] for report in reports)
    for figure in ("base", "tuned", "delta"):
        assert right[figure] == pytest.approx(left[figure], abs=1e-4)
    assert reports[0]["verdict"] == reports[1]["verdict"]


def read_lines(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "scores.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("doomed", "setup"), [(0, "cpu_ranks.yaml"), (1, "fsdp.yaml")])
def test_a_killed_rank_ends_the_run_soon_and_the_run_goes_on_later(
    dry_model: Path, tmp_path: Path, doomed: int, setup: str
) -> None:
    process = start([*program(setup), *settings(dry_model, "run", 60, 6)], setup, tmp_path)
    run = tmp_path / "checkpoints/run"
    wait_for(lambda: run.is_dir() and list_checkpoints(run), process)
    os.kill(pid_of_rank(process.pid, doomed), signal.SIGKILL)
    code, output = finish(process, 60)
    assert code != 0
    assert "another process of this run has ended" in output
    assert "--resume checkpoints/run" in output
    assert not (run / "report.json").exists()
    code, output = finish(start([*program(setup), "--resume", "checkpoints/run"], setup, tmp_path))
    assert code == 0, output
    code, output = finish(start([*program(None), *settings(dry_model, "unbroken", 60, 6)], None, tmp_path))
    assert code == 0, output
    lines, expected = read_lines(run), read_lines(tmp_path / "checkpoints/unbroken")
    assert [line["step"] for line in lines] == [0, *range(10, 61, 10)]
    assert [line["dev"] for line in lines] == pytest.approx([line["dev"] for line in expected], abs=1e-4)
    assert [line["train_rows"] for line in lines[1:]] == [line["train_rows"] for line in expected[1:]]


def test_a_signal_to_one_rank_stops_both_at_the_same_step(tiny_model: Path, tmp_path: Path) -> None:
    process = start([*program(None), *settings(tiny_model, "run", 100, 10)], "cpu_ranks.yaml", tmp_path)
    run = tmp_path / "checkpoints/run"
    wait_for(lambda: run.is_dir() and list_checkpoints(run), process)
    os.kill(pid_of_rank(process.pid, 1), signal.SIGINT)
    code, output = finish(process, 60)
    assert code != 0
    assert "the checkpoint is complete" in output
    assert output.count("stopped after step") == 1 and "error:" not in output
    assert len(list_checkpoints(run)) >= 1


@pytest.mark.parametrize("shared", [True, False])
def test_two_machines(dry_model: Path, tmp_path: Path, shared: bool) -> None:
    """Two launchers that meet on loopback, as on two machines; without a common folder the run is refused."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    launchers = []
    for machine in (0, 1):
        folder = tmp_path if shared else tmp_path / str(machine)
        folder.mkdir(exist_ok=True)
        address = ["--machine_rank", str(machine), "--main_process_ip", "127.0.0.1", "--main_process_port", str(port)]
        words = ["--num_processes", "2", *address, *program(None), *settings(dry_model, "run", 4, 1)]
        launchers.append(start(words, "nodes.yaml", folder, {"ACCELERATE_USE_CPU": "true"}))
    ended = [finish(process) for process in launchers]
    if shared:
        assert [code for code, _ in ended] == [0, 0], ended[0][1] + ended[1][1]
        assert json.loads((tmp_path / "checkpoints/run/environment.json").read_text())["world_size"] == 2
    else:
        assert 0 not in [code for code, _ in ended]
        assert "checkpoints/run is not visible to processes 1" in ended[0][1]
        assert "a folder that all of them share" in ended[0][1]


@pytest.mark.parametrize("path", sorted((ROOT / "configs/accelerate").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_launcher_accepts_every_launch_file(path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    assert load_config_from_file(str(path)).num_machines == (2 if path.stem == "nodes" else 1)
