"""Rows of a text that was chosen and one that was rejected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.source_files import opened, texts, write

GOOD, BAD = "Turn the valve to the left", "The shop opens at nine"


def lines(path: Path, *items: object) -> Path:
    return write(path, "".join(f"{json.dumps(item)}\n" for item in items))


def said(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def numbered(row: object, number: int) -> object:
    return json.loads(json.dumps(row).replace("#", str(number)))


@pytest.mark.parametrize(
    "row",
    [
        {"query": "q#", "response": f"{GOOD} #", "rejected_response": f"{BAD} #"},
        {"prompt": "q#", "chosen": f"{GOOD} #", "rejected": f"{BAD} #"},
        {"instruction": "q#", "chosen_response": f"{GOOD} #", "rejected_response": f"{BAD} #"},
        {"question": "q#", "chosen": f"{GOOD} #", "rejected": f"{BAD} #"},
        {"query": "q#", "document": f"{GOOD} #", "rejected": [f"{BAD} #"]},
        {"messages": [said("user", "q#"), said("assistant", f"{GOOD} #")], "rejected_response": f"{BAD} #"},
        {"prompt": [said("user", "q#")], "chosen": [said("assistant", f"{GOOD} #")], "rejected": [said("assistant", f"{BAD} #")]},
        {
            "prompt": "q#",
            "chosen": [said("user", "q#"), said("assistant", f"{GOOD} #")],
            "rejected": [said("user", "q#"), said("assistant", f"{BAD} #")],
        },
        {
            "chosen": [said("user", "q#"), said("assistant", f"{GOOD} #")],
            "rejected": [said("user", "q#"), said("assistant", f"{BAD} #")],
        },
        {
            "messages": [said("user", "q#"), said("assistant", f"{GOOD} #")],
            "rejected_messages": [said("user", "q#"), said("assistant", f"{BAD} #")],
        },
    ],
)
def test_what_was_rejected_is_the_negative(tmp_path: Path, row: object) -> None:
    source = opened(lines(tmp_path / "p.jsonl", *[numbered(row, i) for i in range(3)]))
    assert texts(source) == [[f"q{i}", f"{GOOD} {i}", f"{BAD} {i}"] for i in range(3)]
    assert "negative" in "\n".join(source.recognised.notes)


@pytest.mark.parametrize("values", [(True, False, True), (0, 1, 0), ("yes", "no", "no"), ("spam", "", "spam")])
def test_a_verdict_is_no_text(tmp_path: Path, values: tuple[object, ...]) -> None:
    rows = [{"query": f"q{i}", "document": f"{GOOD} {i}", "rejected": value} for i, value in enumerate(values)]
    source = opened(lines(tmp_path / "p.jsonl", *rows))
    assert texts(source) == [[f"q{i}", f"{GOOD} {i}"] for i in range(3)]
    assert source.recognised.ignored == ("rejected",)


def test_names_that_the_user_gives_are_kept(tmp_path: Path) -> None:
    rows = [{"prompt": f"q{i}", "chosen": f"{GOOD} {i}", "rejected": f"{BAD} {i}"} for i in range(3)]
    source = opened(lines(tmp_path / "p.jsonl", *rows), columns={"anchor": "prompt", "positive": "chosen"})
    assert texts(source) == [[f"q{i}", f"{GOOD} {i}"] for i in range(3)]
