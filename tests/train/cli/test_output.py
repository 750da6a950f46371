"""Where lines go: with `--json`, standard output holds the result alone."""

from __future__ import annotations

import pytest

from train.cli.output import agreement, fitted, print_json, progress_aside
from train.console import say


def test_with_json_questions_and_what_libraries_print_go_to_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    def ask(question: str) -> str:
        print(question)
        return "y"

    with progress_aside(True):
        say("progress")
        print("a library")
        confirm = agreement(False, ask)
        assert confirm is not None and confirm("about $1")
    print_json({"x": 1})
    printed = capsys.readouterr()
    assert printed.out == '{\n  "x": 1\n}\n'
    assert printed.err == "progress\na library\n  together about $1. Continue? [y/N] \n"


def test_without_json_everything_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_aside(False):
        say("progress")
    assert capsys.readouterr() == ("progress\n", "")


@pytest.mark.parametrize(
    ("line", "rows"),
    [
        ("short enough", ["short enough"]),
        ("  one two three four five", ["  one two three four", "    five"]),
        ("model:  a b c d e f g h i", ["model:  a b c d e f", "  g h i"]),  # what is aligned stays so
        ("see checkpoints/a-very-long-name/report.html", ["see", "  checkpoints/a-very-long-name/report.html"]),
        ("\x1b[1mbold words that are\x1b[0m", ["\x1b[1mbold words that are\x1b[0m"]),  # colours take no room
        ("日本語 日本語 日本語 日本語", ["日本語 日本語 日本語", "  日本語"]),
    ],
)
def test_lines_are_broken_between_words_alone(line: str, rows: list[str]) -> None:
    assert fitted(line, 20).split("\n") == rows
