"""A run in TensorBoard: the figures of its files, each step once, without texts, settings, paths or names of this machine."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.forked import ForkServer
from tests.support.wandb_readback import dev_rows
from tests.train.tracking.conftest import MARKER, write_data
from train.config.load import load_config
from train.console import heard_by
from train.errors import TrackingError
from train.tracking.start import check_tracking, start_tracking
from train.tracking.tensorboard_tracker import FOLDER, TensorboardTracker

pytest.importorskip("tensorboard")
LINE = {"step": 0, "dev": 0.5, "datasets": {"faq": 0.5}}


def scalars(run: Path) -> dict[str, dict[int, float]]:
    """Return what TensorBoard shows: values by step, by name. A step that is there twice fails."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / FOLDER), size_guidance={"scalars": 0})
    events.Reload()
    found = {}
    for name in events.Tags()["scalars"]:
        steps = [one.step for one in events.Scalars(name)]
        assert steps == sorted(set(steps)), name
        found[name] = {one.step: one.value for one in events.Scalars(name)}
    return found


def begin(run: Path, *, made: int | None = 0, **tracking: Any) -> TensorboardTracker:
    config = load_config(None, data="faq.csv", overrides=["tracking=tensorboard"])
    config = config.model_copy(update={"tracking": config.tracking.model_copy(update=tracking)})
    run.mkdir(exist_ok=True)
    return TensorboardTracker(config, run, made)


def test_a_run_shows_what_its_files_hold_and_nothing_else(server: ForkServer, arguments: list[str], tmp_path: Path) -> None:
    texts = write_data(tmp_path)
    words = [word for word in arguments if not word.startswith("tracking")]
    done = server.run([*words, "tracking=tensorboard", "run_name=shown"], tmp_path)
    assert done["code"] == 0, done["output"]
    assert "tensorboard --logdir checkpoints" in done["output"]
    run = tmp_path / "checkpoints" / "shown"
    found = scalars(run)
    for step, figures in dev_rows(run).items():
        assert {name: pytest.approx(found[name][step]) for name in figures} == figures
    training = [json.loads(line) for line in (run / "training.jsonl").read_text().splitlines()]
    assert found["train/loss"] == {line["step"]: pytest.approx(line["loss"]) for line in training}
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    for one in report["datasets"]:
        assert found[f"test/{one['name']}/delta"] == {12: pytest.approx(one["delta"], abs=1e-6)}
    (file,) = (run / FOLDER).iterdir()
    raw = file.read_bytes()
    assert MARKER.encode() not in raw and not any(text.encode() in raw for text in texts)
    assert str(tmp_path).encode() not in raw and b"pairs.csv" not in raw and b"resamples" not in raw
    assert socket.gethostname().encode() not in raw and socket.gethostname() not in file.name.split(".")


def test_a_resumed_run_has_every_step_once(tmp_path: Path) -> None:
    with begin(tmp_path) as tracker:
        tracker.log_scores(LINE, {"faq": 0.5})
        for step in range(1, 8):
            tracker.log_training(step, {"loss": 1 / step})
            if step == 4:
                tracker.log_scores(LINE | {"step": 4, "dev": 0.6}, {"faq": 0.5})
    with begin(tmp_path, made=4) as tracker:  # it was killed after step 7, and continues from the checkpoint of step 4
        for line in (LINE, LINE | {"step": 4, "dev": 0.6}):
            tracker.log_scores(line, {"faq": 0.5})
        for step in range(5, 9):
            tracker.log_training(step, {"loss": 2 / step})
    found = scalars(tmp_path)
    assert found["train/loss"] == {step: pytest.approx((1 if step < 5 else 2) / step) for step in range(1, 9)}
    assert found["dev/mean"] == {0: pytest.approx(0.5), 4: pytest.approx(0.6)}
    with begin(tmp_path, made=None) as tracker:  # training is over, only the judging is made again
        tracker.log_scores(LINE | {"step": 8}, {"faq": 0.5})
    assert scalars(tmp_path)["train/loss"] == found["train/loss"]


def test_a_run_that_missed_the_beginning_shows_all_that_is_known(tmp_path: Path) -> None:
    with begin(tmp_path, made=4) as tracker:
        for line in (LINE, LINE | {"step": 4}):
            tracker.log_scores(line, {"faq": 0.5})
    assert set(scalars(tmp_path)["dev/mean"]) == {0, 4}


def test_trouble_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    said: list[str] = []

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    with heard_by(said.append), begin(tmp_path) as tracker:
        tracker._writer = SimpleNamespace(add_scalar=full, flush=full, close=full)
        for step in range(3):
            tracker.log_training(step, {"loss": 1.0})
            tracker.log_scores(LINE, {"faq": 0.5})
        tracker.log_report({}, lambda texts: "", [])
    assert [line for line in said if "No space left" in line] == said[:1] and "the run continues" in said[0]
    assert "incomplete" in said[-1]


def test_texts_are_shown_only_when_asked_for(tmp_path: Path) -> None:
    judged = {"name": "faq", "ci95": [0.0, 0.1]} | dict.fromkeys(("kind", "split", "metric", "verdict"), "pair")
    judged |= dict.fromkeys(("n", "base", "tuned", "delta", "p_value"), 0.25)
    report = {"verdict": "improved", "primary": "faq", "best_step": 4, "datasets": [judged], "cost": {"train_seconds": 2.0}}
    example = {"dataset": "faq", "kind": "better", "sentence1": f"{MARKER} | <b>", "sentence2": "b", "gold": 1.0}
    example |= {"base_similarity": 0.1, "tuned_similarity": 0.9}
    for asked in (False, True):
        run = tmp_path / str(asked)
        with begin(run, log_texts=asked) as tracker:
            tracker.log_report(report, lambda texts: "", [example])
        (file,) = (run / FOLDER).iterdir()
        assert (MARKER.encode() in file.read_bytes()) is asked and b"**better**" in file.read_bytes()


def test_without_the_package_a_run_does_not_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    config = load_config(None, data="faq.csv", overrides=["tracking=tensorboard"])
    with pytest.raises(TrackingError, match="needs the package tensorboard") as caught:
        check_tracking(config.tracking)
    assert "pip install tensorboard" in str(caught.value.hint)
    run = tmp_path / "run"
    run.mkdir()
    with pytest.raises(TrackingError):
        start_tracking(config, run, new=True)
    assert not run.exists(), "its name is free"
