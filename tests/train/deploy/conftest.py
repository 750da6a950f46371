"""A hub on loopback, and finished runs to push to it."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.forked import ForkServer
from tests.support.hub_server import TOKEN, HubServer


@pytest.fixture(scope="package")
def running_hub() -> Iterator[HubServer]:
    hub = HubServer()
    yield hub
    hub.close()


@pytest.fixture
def hub(running_hub: HubServer) -> HubServer:
    """A hub without repositories and faults."""
    running_hub.reset()
    return running_hub


@pytest.fixture(scope="package")
def pusher(running_hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """Runs the command line in processes whose Hub is the one on loopback; the token is in HF_TOKEN."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("HF_HUB_OFFLINE", raising=False)
        patch.setenv("HF_ENDPOINT", running_hub.url)
        patch.setenv("HF_HUB_DISABLE_XET", "1")
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("HF_TOKEN", TOKEN)
        server = ForkServer()
    yield server
    server.close()


@pytest.fixture(scope="package")
def workplace(pusher: ForkServer, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with a finished run `checkpoints/mine`, over pairs and scored pairs. Texts hold the word zanzibar."""
    folder = tmp_path_factory.mktemp("work")
    rng = random.Random(1)
    words = ["red", "green", "blue", "black", "white", "grey", "brown", "pink"]
    picks = [(i, rng.choice(words), rng.choice(words)) for i in range(60)]
    pairs = "".join(f"which {a} zanzibar {b} {i}?,the zanzibar that is {a} and {b} {i}\n" for i, a, b in picks)
    (folder / "pairs.csv").write_text("question,answer\n" + pairs, encoding="utf-8")
    scored = "".join(f"{a} zanzibar {i},{b} zanzibar of {i},{i % 5 / 4}\n" for i, a, b in picks)
    (folder / "scored.csv").write_text("sentence1,sentence2,score\n" + scored, encoding="utf-8")
    (folder / "config.yaml").write_text(
        f"""
run_name: mine
model: {{name: "{tiny_model}", device: cpu, query_prompt: "find: ", document_prompt: ""}}
data: {{datasets: [{{source: pairs.csv}}, {{source: scored.csv, name: similar}}]}}
training: {{max_steps: 2, precision: fp32, evaluations: 1, interpolation: off}}
evaluation: {{resamples: 100}}
""",
        encoding="utf-8",
    )
    done = pusher.run(["train", "--config", "config.yaml"], folder)
    assert done["code"] == 0, done["output"]
    return folder


@pytest.fixture
def run(workplace: Path, tmp_path: Path) -> Path:
    """A copy of the finished run that the test may change."""
    return Path(shutil.copytree(workplace / "checkpoints" / "mine", tmp_path / "checkpoints" / "mine"))
