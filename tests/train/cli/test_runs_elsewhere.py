"""Runs that lie below another folder than checkpoints/ are found by every command, and a name that is not there is told alike."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.forked import ForkServer

OLDER = Path(__file__).parents[2] / "data" / "run_of_3ff2293"

HERE = "output_dir=elsewhere"
COMMANDS = {
    "train --resume": (["train", "--resume", "unfinished", HERE], "elsewhere/unfinished"),
    "evaluate": (["evaluate", "finished", "--data", "pairs.csv", "--verbose", HERE, "model.device=cpu"], "elsewhere/finished"),
    "compare": (
        [
            "compare",
            "finished",
            "tiny",
            "--data",
            "pairs.csv",
            HERE,
            "model.device=cpu",
            "measure.seconds=0.1",
            "measure.rounds=0",
            "-o",
            "c",
        ],
        "finished",
    ),
    "mine": (["mine", "pairs.csv", "model=finished", HERE, "model.device=cpu", "-o", "m.jsonl"], "elsewhere/finished"),
    "embed": (["embed", "--text", "a", "-m", "finished", HERE, "model.device=cpu", "--json", "--verbose"], "elsewhere/finished"),
    "report": (["report", "finished", "--runs", "elsewhere"], "elsewhere/finished has no page"),
    "report of all": (["report", "--runs", "elsewhere"], "elsewhere/index.html"),
    "diff": (["diff", "finished", "finished", "--runs", "elsewhere"], "both names lead to the same run"),
    "push": (["push", "finished", "me/x", "--runs", "elsewhere"], "The run is kept as it was in elsewhere/finished"),
}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A working directory with two runs below `elsewhere`, one finished and one not."""
    shutil.copytree(OLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "checkpoints").rename(tmp_path / "elsewhere")
    return tmp_path


@pytest.mark.parametrize("name", COMMANDS)
def test_a_run_below_another_folder_is_found(server: ForkServer, work: Path, name: str) -> None:
    words, expected = COMMANDS[name]
    done = server.run(words, work)
    assert expected in done["output"] and "no such run" not in done["output"], done["output"]
    assert done["code"] == (2 if name in ("report", "push") else 0), done["output"]


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--resume", "finishd", HERE],
        ["report", "finishd", "--runs", "elsewhere"],
        ["diff", "finishd", "finished", "--runs", "elsewhere"],
        ["push", "finishd", "me/x", "--runs", "elsewhere"],
    ],
    ids=lambda words: words[0],
)
def test_a_run_that_is_not_there_is_told_alike(server: ForkServer, work: Path, words: list[str]) -> None:
    done = server.run(words, work)
    assert done["code"] == 2
    expected = "finishd: no such run\n  What to do: did you mean elsewhere/finished? runs there: finished, unfinished"
    assert expected in done["output"], done["output"]
