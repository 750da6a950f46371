"""Ctrl-C is no error: it is said what is kept and how to go on, and a second one ends at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from train.cli import interrupts
from train.cli.interrupts import interruptible


@pytest.fixture(autouse=True)
def own_handler() -> Iterator[None]:
    """Python's own handler, whatever a library left behind that an earlier test called."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_second_one_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(interrupts.os, "_exit", ended.append)
    before = signal.getsignal(signal.SIGINT)
    with interruptible():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert ended == []
        signal.raise_signal(signal.SIGINT)
        assert ended == [130]
    assert signal.getsignal(signal.SIGINT) is before


def test_an_echo_of_the_launcher_is_no_second_one(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(interrupts.os, "_exit", ended.append)
    monkeypatch.setattr(interrupts.distributed, "world_size", lambda: 2)
    with interruptible():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert ended == []
        monkeypatch.setattr(interrupts, "ECHO_SECONDS", 0.0)
        signal.raise_signal(signal.SIGINT)
    assert ended == [130]
