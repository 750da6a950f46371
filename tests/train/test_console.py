"""Who hears which line."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from train.console import heard_by, say


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


def test_leaving_first_what_was_entered_first_keeps_the_other_listener() -> None:
    heard: list[str] = []
    early, late = heard_by(lambda line: None), heard_by(heard.append)
    early.__enter__()
    late.__enter__()
    early.__exit__(None, None, None)
    say("still heard")
    late.__exit__(None, None, None)
    assert heard == ["still heard"]
