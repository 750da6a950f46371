"""Cells as programs print what is no text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.source_files import message, opened, texts, write

A, B = "Turn the valve, then wait.", "It's open on Monday; bring a card."


def table(path: Path, column: str, cells: Sequence[str], **others: str) -> Path:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["query", *others, column])
    writer.writerows([f"q{i}", *others.values(), cell] for i, cell in enumerate(cells))
    return write(path, text.getvalue())


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (f'c("{A}", "{B}")', [A, B]),
        (f'c("{A}")', [A]),
        (f"{B.encode()!r}", [B]),
        (f"{'Grüße'.encode()!r}", ["Grüße"]),
        (f"Document(page_content={B!r}, metadata={{'source': 'x.pdf', 'page': 0}})", [B]),
        (f"[Document(metadata={{'page': 1}}, page_content={A!r}), Document(page_content={B!r})]", [A, B]),
        (f"[Document(page_content='{B}', metadata={{'source': 'x.pdf'}})]", [B]),
        (f"page_content='{B}' metadata={{'source': 'x.pdf'}}", [B]),
        (f"page_content='{A}'", [A]),
        (f"TextNode(id_='7', text={A!r})", [A]),
        (json.dumps(f'{A} "Now"\n{B}'), [f'{A} "Now"\n{B}']),
        (f"{{{A!r}, {B!r}}}", [A, B]),
        (f'{{"{A}","{B}"}}', [A, B]),
    ],
)
def test_what_is_certain_is_read(tmp_path: Path, cell: str, expected: list[str]) -> None:
    source = opened(table(tmp_path / "p.csv", "document", [cell] * 3))
    assert texts(source) == [[f"q{i}", text] for i in range(3) for text in expected]
    assert "document" in "\n".join(source.recognised.notes)


@pytest.mark.parametrize(
    ("column", "cell", "said"),
    [
        ("document", f"WrappedArray({A}, {B})", "arrays as Spark shows them"),
        ("positive", f"List({A}, {B})", "arrays as Spark shows them"),
        ("document", f"[{A}, {B}]", "lists without quotes"),
        ("document", f'a:1:{{i:0;s:{len(A)}:"{A}";}}', "serialised PHP"),
        ("positives", f"{A}|{B}", "hold several texts each, with '|' between them"),
        ("positive", f"{A} ||| {B}", "hold several texts each, with '|||' between them"),
        ("positives", f"- {A}\n- {B}", "hold several texts each, with '-' between them"),
        ("positives", "Turn the valve; bring a card", "hold several texts each, with ';' between them"),
    ],
)
def test_what_is_not_certain_is_refused(tmp_path: Path, column: str, cell: str, said: str) -> None:
    path = table(tmp_path / "p.csv", column, [cell] * 3)
    error = message(path)
    assert said in error
    assert 'write each as JSON: ["...", "..."]' in error
    if column != "positives":
        assert texts(opened(path, literal=True)) == [[f"q{i}", cell] for i in range(3)]


def test_several_negatives_in_one_cell(tmp_path: Path) -> None:
    assert "with '[SEP]' between" in message(table(tmp_path / "p.csv", "negatives", [f"{A} [SEP] {B}"] * 3, document=A))


def test_a_cell_that_is_not_as_the_others(tmp_path: Path) -> None:
    cells = [f'c("{A}")'] * 20 + ["c(a, b)"]
    assert "line 22" in message(table(tmp_path / "p.csv", "document", cells))


@pytest.mark.parametrize(
    "cells",
    [
        ["[PART] a pump", "[PART] a saw"],
        ["[ -f x ]", "[ -d y ]"],
        ["[a-z]+[0-9]", "[x]{2}[y]"],
        ["print(page_size=3)", "show(text, 4)"],
        ["cat x | sort | uniq -c", "ls -l | wc -l"],
        ["Set(a)", "List it: a (b)"],
        ["b'c", "c()"],
        ['"To be or not to be"', '"Now is the winter"'],
        ["[1, 2, 3]", "[4, 5]"],
        ["First this; then that.", "One thing; another thing."],
        ["{ margin: 0 }", "{ color: red }"],
    ],
)
def test_texts_that_look_a_little_like_it_stay(tmp_path: Path, cells: list[str]) -> None:
    source = opened(table(tmp_path / "p.csv", "document", cells))
    assert texts(source) == [[f"q{i}", cell] for i, cell in enumerate(cells)]
    assert not source.recognised.notes
