"""What a run shows on a real terminal, in a pipe, and where colour is not wanted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyte
import pytest

from tests.conftest import ROOT
from tests.support.forked import ForkServer

pytestmark = pytest.mark.slow
NEXT = ("look:", "try:", "push:", "prove:", "safer:", "check:")


def train(server: ForkServer, tiny_model: Path, folder: Path, *words: str, **how: Any) -> str:
    own = [f"model.name={tiny_model}", "model.device=cpu", "run_name=x", "evaluation.resamples=200"]
    done = server.run(["train", "--config", str(ROOT / "configs" / "quick.yaml"), *own, *words], folder, **how)
    assert done["code"] == 0, done["output"]
    return str(done["output"])


def displayed(raw: str, columns: int) -> list[str]:
    """What stands on the screen in the end, line by line."""
    screen = pyte.Screen(columns, 300)
    pyte.Stream(screen).feed(raw)
    return [line.rstrip() for line in "\n".join(screen.display).rstrip().split("\n")]


@pytest.mark.parametrize("columns", [80, 120])
def test_a_run_is_one_screen(server: ForkServer, tiny_model: Path, tmp_path: Path, columns: int) -> None:
    raw = train(server, tiny_model, tmp_path, columns=columns)
    lines = displayed(raw, columns)

    before = next(i for i, line in enumerate(lines) if line.startswith("training "))
    assert before <= 24, "\n".join(lines)
    after = next(i for i, line in enumerate(lines) if re.match(r"(Better|Worse|Unproven|The base is kept): ", line))
    assert len(lines) - after <= 24, "\n".join(lines)
    assert "about" in raw and "left" in raw, "the time that is left was shown"
    assert not any("left" in line for line in lines), "and is gone in the end"

    ends = [line.split(" ")[0] for line in lines if line.split(" ")[0] in ("report:", "model:", *NEXT)]
    assert ends[:2] == ["report:", "model:"] and len(ends) > 2 and lines[-1].startswith((*NEXT, "  "))
    log = (tmp_path / "checkpoints" / "x" / "run.log").read_text(encoding="utf-8")
    whole = set(log.split())
    broken = [word for line in lines for word in line.split() if word not in whole]
    assert not broken, f"no word is broken: {broken}"
    assert "recipe:" in log and "recipe:" not in "\n".join(lines), "details stand in the log alone"


def test_a_pipe_gets_plain_lines_with_the_time_left(server: ForkServer, tiny_model: Path, tmp_path: Path) -> None:
    text = train(server, tiny_model, tmp_path, "training.max_steps=20")
    assert "\x1b" not in text and "\r" not in text and "recipe:" not in text
    tenths = [int(found) for found in re.findall(r"^  (\d+)% done: ", text, flags=re.MULTILINE)]
    assert len(tenths) >= 4 and tenths == sorted(tenths)


def test_no_color_is_heeded(server: ForkServer, tiny_model: Path, tmp_path: Path) -> None:
    raw = train(server, tiny_model, tmp_path, columns=80, environment={"NO_COLOR": "1"})
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", raw), "no colour is set"
    assert displayed(raw, 80)[-1].startswith((*NEXT, "  "))


def test_a_dumb_terminal_is_not_drawn_on(server: ForkServer, tiny_model: Path, tmp_path: Path) -> None:
    raw = train(server, tiny_model, tmp_path, columns=80, environment={"TERM": "dumb"})
    assert "\x1b" not in raw and re.search(r"^  \d+% done: ", raw, flags=re.MULTILINE)


def test_ctrl_c_says_how_to_go_on(server: ForkServer, tiny_model: Path, tmp_path: Path) -> None:
    words = ["train", "--config", str(ROOT / "configs" / "quick.yaml"), f"model.name={tiny_model}", "model.device=cpu"]
    words += ["run_name=x", "training.max_steps=4000", "training.evaluations=2"]
    begun = tmp_path / "checkpoints" / "x" / "training.jsonl"
    done = server.run(words, tmp_path, interrupt_when=str(begun))
    assert done["code"] == 130 and "error" not in done["output"].lower(), done["output"]
    assert re.search(r"^stopped after step \d+ of 4000.*; continue with: embed-tune train --resume checkpoints/x$",
                     done["output"], flags=re.MULTILINE), done["output"]  # fmt: skip
    assert "ended: stopped after step" in (begun.parent / "run.log").read_text(encoding="utf-8")
