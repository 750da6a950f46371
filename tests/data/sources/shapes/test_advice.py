"""The first guess at what is wrong with a table of which no column is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.source_files import message, write

BOTH = "where the first line holds texts instead of names"
NONE = "the file seems to have no header"


@pytest.mark.parametrize(
    ("content", "guess"),
    [
        ("How hot is it?,it is rather hot\nHow cold is tea?,cold as ice\n", NONE),
        ("How hot is it?,It is hot.\nHow cold is tea?,It is cold.\n", NONE),
        ("apple,fruit\nbanana,fruit\n", NONE),
        ("a red one,0.5\na blue one,0.7\n", NONE),
        ("What did they ask?,What was the answer?\nHow hot is it?,It is hot.\nHow cold is it in there?,Cold.\n", BOTH),
        ("What the customer asked,What the agent answered here\nhow hot is it,it is hot\n", BOTH),
        ("The words of the customer,The reply of the agent\nHow hot is it?,It is hot.\nHow cold is it?,It is cold.\n", ""),
        ("Frage,Erwiderung\nWas ist das?,Ein Hund.\n", ""),
        ("Which question,document\nHow hot is it?,It is hot.\n", ""),
        ("ask,reply\nHow hot is it?,It is hot.\n", ""),
    ],
)
def test_a_header_is_told_by_the_rows_below_it(tmp_path: Path, content: str, guess: str) -> None:
    text = message(write(tmp_path / "p.csv", content))
    assert "the column names do not say" in text
    assert (BOTH in text, NONE in text) == (guess == BOTH, guess == NONE)


def test_two_columns_of_texts_are_put_into_a_command(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", '{"ticket": {"id": 1, "subject": "a"}, "resolution": {"text": "b"}}\n')
    assert "data.columns.anchor=ticket.subject data.columns.positive=resolution.text" in message(path)
    path = write(tmp_path / "p.csv", "Frage,die Antwort,Nr\nWas ist das?,Ein Hund.,1\n")
    assert "data.columns.anchor=Frage data.columns.positive='die Antwort'" in message(path)


def test_lists_of_objects_are_named_with_their_keys(tmp_path: Path) -> None:
    text = message(write(tmp_path / "p.json", '{"data": [{"title": "T", "paragraphs": [{"context": "c", "qas": []}]}]}'))
    assert "\"paragraphs\" holds lists of objects with the keys 'context', 'qas'" in text


def test_a_row_of_json_with_one_key_is_shown_as_it_should_look(tmp_path: Path) -> None:
    text = message(write(tmp_path / "p.jsonl", '{"text": "a"}\n{"text": "b"}\n'))
    assert 'as in {"query": "...", "document": "..."}' in text and "commas" not in text
