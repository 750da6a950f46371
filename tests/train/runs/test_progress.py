"""How far a run is: never backwards, a time only when something was measured, and in files that a kill leaves whole."""

from __future__ import annotations

import itertools
import json
import shutil
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train import console
from train.console import Progress, heard_by
from train.errors import Interrupted
from train.runs import progress
from train.runs.folder import RunFolder
from train.runs.phases import Phase
from train.runs.progress import RunProgress, followed
from train.runs.progress_record import read_progress
from train.runs.training_log import forget_training_after, read_training_log

STEPS, CHECKPOINTS = 40, 4


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def phases(folds: int = 0) -> list[Phase]:
    found = [
        Phase("base", characters=90_000),
        Phase("training", STEPS, characters=10_000),
        Phase("dev", CHECKPOINTS, characters=9_000),
        Phase("choice", seconds=0.1),
        Phase("test", characters=90_000),
        Phase("report", seconds=1),
    ]
    return [*found, Phase("folds", folds, like={"training": 1.0, "dev": 1.0, "test": 1.0})] if folds else found


def train(one: RunProgress, clock: Clock, step_seconds: float, judging_seconds: float, encode: bool = True) -> None:
    """Go through what a run does, with these speeds."""
    one.begin("base")
    for _ in range(9):
        clock.now += judging_seconds / 9
        if encode:
            one.encoded(10_000)
    one.begin("training")
    for number in range(1, STEPS + 1):
        clock.now += step_seconds
        one.step(number)
        if number % (STEPS // CHECKPOINTS) == 0:
            one.begin("dev")
            clock.now += judging_seconds / 10
            one.begin("training")
    one.begin("choice")
    one.begin("test")
    clock.now += judging_seconds


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.001, 20),
    st.floats(0.001, 300),
    st.booleans(),
    st.lists(st.tuples(st.floats(0.001, 20), st.floats(0.001, 300)), max_size=3),
)
def test_done_never_goes_back_and_stays_below_one_until_the_end(
    step_seconds: float, judging_seconds: float, encode: bool, folds: list[tuple[float, float]]
) -> None:
    clock, heard = Clock(), list[Progress]()
    with heard_by(None, progress=heard.append):
        one = RunProgress(clock=clock)
        one.follow(Path("absent"), phases(len(folds)))
        train(one, clock, step_seconds, judging_seconds, encode)
        for number, speeds in enumerate(folds):
            one.begin("folds", f"part {number + 1}")
            inner = RunProgress(one, clock)
            inner.follow(Path("absent") / "part", phases())
            train(inner, clock, *speeds)
        one.begin("report")
        last = heard[-1]
        one.end()
    shares = [each.done for each in heard]
    assert shares == sorted(shares) and last.done < 1 and heard[-1].done == 1
    assert all(each.left_seconds is None or 0 <= each.left_seconds < 1e7 for each in heard)


def test_no_time_is_named_before_anything_was_measured() -> None:
    clock, heard = Clock(), list[Progress]()
    with heard_by(None, progress=heard.append):
        one = RunProgress(clock=clock)
        one.tick(at_once=True)
        one.follow(Path("absent"), phases())
        one.begin("base")
        clock.now += 5
        one.tick()
        assert [each.left_seconds for each in heard] == [None] * len(heard)
        one.begin("training")
        clock.now += 1
        one.step(1)
    assert heard[-1].left_seconds is not None, "a step tells how fast the model is"


def test_a_pace_that_was_measured_beforehand_names_a_time_at_once(tmp_path: Path) -> None:
    heard: list[Progress] = []

    @followed
    def run() -> None:
        progress.paced(10_000.0)
        progress.follow(tmp_path, phases())
        progress.begin("base")

    with heard_by(None, progress=heard.append):
        run()
    (left,) = {round(each.left_seconds) for each in heard if each.phase == "judging the base" and each.left_seconds is not None}
    assert left == round((2 * 90_000 + STEPS * 3 * 10_000 + CHECKPOINTS * 9_000) / 10_000 + 1.1)


def test_the_time_that_is_left_comes_true() -> None:
    clock, heard = Clock(), list[tuple[float, Progress]]()
    with heard_by(None, progress=lambda said: heard.append((clock.now, said))):
        one = RunProgress(clock=clock)
        one.follow(Path("absent"), phases())
        train(one, clock, 0.5, 10.0)
        one.begin("report")
        clock.now += 1
    named = [(at, said.left_seconds) for at, said in heard if said.phase == "training" and said.left_seconds is not None]
    assert named and all(abs(left - (clock.now - at)) < 0.35 * (clock.now - at) + 1 for at, left in named[5:])


def test_an_early_stop_drops_what_will_not_follow() -> None:
    clock = Clock()
    one = RunProgress(clock=clock)
    one.follow(Path("absent"), phases())
    one.begin("training")
    clock.now += 10
    one.step(1)
    assert one.left_seconds() > 300
    one.begin("choice")
    assert one.left_seconds() < 60


def test_inner_runs_report_into_the_outer_one_and_write_no_progress_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "part-1").mkdir()
    heard: list[Progress] = []

    @followed
    def part() -> None:
        progress.follow(tmp_path / "part-1", phases())
        progress.begin("training")
        progress.step(3)
        progress.log_training(3, {"loss": 0.5})

    @followed
    def run() -> None:
        progress.follow(tmp_path, phases(2))
        progress.begin("folds", "cross-validation, part 1 of 2")
        with heard_by(None):  # what it says goes into a file
            part()
        said = read_progress(tmp_path)
        assert said is not None and said.phase == "cross-validation, part 1 of 2: training"

    with heard_by(None, progress=heard.append):
        run()
    assert any(each.phase == "cross-validation, part 1 of 2: training" for each in heard)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["training.jsonl"]
    assert [line.loss for line in read_training_log(tmp_path / "part-1")] == [0.5]


def test_a_finished_run_has_no_progress_and_a_stopped_one_says_why(tmp_path: Path) -> None:
    @followed
    def run(error: BaseException | None) -> None:
        progress.follow(tmp_path, phases())
        progress.begin("training")
        progress.step(8)
        if error is not None:
            raise error

    with pytest.raises(Interrupted):
        run(Interrupted("stopped after step 8 of 40; the checkpoint is complete", hint="continue"))
    said = read_progress(tmp_path)
    assert said is not None and said.stopped and said.reason == "stopped after step 8 of 40; the checkpoint is complete"
    assert said.left_seconds is None and said.note == "step 8 of 40"
    began = said.began_at
    assert began and json.loads(RunFolder(tmp_path).progress.read_text())["format"] == 1
    with pytest.raises(MemoryError):
        run(MemoryError("no room"))
    said = read_progress(tmp_path)
    assert said is not None and said.reason == "MemoryError: no room" and said.began_at == began, "the first session's time"
    run(None)
    assert not RunFolder(tmp_path).progress.exists()


def test_what_fails_after_the_report_leaves_the_run_finished(tmp_path: Path) -> None:
    @followed
    def run() -> None:
        progress.follow(tmp_path, phases())
        RunFolder(tmp_path).report.write_text("{}")
        raise OSError("the upload failed")

    with pytest.raises(OSError, match="upload"):
        run()
    assert not RunFolder(tmp_path).progress.exists()


def test_a_folder_that_went_away_is_not_made_again(tmp_path: Path) -> None:
    @followed
    def run() -> None:
        progress.follow(tmp_path / "run", phases())
        shutil.rmtree(tmp_path / "run")
        raise ValueError("it failed before training began")

    (tmp_path / "run").mkdir()
    with pytest.raises(ValueError, match="before training"):
        run()
    assert not (tmp_path / "run").exists()


def test_a_disk_that_takes_nothing_stops_no_run_and_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "training.jsonl").mkdir()
    said: list[str] = []

    @followed
    def run() -> None:
        progress.follow(tmp_path, phases())
        for number in range(5):
            progress.log_training(number, {"loss": 1.0})

    with heard_by(None, details=said.append):
        run()
    assert len(said) == 1 and "training.jsonl" in said[0] and "the run continues" in said[0]


def test_only_the_main_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")

    @followed
    def run() -> None:
        progress.follow(tmp_path, phases())
        progress.log_training(1, {"loss": 1.0})

    run()
    assert not list(tmp_path.iterdir())


def test_a_broken_file_of_progress_is_none(tmp_path: Path) -> None:
    for text in ("{", "[]", '{"done": 1}', '{"phase": "x", "done": 7}'):
        RunFolder(tmp_path).progress.write_text(text)
        assert read_progress(tmp_path) is None


def test_runs_of_two_threads_are_two_runs() -> None:
    met = threading.Barrier(2, timeout=10)
    found: list[bool] = []

    @followed
    def run() -> None:
        met.wait()
        one = progress._followed.get()
        found.append(one is not None and one.outer is None)
        met.wait()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True, True]


def test_a_resumed_run_forgets_what_it_makes_again(tmp_path: Path) -> None:
    @followed
    def session(steps: range, checkpoint: int) -> None:
        progress.follow(tmp_path, phases())
        progress.continued(checkpoint, checkpoint / 10, checkpoint // 10, 1.0)
        progress.begin("training")
        for number in steps:
            progress.step(number)
            progress.log_training(number, {"loss": 1 / number, "loss/a": 0.5, "learning_rate": float("nan")})

    session(range(1, 18), 0)
    with RunFolder(tmp_path).training_log.open("a") as file:
        file.write('{"step": 18, "lo')  # torn by a kill
    assert [line.step for line in read_training_log(tmp_path)] == list(range(1, 18))
    session(range(11, 21), 10)
    lines = read_training_log(tmp_path)
    assert [line.step for line in lines] == list(range(1, 21))
    assert lines[3].loss == 0.25 and lines[3].losses == {"a": 0.5} and lines[3].learning_rate is None
    assert [line.seconds for line in lines] == sorted(line.seconds for line in lines) and lines[10].seconds >= 1.0
    assert all(json.loads(text) for text in RunFolder(tmp_path).training_log.read_text().splitlines())
    forget_training_after(tmp_path, 0)
    assert read_training_log(tmp_path) == []


def test_who_listens_inside_leaves_progress_to_whoever_heard_it_outside() -> None:
    outer, inner = list[Progress](), list[Progress]()
    with heard_by(None, progress=outer.append), heard_by(None):
        console.advance(Progress("training", 0.5))
        with heard_by(None, progress=inner.append):
            console.advance(Progress("training", 0.6))
    assert [one.done for one in outer] == [0.5] and [one.done for one in inner] == [0.6]


def test_the_share_that_is_done_moves_with_each_step_also_where_a_slow_one_made_the_time_longer() -> None:
    clock, heard = Clock(), list[Progress]()
    with heard_by(None, progress=heard.append):
        one = RunProgress(clock=clock)
        one.follow(Path("absent"), phases())
        one.begin("base")
        clock.now += 100
        one.begin("training")
        shares = []
        for number in range(1, 11):
            clock.now += 0.1 if number < 4 else 60.0 if number == 4 else 5.0
            one.step(number)
            one.tick(at_once=True)
            shares.append(one.done)
    assert all(earlier < later for earlier, later in itertools.pairwise(shares)) and shares[-1] < 1
