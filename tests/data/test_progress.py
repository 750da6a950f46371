"""Bars are shown where they were asked for, and nowhere else."""

from __future__ import annotations

import pytest
import tqdm.auto

from data.progress import bars, progress, shown


def test_library_code_shows_nothing_by_itself(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress("reading", 3) as tick:
        tick(3)
    assert not shown() and capsys.readouterr() == ("", "")


def test_bars_are_shown_inside_the_block_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stock = tqdm.auto.tqdm
    monkeypatch.setattr(tqdm.auto, "tqdm", lambda **options: stock(**options | {"delay": 0, "leave": True}))
    with bars(True):
        assert shown()
        with bars(False):
            assert not shown()
        with progress("reading", 3) as tick:
            tick(3)
    assert not shown() and "reading: 100%" in capsys.readouterr().err
