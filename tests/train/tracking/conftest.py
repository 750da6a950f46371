"""Small data whose every text carries a marker, arguments of a short run, and a home without anybody's keys."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wandb_server import WandbServer

MARKER = "quagga"
"""Part of every text of the data and of nothing else."""


def write_data(folder: Path) -> list[str]:
    """pairs.csv and scored.csv; returns their texts."""
    rng = random.Random(1)
    words = ["red", "green", "blue", "black", "white", "grey", "brown", "pink"]
    pairs = [(f"which {rng.choice(words)} {MARKER} is {i}?", f"the {rng.choice(words)} {MARKER} number {i}") for i in range(80)]
    scored = [(f"{rng.choice(words)} {MARKER} one {i}", f"{rng.choice(words)} {MARKER} two {i}") for i in range(80)]
    lines = {
        "pairs.csv": ["question,answer", *(",".join(row) for row in pairs)],
        "scored.csv": ["sentence1,sentence2,score", *(f"{a},{b},{rng.random():.2f}" for a, b in scored)],
    }
    for name, content in lines.items():
        (folder / name).write_text("\n".join(content) + "\n", encoding="utf-8")
    return [text for row in (*pairs, *scored) for text in row]


@pytest.fixture(scope="package")
def arguments(tiny_model: Path) -> list[str]:
    """A run of 12 steps over both files, judged three times, reported to wandb; without a name."""
    return [
        "train",
        "data.datasets=[{source: pairs.csv}, {source: scored.csv}]",
        f"model.name={tiny_model}",
        "model.device=cpu",
        "training.max_steps=12",
        "training.evaluations=3",
        "training.precision=fp32",
        "training.learning_rate=3e-3",  # so that something changes in so few steps
        "evaluation.resamples=200",
        "tracking=wandb",
    ]


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of a child process with a home of its own: no netrc, no settings of wandb."""
    folder = str(tmp_path_factory.mktemp("home"))
    return {"HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder, "XDG_DATA_HOME": folder}


@pytest.fixture
def there() -> Iterator[WandbServer]:
    """A wandb server on loopback."""
    found = WandbServer()
    yield found
    found.close()
