"""Rows shown before training: from both ends and the middle, on one line each, with what cannot harm a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.load import prepare
from data.preview import sample_rows, shortened
from data.schema import RowKind
from data.spec import DatasetSpec, SplitSpec


def test_the_first_middle_and_last_row_are_shown_with_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    lines = [f"how do I mend part {number}?,take part {number} out and oil it" for number in range(40)]
    path.write_text("query,document\n" + "\n".join(lines), encoding="utf-8")
    said: list[str] = []

    found = prepare(DatasetSpec(source=str(path)), SplitSpec(), tmp_path / "cache", said.append)

    train = found.splits["train"]
    assert [one.row for one in found.samples] == [train[0]["row"], train[round((len(train) - 1) / 2)]["row"], train[-1]["row"]]
    number = int(found.samples[0].row.split(":")[1]) - 2  # below the header
    expected = f'faq.csv:{number + 2}: "how do I mend part {number}?" ⟶ "take part {number} out and oil it"'
    assert f"  {expected}" in said and str(found.samples[0]) == expected


def test_scores_and_negatives_are_told(tmp_path: Path) -> None:
    scored, tuples = tmp_path / "scored.csv", tmp_path / "tuples.jsonl"
    scored.write_text("sentence1,sentence2,score\n" + "\n".join(f"a {i},b {i},{i % 6}" for i in range(30)), encoding="utf-8")
    row = '{{"query": "q {0}", "pos": ["p {0}"], "neg": ["n {0}", "m {0}"]}}'
    tuples.write_text("\n".join(row.format(i) for i in range(30)), encoding="utf-8")

    one = prepare(DatasetSpec(source=str(scored)), SplitSpec(), tmp_path / "cache")
    two = prepare(DatasetSpec(source=str(tuples)), SplitSpec(), tmp_path / "cache")

    assert one.kind is RowKind.SCORED and str(one.samples[0]).endswith(f"(score {one.samples[0].score:.3g})")
    assert str(two.samples[0]).endswith('" (2 negatives)')


def test_fewer_rows_than_wanted_are_all_shown_once(tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("query,document\nq one,d one\nq two,d two\n", encoding="utf-8")

    found = prepare(DatasetSpec(source=str(path), train=False), SplitSpec(), tmp_path / "cache")

    assert [one.first for one in sample_rows(found.splits["test"])] == ["q one", "q two"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\n\tlines", '"two lines"'),
        ("x" * 61, '"' + "x" * 59 + '…"'),
        ("\x1b[31mred\x07", '"�[31mred�"'),
        ("turned \u202e round", '"turned � round"'),
        ("می‌خواهم", '"می‌خواهم"'),  # a joiner that Persian words need
        ("word " * 10_000, '"' + ("word " * 12)[:59].rstrip() + '…"'),
    ],
)
def test_a_text_becomes_one_harmless_line(text: str, shown: str) -> None:
    assert shortened(text) == shown
