"""Sound files that look a little like broken ones: each is read as what it is, with every row, and nothing is said against it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from data.audit.audit import audit
from data.load import prepare
from data.schema import RowKind
from data.spec import DatasetSpec, SplitSpec

ROWS = 40
THINGS = [f"{colour} {thing}" for colour in ("red", "blue", "old", "small", "loud") for thing in ("drill", "pump", "saw", "lamp")]
THINGS += [f"{thing} number {letter}" for thing in ("ladder", "vice") for letter in "abcdefghij"]
ASKED = [f"How do I look after the {thing}?" for thing in THINGS]
TOLD = [f"Oil it well. That of the {thing} is kept in drawer {number}." for number, thing in enumerate(THINGS)]


def table(header: Sequence[str], columns: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([header, *zip(*columns, strict=True)])
    return text.getvalue()


def beside(name: str, value: Callable[[int], object]) -> tuple[str, str]:
    return f"{name}.csv", table(["query", "document", name], [ASKED, TOLD, [value(number) for number in range(ROWS)]])


SOUND = dict(
    [
        beside("votes", lambda i: i * i % 17),
        beside("rank", lambda i: i % 10 + 1),
        beside("page", lambda i: i % 3 + 1),
        beside("idx", lambda i: i),
        beside("date", lambda i: f"2026-0{i % 9 + 1}-11"),
        beside("lang", lambda i: ("en", "de")[i % 2]),
        beside("url", lambda i: f"https://example.org/{i}.html"),
        beside("id", lambda i: f"doc_{i}"),
        beside("price", lambda i: f"{i},99"),
        beside("source", lambda i: ("forum", "manual")[i % 2]),
        beside("author", lambda i: f"Ann {i % 5}"),
        beside("year", lambda i: 2000 + i % 4),
        beside("length", lambda i: len(TOLD[i])),
        beside("version", lambda i: i % 2 + 1),
        beside("comment", lambda i: "" if i % 3 else "see the manual"),
        beside("file", lambda i: f"manual-{i}.md"),
        ("commands.csv", table(["query", "document"], [ASKED, [f"cat {t.replace(' ', '_')}.md | wc -l" for t in THINGS]])),
        ("globs.csv", table(["query", "document"], [ASKED, [f"ls {t.replace(' ', '_')}*.txt" for t in THINGS]])),
        ("tests.csv", table(["query", "document"], [ASKED, [f"[ -f {t.split()[0]}{i} ] && ls" for i, t in enumerate(THINGS)]])),
        ("codes.csv", table(["query", "document"], [ASKED, [f"{'BDFG'[i % 4]}R-{1000 + i * 37}" for i in range(ROWS)]])),
        (
            "numbers.csv",
            table(
                ["query", "document"], [[f"code of the {t}" for t in THINGS], [f"EAN {4006381333900 + i}" for i in range(ROWS)]]
            ),
        ),
        (
            "names.csv",
            table(["query", "document"], [[t.title() for t in THINGS], [f"{t.title()} GmbH & Co. KG" for t in THINGS]]),
        ),
        ("tags.csv", table(["query", "document"], [[f"[SHOP] {t}" for t in ASKED], [f"[PART] {t} [END]" for t in TOLD]])),
        ("yes.csv", table(["query", "document"], [ASKED, [f"Yes, {t}" if i % 2 else f"No, {t}" for i, t in enumerate(TOLD)]])),
        ("target.csv", table(["source", "target"], [ASKED, TOLD])),
        ("sep.csv", table(["query", "document"], [[f"sep={t}" for t in ASKED], TOLD])),
        ("code.csv", table(["query", "document"], [ASKED, [f"def f{i}(a): return [a, '{t}']" for i, t in enumerate(THINGS)]])),
        ("objects.csv", table(["query", "document"], [ASKED, [f"{t} {{see {i}}}" for i, t in enumerate(TOLD)]])),
        (
            "pairs.jsonl",
            "".join(
                json.dumps({"query": a, "document": b, "meta": {"page": 1}}) + "\n" for a, b in zip(ASKED, TOLD, strict=True)
            ),
        ),
        (
            "tagged.jsonl",
            "".join(json.dumps({"query": a, "document": b, "tags": ["x", "y"]}) + "\n" for a, b in zip(ASKED, TOLD, strict=True)),
        ),
        (
            "dotted.jsonl",
            "".join(json.dumps({"query": a, "document": b, "a.b": 1}) + "\n" for a, b in zip(ASKED, TOLD, strict=True)),
        ),
    ]
)


@pytest.mark.parametrize("name", SOUND)
def test_pairs_with_something_beside_them_stay_pairs(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(SOUND[name], encoding="utf-8")
    said: list[str] = []

    found = prepare(DatasetSpec(source=str(tmp_path / name)), SplitSpec(), tmp_path / "cache", said.append)

    assert found.kind is RowKind.PAIR
    assert sum(len(one) for one in found.splits.values()) == ROWS
    texts = {row["positive"] for one in found.splits.values() for row in one}
    last = json.loads(SOUND[name].splitlines()[-1])["document"] if name.endswith("jsonl") else SOUND[name]
    assert all(text in SOUND[name].replace('""', '"') for text in texts) and any(text in last for text in texts)
    assert [note for note in found.recognised.notes if "taken to belong together" not in note] == []
    warnings = {one["code"] for one in audit([found])["datasets"][0]["findings"] if one["severity"] != "info"}
    assert warnings <= {"test.small", "pair.quoted"}


def test_numbers_under_the_name_of_a_score_are_scores(tmp_path: Path) -> None:
    text = table(["sentence1", "sentence2", "score"], [ASKED, TOLD, [number % 6 for number in range(ROWS)]])
    (tmp_path / "scored.csv").write_text(text, encoding="utf-8")

    found = prepare(DatasetSpec(source=str(tmp_path / "scored.csv")), SplitSpec(), tmp_path / "cache")

    assert found.kind is RowKind.SCORED and found.recognised.score_range == (0, 5) and not found.recognised.notes
