"""Answers that are no texts to find."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from data.errors import DataError
from data.schema import UNSPLIT
from data.sources import open_source
from data.spec import DatasetSpec

ASKED = [f"Which of these is number {i}?" for i in range(20)]


def lines(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


def refused(path: Path) -> str:
    with pytest.raises(DataError) as error:
        open_source(DatasetSpec(source=str(path)))
    return str(error.value)


def run(text: str, folder: Path) -> None:
    """Run the Python that a message gives as a command."""
    command = shlex.split("python -c " + text.partition("python -c ")[2].partition("; if these are")[0])
    subprocess.run([sys.executable, *command[1:3]], cwd=folder, check=True)


def test_names_of_columns_are_refused_with_the_command_that_puts_their_texts_in(tmp_path: Path) -> None:
    rows = [f"{asked},one {i},two {i},three {i},{'ABC'[i % 3]}" for i, asked in enumerate(ASKED)]
    path = tmp_path / "exam.csv"
    path.write_text("\n".join(["question,A,B,C,answer", *rows]), "utf-8")
    text = refused(path)
    assert "column \"answer\": each row names one of the columns 'A', 'B', 'C'" in text
    assert "data.columns.anchor=question data.columns.positive=answer" in text
    run(text, tmp_path)
    source = open_source(DatasetSpec(source=str(tmp_path / "pairs.csv")))
    assert [one.texts[1] for one in source.examples(UNSPLIT)][:3] == ["one 0", "two 1", "three 2"]


@pytest.mark.parametrize(("answers", "word"), [(("A", "B"), "letter"), (("(b)", "(a)"), "letter"), ((0, 1), "number")])
def test_letters_and_numbers_of_options(tmp_path: Path, answers: tuple[object, object], word: str) -> None:
    rows: list[dict[str, object]] = [
        {"question": asked, "options": [f"one {i}", f"two {i}"], "answer": answers[i % 2]} for i, asked in enumerate(ASKED)
    ]
    text = refused(lines(tmp_path / "exam.jsonl", rows))
    assert f"each row holds the {word} of an option in 'options'" in text
    if word == "number":
        run(text, tmp_path)
        source = open_source(DatasetSpec(source=str(tmp_path / "pairs.jsonl")))
        assert [one.texts[1] for one in source.examples(UNSPLIT)][:2] == ["one 0", "two 1"]


@pytest.mark.parametrize("answers", [("yes", "no"), ("accept", "reject", "ignore"), ("Ja", "Nein"), ("relevant", "not relevant")])
def test_verdicts_are_no_texts_to_find(tmp_path: Path, answers: tuple[str, ...]) -> None:
    rows: list[dict[str, object]] = [
        {"question": asked, "article": f"This is what is known of number {i}.", "answer": answers[i % len(answers)]}
        for i, asked in enumerate(ASKED)
    ]
    path = lines(tmp_path / "asked.jsonl", rows)
    text = refused(path)
    assert "that is a verdict" in text and "data.columns.positive=article" in text
    source = open_source(
        DatasetSpec.model_validate({"source": str(path), "columns": {"anchor": "question", "positive": "answer"}})
    )
    assert sum(1 for _ in source.examples(UNSPLIT)) == 20


@pytest.mark.parametrize("answers", [("Room A", "Room B"), ("The town hall.", "The post office."), ("billing", "shipping")])
def test_a_few_answers_to_many_questions_are_texts(tmp_path: Path, answers: tuple[str, str]) -> None:
    rows: list[dict[str, object]] = [{"question": asked, "answer": answers[i % 2]} for i, asked in enumerate(ASKED)]
    assert open_source(DatasetSpec(source=str(lines(tmp_path / "faq.jsonl", rows)))).recognised.notes == ()
