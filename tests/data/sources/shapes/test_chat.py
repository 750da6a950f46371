"""Chats as rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data.errors import DataError
from data.schema import RowKind
from tests.support.source_files import message, opened, texts, write


def said(role: str, content: object) -> dict[str, object]:
    return {"role": role, "content": content}


USER, BOT = said("user", "how hot"), said("assistant", "very hot")


def lines(path: Path, *items: object) -> Path:
    return write(path, "".join(f"{json.dumps(item)}\n" for item in items))


@pytest.mark.parametrize(
    ("row", "note"),
    [
        ({"messages": [USER, BOT]}, 'in "messages" the last answered turn of the user is the anchor'),
        ({"messages": [said("system", "be brief"), USER, BOT]}, "system prompts are left out"),
        ({"messages": [said("user", "x"), said("assistant", "y"), USER, BOT]}, "the answer of the assistant the positive"),
        ({"messages": [USER, BOT, said("user", "thanks")]}, "the last answered turn"),
        ({"messages": [USER, said("assistant", None), said("tool", "42"), BOT]}, "answered"),
        ({"conversations": [{"from": "human", "value": "how hot"}, {"from": "gpt", "value": "very hot"}], "id": "7"}, "answered"),
        ({"conversation": [{"human": "how hot", "assistant": "very hot"}]}, "answered"),
        (
            {"messages": [said("user", [{"type": "text", "text": "how hot"}, {"type": "image_url"}]), BOT]},
            "what is no text is left out",
        ),
        ({"messages": [USER], "positive_messages": [[said("user", "very hot")]]}, 'the last turn of the user in "messages"'),
        ({"messages": [said("system", "s"), USER], "positive_messages": [[said("system", "t"), BOT]]}, "system prompts"),
        ({"messages": [USER], "positive_messages": [BOT]}, 'the last turn in "positive_messages" the positive'),
        ({"prompt": [USER], "completion": [BOT]}, "the last turn of 'prompt' and 'completion' is the text"),
    ],
)
def test_a_question_and_its_answer(tmp_path: Path, row: object, note: str) -> None:
    source = opened(lines(tmp_path / "p.jsonl", row))
    assert texts(source) == [["how hot", "very hot"]]
    assert any(note in line for line in source.recognised.lines())


def test_positives_and_negatives(tmp_path: Path) -> None:
    row = {
        "messages": [USER],
        "positive_messages": [[said("user", "very")], [said("user", "boiling")]],
        "negative_messages": [[said("user", "cold")], [said("user", "mild")]],
    }
    assert texts(opened(lines(tmp_path / "p.jsonl", row))) == [
        ["how hot", "very", "cold", "mild"],
        ["how hot", "boiling", "cold", "mild"],
    ]


def test_a_label_makes_scored_pairs(tmp_path: Path) -> None:
    rows = [{"messages": [USER], "positive_messages": [[said("user", f"b{i}")]], "label": i / 4} for i in range(5)]
    source = opened(lines(tmp_path / "p.jsonl", *rows))
    assert source.recognised.kind is RowKind.SCORED
    assert [example.label for example in source.examples("all")] == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize(
    ("row", "part"),
    [
        ({"messages": [USER]}, "the chat has no answer of the assistant"),
        ({"messages": [BOT]}, "the chat has no turn of the user"),
        ({"messages": [BOT, USER]}, "no turn of the user is followed by an answer"),
        ({"messages": [USER, said("assistant", " ")]}, "the chat has no answer of the assistant"),
        ({"messages": [said("narrator", "x"), USER, BOT]}, "turn 1: the role 'narrator' is neither the user"),
        ({"messages": [USER, "very hot"]}, "turn 2: the turn does not say who speaks"),
        ({"messages": [USER, said("assistant", 7)]}, "turn 2: what is said is of type int"),
        ({"messages": [BOT], "positive_messages": [[BOT]]}, "the chat has no turn of the user"),
    ],
)
def test_a_chat_that_lacks_a_side_names_its_row(tmp_path: Path, row: object, part: str) -> None:
    text = message(lines(tmp_path / "p.jsonl", row))
    assert 'p.jsonl, line 1, column "messages"' in text and part in text


def test_a_chat_beside_a_pair_is_left_alone(tmp_path: Path) -> None:
    source = opened(lines(tmp_path / "p.jsonl", {"query": "a", "document": "b", "messages": [USER, BOT]}))
    assert texts(source) == [["a", "b"]] and source.recognised.ignored == ("messages",)


def test_saved_data_sets_and_rows_in_memory(tmp_path: Path) -> None:
    from datasets import Dataset

    from data.sources.memory import store

    chats = [{"messages": [said("user", f"q{i}"), said("assistant", f"d{i}")]} for i in range(3)]
    Dataset.from_list(chats).save_to_disk(str(tmp_path / "saved"))
    expected = [[f"q{i}", f"d{i}"] for i in range(3)]
    assert texts(opened(tmp_path / "saved")) == expected
    assert texts(opened(store(chats, tmp_path))) == expected
    assert texts(opened(store(Dataset.from_list(chats), tmp_path))) == expected


def test_chats_that_lack_a_side_are_dropped_and_counted(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.jsonl", {"messages": [USER, BOT]}, {"messages": [USER]}, {"messages": None})
    source = opened(path, bad_rows="drop")
    assert texts(source) == [["how hot", "very hot"]] and source.dropped == {"all": 2}
    with pytest.raises(DataError, match="every row of all was left out"):
        texts(opened(lines(path, {"messages": [USER]}), bad_rows="drop"))
