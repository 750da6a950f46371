"""`embed-tune monitor --follow`: each complete file once, also across restarts and kills."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.monitoring import asked
from train.resolve.monitor import MonitorRequest, MonitorTask
from train.resolve.vectors import TextChoice
from train.workflows.monitor import follow as follow_module
from train.workflows.monitor.follow import QUIET_SECONDS, follow_folder
from train.workflows.monitor.results import MonitorResult

pytestmark = pytest.mark.slow


@pytest.fixture
def run(place: Path, tmp_path: Path) -> Path:
    """A copy of the run that nothing was monitored in."""
    return shutil.copytree(place / "first", tmp_path / "first")


class Clock:
    """Time that passes only while somebody waits, and what happens meanwhile."""

    def __init__(self, *events: Any) -> None:
        self.events, self.offset = list(events), 0.0

    def wait(self, seconds: float) -> None:
        self.offset += max(seconds, QUIET_SECONDS)
        if not self.events:
            raise KeyboardInterrupt
        self.events.pop(0)()

    def now(self) -> float:
        import time

        return time.time() + self.offset


def followed(run: Path, folder: Path, *events: Any) -> list[MonitorResult]:
    """What comes of a folder while these things happen, one between two looks, until Ctrl-C."""
    clock = Clock(*events)
    task = MonitorTask.of(MonitorRequest(run, TextChoice("")))
    found: list[MonitorResult] = []
    results: Iterator[MonitorResult] = follow_folder(task, folder, every=1.0, wait=clock.wait, clock=clock.now)
    with pytest.raises(KeyboardInterrupt):
        found.extend(results)
    return found


def nothing() -> None:
    """Nothing happens."""


def names(found: list[MonitorResult]) -> list[str]:
    return [str(one.window["name"]) for one in found]


def test_a_followed_folder_takes_each_complete_file_once_also_across_restarts_and_kills(
    run: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    fresh = (place / "fresh.txt").read_text(encoding="utf-8")
    (folder / "a.txt").write_text(fresh, encoding="utf-8")
    (folder / "bad.jsonl").write_text('{"query": "x"\n', encoding="utf-8")
    (folder / ".b.txt.tmp").write_text(fresh, encoding="utf-8")

    def grow() -> None:
        with (folder / "b.txt").open("a", encoding="utf-8") as file:
            file.write(fresh)

    seen: list[str] = []
    took = follow_module.look_at

    def look(choice: TextChoice, *rest: Any) -> MonitorResult:
        seen.append(Path(choice.place).name)
        return took(choice, *rest)

    monkeypatch.setattr(follow_module, "look_at", look)
    found = followed(run, folder, grow, grow, grow, nothing, nothing)
    assert names(found) == ["a.txt", "b.txt"] and seen == ["a.txt", "bad.jsonl", "b.txt"]
    assert found[1].window["rows"] == 360, "not while it grew"
    assert "bad.jsonl is left out" in capfd.readouterr().out
    seen.clear()
    (folder / "c.txt").write_text((place / "foreign.txt").read_text(encoding="utf-8"), encoding="utf-8")

    def killed(*_: Any) -> None:
        raise SystemExit(137)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("train.workflows.monitor.monitor.write_results", killed)
        clock = Clock(nothing, nothing)
        task = MonitorTask.of(MonitorRequest(run, TextChoice("")))
        list(follow_folder(task, folder, every=1.0, wait=clock.wait, clock=clock.now))
    assert seen == ["c.txt"], "those from before are remembered, the broken one too"
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr("train.workflows.monitor.monitor._track", killed)
        clock = Clock(nothing, nothing)
        list(follow_folder(task, folder, every=1.0, wait=clock.wait, clock=clock.now))
    assert seen == ["c.txt", "c.txt"], "of which nothing was written is looked at again"
    (folder / "bad.jsonl").write_text("".join(json.dumps({"query": one}) + "\n" for one in asked(40, 5)), encoding="utf-8")
    assert names(followed(run, folder, nothing, nothing)) == ["bad.jsonl"], "what has a result is not; a mended file is"
