"""Who hears which line, and that what libraries print is as it was once a block that quiets them has ended."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from tests.conftest import ROOT
from train.console import Progress, advance, detail, heard_by, noted_by, say


def test_calls_in_two_threads_are_heard_by_their_own_listeners() -> None:
    heard: dict[str, list[str]] = {"first": [], "second": []}
    both, other_left = threading.Barrier(2, timeout=30), threading.Event()

    def first() -> None:
        with heard_by(heard["first"].append):
            both.wait()
            say("first")
            both.wait()
            assert other_left.wait(30)
            say("first, after the second ended")

    def second() -> None:
        both.wait()  # this listener comes last, and leaves first
        with heard_by(heard["second"].append):
            say("second")
            both.wait()
        other_left.set()

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(first), threads.submit(second)]:
            done.result()
    assert heard == {"first": ["first", "first, after the second ended"], "second": ["second"]}


def test_the_latest_listener_of_a_thread_hears_it_and_helper_threads_too() -> None:
    outer: list[str] = []
    inner: list[str] = []
    with heard_by(outer.append), ThreadPoolExecutor(1) as helper:
        with heard_by(inner.append):
            say("own thread")
            helper.submit(say, "helper").result()
        with heard_by(None):
            say("nobody")
        helper.submit(say, "helper again").result()
    assert inner == ["own thread", "helper"] and outer == ["helper again"]


def test_details_and_progress_have_hearers_of_their_own_and_a_log_has_every_line() -> None:
    shown: list[str] = []
    details: list[str] = []
    log: list[str] = []
    seen: list[Progress] = []
    half = Progress("training", 0.5, 60.0, "step 5 of 10")
    with noted_by(log.append):
        with heard_by(shown.append, details=details.append, progress=seen.append):
            say("verdict")
            detail("learning rate")
            advance(half)
        with heard_by(shown.append):
            detail("heard by whoever names nobody for details")
            advance(half)
    say("after")
    assert shown == ["verdict", "heard by whoever names nobody for details"] and details == ["learning rate"]
    assert log == ["verdict", "learning rate", "heard by whoever names nobody for details"] and seen == [half]


def test_leaving_first_what_was_entered_first_keeps_the_other_listener() -> None:
    heard: list[str] = []
    early, late = heard_by(lambda line: None), heard_by(heard.append)
    early.__enter__()
    late.__enter__()
    early.__exit__(None, None, None)
    say("still heard")
    late.__exit__(None, None, None)
    assert heard == ["still heard"]


IN_A_NOTEBOOK = """
import logging, os, threading, warnings
from datasets.utils import logging as data
from huggingface_hub.utils import are_progress_bars_disabled
from transformers.utils import logging as models
from train.console import quiet_libraries, quietly

NAMES = ["datasets", "transformers", "sentence_transformers", "accelerate", "torch"]

def state():
    levels = [logging.getLogger(name).level for name in NAMES]
    bars = [models.is_progress_bar_enabled(), data.is_progress_bar_enabled(), not are_progress_bars_disabled()]
    return list(warnings.filters), dict(os.environ), levels, bars

def assert_quiet():
    with warnings.catch_warnings(record=True) as seen:
        warnings.warn("not to be seen")
    assert not seen and state()[2:] == ([logging.ERROR] * 5, [False] * 3), state()

def other():
    with quietly():
        quiet_libraries(False)
        entered.set()
        assert left.wait(30)
        assert_quiet()

entered, left = threading.Event(), threading.Event()
thread = threading.Thread(target=other)
logging.getLogger("torch").setLevel(logging.DEBUG)
data.set_verbosity_info()
before = state()
assert before[3] == [True] * 3
for repeated in range(2):
    with quietly():
        quiet_libraries(False)
        with quietly():
            quiet_libraries(False)
        assert_quiet()
    assert state() == before, state()
with quietly():
    thread.start()
    assert entered.wait(30)
left.set()
thread.join()
assert state() == before, state()
quiet_libraries(False)
assert_quiet()
"""
"""Blocks one after another, one in another, and one that overlaps with that of a second thread; last, as on the command line."""


def test_what_was_quieted_prints_again_after_the_last_block() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_HUB_DISABLE")}
    done = subprocess.run(
        [sys.executable, "-c", IN_A_NOTEBOOK],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment | {"PYTHONPATH": str(ROOT)},
        timeout=120,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
