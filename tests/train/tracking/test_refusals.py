"""Servers that do not want to, keys that are missing, settings that make no sense: said before training, without a trace left."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.forked import ForkServer
from tests.support.wandb_readback import inspect
from tests.support.wandb_server import WandbServer
from tests.train.tracking.conftest import write_data

HASTE = {"WANDB_INIT_TIMEOUT": "4", "WANDB_FINISH_TIMEOUT": "4", "WANDB_HTTP_TIMEOUT": "3"}
HANG = 0
"""Status of the server's that stands for no answer."""

SHORT = ["training.max_steps=2", "training.evaluations=1", "run_name=x"]


@pytest.fixture
def run_it(server: ForkServer, arguments: list[str], home: dict[str, str], tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """Starts a short run with more arguments and variables; answers with exit code and output."""
    write_data(tmp_path)

    def run(*more: str, fault: list[str] | None = None, **variables: str) -> tuple[int, str]:
        extra = {"fault": fault} if fault else {}
        done = server.run([*arguments, *SHORT, *more], tmp_path, environment=home | HASTE | variables, **extra)
        assert "Traceback" not in done["output"] and WandbServer.key not in done["output"]
        return done["code"], done["output"]

    return run


def left(tmp_path: Path) -> list[str]:
    """What a run left behind, the cache of the data aside."""
    return sorted(path.name for path in tmp_path.glob("checkpoints/*") if path.name != ".cache")


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "the test says 401"),
        (403, "the test says 403"),
        pytest.param(500, "did not answer in time", marks=pytest.mark.slow),
        (HANG, "did not answer in time"),
    ],
)
def test_a_server_that_refuses_at_once(
    run_it: Callable[..., tuple[int, str]], there: WandbServer, tmp_path: Path, status: int, words: str
) -> None:
    there.fault = lambda what: status
    code, output = run_it(**there.environment())
    assert code == 2
    assert f"error: tracking: {there.url} cannot be used: " in output and words in output
    assert "WANDB_MODE=offline" in output and "tracking=none" in output
    assert "recipe:" not in output  # nothing was read yet
    assert left(tmp_path) == [] and not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("status", [403, *(pytest.param(status, marks=pytest.mark.slow) for status in (500, HANG))])
def test_a_server_that_refuses_the_run(
    run_it: Callable[..., tuple[int, str]], there: WandbServer, tmp_path: Path, status: int
) -> None:
    there.fault = lambda what: status if what == "UpsertBucket" else None
    code, output = run_it(**there.environment())
    assert code == 2 and f"error: tracking: {there.url} cannot be used: " in output, output
    assert "judging the base" not in output
    assert left(tmp_path) == []


def test_nobody_listens(run_it: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening: connections are refused
        code, output = run_it(WANDB_BASE_URL=f"http://127.0.0.1:{taken.getsockname()[1]}", WANDB_API_KEY=WandbServer.key)
    assert code == 2 and "did not answer in time (Connection refused)" in output
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("setting", "variables", "words"),
    [
        ("tracking.mode=auto", {"WANDB_BASE_URL": "http://127.0.0.1:9"}, "there is no API key for http://127.0.0.1:9"),
        ("tracking.mode=online", {}, "there is no API key for https://"),
        ("tracking.mode=auto", {"WANDB_MODE": "online"}, "there is no API key for https://"),
        ("tracking.mode=online", {"WANDB_MODE": "offline"}, "there is no API key for https://"),
        ("tracking.mode=auto", {"WANDB_API_KEY": "short"}, "WANDB_API_KEY invalid"),
        ("tracking.mode=auto", {"WANDB_BASE_URL": "foo"}, "foo cannot be used"),
        ("tracking.mode=auto", {"WANDB_MODE": "shared"}, "WANDB_MODE=shared is not supported"),
        ("tracking.mode=sometimes", {}, "tracking.mode"),
        ("tracking.tags=['']", {}, "tracking.tags"),
    ],
)
def test_settings_that_cannot_work(
    run_it: Callable[..., tuple[int, str]], tmp_path: Path, setting: str, variables: dict[str, str], words: str
) -> None:
    code, output = run_it(setting, **variables)
    assert code == 2 and words in output, output
    assert left(tmp_path) == []


def test_wandb_is_not_installed(run_it: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, output = run_it(fault=["without_wandb"])
    assert code == 2 and "pip install 'wandb" in output and "tracking=none" in output
    assert left(tmp_path) == []


def test_a_name_that_wandb_does_not_take_leaves_no_folder(run_it: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, output = run_it("tracking.project=a/b")
    assert code == 2 and "cannot be used" in output and "a/b" in output, output
    assert left(tmp_path) == []


def test_disabled_from_outside(run_it: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, output = run_it(WANDB_MODE="disabled", WANDB_API_KEY=WandbServer.key)
    assert code == 0 and "tracking: none (WANDB_MODE=disabled)" in output
    assert not (tmp_path / "checkpoints" / "x" / "wandb").exists()


def test_offline_although_there_is_a_key(run_it: Callable[..., tuple[int, str]], there: WandbServer, tmp_path: Path) -> None:
    code, output = run_it("tracking.mode=offline", **there.environment())
    assert code == 0 and "tracking: wandb offline (as asked for)" in output
    assert there.received == []
    assert inspect(tmp_path / "checkpoints" / "x" / "wandb")["state"] == "finished"


def test_a_key_in_netrc_is_enough(run_it: Callable[..., tuple[int, str]], there: WandbServer, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine {there.url.removeprefix('http://')} login user password {there.key}\n", encoding="utf-8")
    netrc.chmod(0o600)
    code, output = run_it("tracking.project=mine", WANDB_BASE_URL=there.url, NETRC=str(netrc))
    assert code == 0 and f"tracking: {there.url}/me/mine/runs/" in output, output
    assert [seen.exit_code for seen in there.runs.values()] == [0]


@pytest.mark.slow
def test_a_resumed_run_is_kept_when_its_server_is_gone(
    server: ForkServer, arguments: list[str], home: dict[str, str], there: WandbServer, tmp_path: Path
) -> None:
    write_data(tmp_path)
    run = tmp_path / "checkpoints" / "stopped"
    variables = home | HASTE | there.environment()
    begin = [*arguments, "run_name=stopped"]
    assert server.run(begin, tmp_path, environment=variables, interrupt_when=str(run / "checkpoint-4"))["code"] == 130
    there.fault = lambda what: 403
    refused = server.run(["train", "--resume", str(run)], tmp_path, environment=variables)
    assert refused["code"] == 2 and "cannot be used" in refused["output"], refused["output"]
    assert (run / "checkpoint-4").is_dir()
    done = server.run(["train", "--resume", str(run)], tmp_path, environment=variables | {"WANDB_MODE": "offline"})
    assert done["code"] == 0 and (run / "report.json").is_file(), done["output"]
