"""A tiny model, made-up rows, and one run that all tests of the API share."""

from __future__ import annotations

from pathlib import Path

import pandas
import pytest

import embed_tune

QUICK = {
    "model.device": "cpu",
    "training.precision": "fp32",
    "training.max_steps": 4,
    "training.seed": 1,
    "evaluation.resamples": 200,
    "evaluation.cross_validation": "off",
    "vector_cache": "off",
}
"""Settings with which a run of a tiny model takes seconds."""


@pytest.fixture(scope="session")
def frame() -> pandas.DataFrame:
    """60 made-up pairs in columns whose names say nothing."""
    things = ["kettle", "lamp", "printer", "router", "heater", "scale", "clock", "drill", "mixer", "pump"]
    verbs = ["start", "clean", "repair", "store", "sell", "test"]
    rows = [
        (f"how do I {verb} my {thing}", f"to {verb} the {thing}, open its {thing} panel") for thing in things for verb in verbs
    ]
    return pandas.DataFrame(rows, columns=["left", "right"])


@pytest.fixture(scope="session")
def run(frame: pandas.DataFrame, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> embed_tune.Run:
    """A run that was trained on the frame."""
    runs = tmp_path_factory.mktemp("runs")
    return embed_tune.fine_tune(
        frame, anchor="left", positive="right", model=tiny_model, name="first", output_dir=runs, settings=QUICK
    )
