"""Forms of JSON files: whatever tools write for a table is read as one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.source_files import message, opened, texts, write

TWO = [["boil an egg", "seven minutes"], ["fry an egg", "three minutes"]]
OBJECTS = [{"query": query, "document": document} for query, document in TWO]
COLUMNS = {"query": [query for query, _ in TWO], "document": [document for _, document in TWO]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"data": OBJECTS}, ""),
        ({"version": "1.1", "rows": OBJECTS}, "the rows are under 'rows'"),
        ({"examples": OBJECTS, "count": 2}, "the rows are under 'examples'"),
        (COLUMNS, "read as an object of columns"),
        ({name: {str(i): cell for i, cell in enumerate(cells)} for name, cells in COLUMNS.items()}, "an object of columns"),
        ({"columns": ["query", "document"], "index": [0, 1], "data": TWO}, '"columns" names their columns'),
        ({"schema": {"fields": []}, "data": [{"index": i, **row} for i, row in enumerate(OBJECTS)]}, "not used: index (0, 1)"),
        ({f"doc-{i}": row for i, row in enumerate(OBJECTS)}, "one row under each key ('doc-0', 'doc-1' ...)"),
        ({str(i): row for i, row in enumerate(OBJECTS)}, "one row under each key"),
        (TWO, "each row is an array, read by its order as anchor, positive"),
        ([["query", "document"], *TWO], ""),
        ([*OBJECTS, {}], ""),
    ],
)
def test_a_whole_file(tmp_path: Path, content: object, said: str) -> None:
    source = opened(write(tmp_path / "p.json", json.dumps(content)))
    assert texts(source) == TWO
    assert any(said in line for line in source.recognised.lines())


def test_splits_in_one_file(tmp_path: Path) -> None:
    source = opened(write(tmp_path / "p.json", json.dumps({"train": OBJECTS, "validation": OBJECTS[:1]})))
    assert {split: texts(source, split) for split in source.splits()} == {"train": TWO, "dev": TWO[:1]}
    assert "the splits are 'train' and 'validation'" in "\n".join(source.recognised.lines())


def test_lines_of_arrays_may_begin_with_the_names(tmp_path: Path) -> None:
    lines = [["score", "sentence1", "sentence2"], [1, "a", "b"], [0.5, "c", "d"], [0, "e", "f"]]
    path = write(tmp_path / "p.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    assert texts(opened(path)) == [["a", "b"], ["c", "d"], ["e", "f"]]
    assert "p.jsonl, line 5: 2 values, but the first line names 3 columns" in message(
        write(path, path.read_text(encoding="utf-8") + '["x", 2]\n')
    )


def test_empty_objects_cost_nothing(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", "".join(f"{json.dumps(row)}\n" for row in [{}, OBJECTS[0], {}, OBJECTS[1], {}]))
    assert texts(opened(path)) == TWO


LINES = [json.dumps(row) for row in OBJECTS]


@pytest.mark.parametrize("name", ["p.jsonl", "p.json", "p.ndjson"])
@pytest.mark.parametrize(
    "content",
    [
        ",\n".join(LINES) + ",\n",
        ",\n".join(LINES) + "\n",
        "".join(LINES),
        " ".join(LINES),
        "\n".join(json.dumps(row, indent=2) for row in OBJECTS),
        json.dumps(OBJECTS),
        json.dumps(OBJECTS, indent=1),
        "[\n" + ",\n".join(LINES) + ",\n]\n",
        "[\n" + ",\n".join(LINES),
        "\n\n" + ",\n".join(LINES) + "\n",
    ],
)
def test_rows_that_are_no_lines(tmp_path: Path, name: str, content: str) -> None:
    source = opened(write(tmp_path / name, content))
    assert texts(source) == TWO
    sound = name == "p.json" and json_is_sound(content)
    assert sound or any("passed over" in note or "one after another" in note for note in source.recognised.notes)


def json_is_sound(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_advice_never_ends_in_a_file_without_rows(tmp_path: Path) -> None:
    path = write(tmp_path / "p.jsonl", "query: boil an egg\nquery: fry an egg\n")
    error = message(path, bad_rows="drop")
    assert "line 1" in error
    assert 'write each row on a line of its own, such as {"query": "...", "document": "..."}' in error


SQUAD = {
    "version": "2.0",
    "data": [
        {
            "title": "eggs",
            "paragraphs": [
                {
                    "context": answer,
                    "qas": [
                        {"id": question, "question": question, "answers": [{"text": "minutes", "answer_start": 6}]},
                        {"id": "x", "question": "who?", "is_impossible": True, "answers": []},
                    ],
                }
                for question, answer in TWO
            ],
        }
    ],
}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (SQUAD, "read as SQuAD: each question belongs to the context of its paragraph; 2 questions are left out"),
        ({"took": 3, "hits": {"total": 2, "hits": [{"_id": "0", "_source": row} for row in OBJECTS]}}, "under 'hits.hits'"),
        ({"data": {"faqs": {"edges": [{"node": row} for row in OBJECTS]}}}, "under 'data.faqs.edges'"),
        ({name: {str(3 * i): cell for i, cell in enumerate(cells)} for name, cells in COLUMNS.items()}, "object of columns"),
        ({f"How do I {question}?": answer for question, answer in TWO}, "each key is read as a question"),
        (
            {
                "@context": "https://schema.org",
                "@type": "FAQPage",
                "mainEntity": [
                    {"@type": "Question", "name": q, "acceptedAnswer": {"@type": "Answer", "text": a}} for q, a in TWO
                ],
            },
            'the questions under "mainEntity"',
        ),
        ([{"type": "header"}, {"type": "table", "name": "faq", "data": OBJECTS}], "those of the table 'faq'"),
    ],
)
def test_known_formats(tmp_path: Path, content: object, said: str) -> None:
    source = opened(write(tmp_path / "p.json", json.dumps(content)))
    assert [[query.removeprefix("How do I ").removesuffix("?"), text] for query, text in texts(source)] == TWO
    assert any(said in line for line in source.recognised.lines())


def test_questions_without_an_answer_alone(tmp_path: Path) -> None:
    content = json.loads(json.dumps(SQUAD).replace('"answers"', '"is_impossible": true, "answers"'))
    assert "all 4 questions are marked as having no answer in their context" in message(
        write(tmp_path / "p.json", json.dumps(content))
    )


def test_an_object_of_names_and_texts_is_not_guessed(tmp_path: Path) -> None:
    assert "neither an array of objects" in message(write(tmp_path / "p.json", json.dumps({"d0": "a text", "d1": "another"})))
