"""Bars are shown where they were asked for, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from data.progress import Tick, bars, progress, shown


def test_library_code_shows_nothing_by_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress("reading", 3) as tick:
        tick(3)
    assert not shown() and capsys.readouterr() == ("", "")


def test_bars_are_drawn_inside_the_block_alone() -> None:
    drawn: list[tuple[str, int | None, str, list[int]]] = []

    @contextmanager
    def draw(what: str, total: int | None, unit: str) -> Iterator[Tick]:
        drawn.append((what, total, unit, []))
        yield drawn[-1][3].append

    with bars(draw):
        assert shown()
        with bars(None), progress("hidden", 3) as tick:
            tick(3)
            assert not shown()
        with progress("not wanted", wanted=False) as tick:
            tick(3)
        with progress("reading", 3) as tick:
            tick(1)
            tick(2)
    assert not shown() and drawn == [("reading", 3, "row", [1, 2])]
