"""Words that programs write where there is no negative."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.source_files import message, opened, texts, write


def table(path: Path, *negatives: object, positive: str = "p") -> Path:
    rows = [{"query": f"q{i}", "positive": f"{positive}{i}", "negative": negative} for i, negative in enumerate(negatives)]
    return write(path, "".join(f"{json.dumps(row)}\n" for row in rows))


@pytest.mark.parametrize("word", [r"\N", "-", "NA", "None", "null", "nan", "N/A", "<NA>", "—", "NULL"])
def test_a_word_for_nothing_is_no_negative(tmp_path: Path, word: str) -> None:
    path = table(tmp_path / "p.jsonl", "n0", word, "n2")
    error = message(path)
    assert "the text is missing: the cell holds" in error
    assert "1 of 3 rows lacks the negative" in error
    assert "leave such rows out (2 of 3 stay): data.bad_rows=drop" in error
    source = opened(path, bad_rows="drop")
    assert texts(source) == [["q0", "p0", "n0"], ["q2", "p2", "n2"]]
    assert any(note.startswith("negatives: 1 cell counts as blank, with") for note in source.recognised.notes)


def test_in_lists(tmp_path: Path) -> None:
    source = opened(table(tmp_path / "p.jsonl", ["n0", "m0"], ["NULL", "n1"], ["n2", "m2"]))
    assert texts(source) == [["q0", "p0", "n0", "m0"], ["q1", "p1", "n1", "n1"], ["q2", "p2", "n2", "m2"]]


def test_a_column_of_nothing_else_is_passed_over(tmp_path: Path) -> None:
    assert texts(opened(table(tmp_path / "p.jsonl", "NULL", "NULL"))) == [["q0", "p0"], ["q1", "p1"]]


@pytest.mark.parametrize("options", [{"literal": True}, {}])
def test_such_a_word_may_be_a_text(tmp_path: Path, options: dict[str, object]) -> None:
    """With `literal`, and where a text to find is one, as the code of Namibia is."""
    path = table(tmp_path / "p.jsonl", "NA", "ZA")
    if not options:
        path = write(tmp_path / "c.csv", "query,positive,negative\nNamibia,NA,ZA\nZambia,ZM,NA\n")
    assert [row[2] for row in texts(opened(path, **options))] == (["NA", "ZA"] if options else ["ZA", "NA"])


def test_the_fingerprint_is_another(tmp_path: Path) -> None:
    path = table(tmp_path / "p.jsonl", "n0", "NULL")
    assert opened(path, bad_rows="drop").fingerprint() != opened(path, bad_rows="drop", literal=True).fingerprint()
