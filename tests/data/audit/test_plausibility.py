"""Texts that are hardly meant as they stand are named; sound data of every kind is left in peace."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from data.audit.audit import audit
from data.audit.references import kind_of_references, may_refer
from data.audit.suspicions import suspicions
from data.audit.usable import refuse_stand_ins
from data.errors import DataError
from data.findings import Severity
from data.load import prepare
from data.prepared import PreparedDataset
from data.spec import DatasetSpec, SplitSpec

NEW = {"text.listed", "columns.reference", "columns.listed", "columns.alike", "row.swapped", "text.html"}

THINGS = [f"{colour} {thing}" for colour in ("red", "blue", "old", "small", "loud") for thing in ("drill", "pump", "saw", "lamp")]
ASKED = [f"How do I clean the {thing}?" for thing in THINGS]
TOLD = [f"Take the {thing} apart, brush each piece and dry it for a day." for thing in THINGS]


def findings(
    folder: Path, queries: Sequence[str], documents: Sequence[str], spec: dict[str, object] | None = None
) -> dict[str, tuple[str, int]]:
    """Return severity and count of what the audit finds in pairs, of the checks for plausibility."""
    import pandas as pd

    path = folder / "pairs.parquet"
    pd.DataFrame({"query": queries, "document": documents}).to_parquet(path)
    whole = DatasetSpec.model_validate({"source": str(path), **(spec or {}), "train": False})
    found = audit([prepare(whole, SplitSpec(), folder / "cache")])["datasets"][0]["findings"]
    return {one["code"]: (one["severity"], one["count"]) for one in found if one["code"] in NEW}


@pytest.mark.parametrize(
    "documents",
    [
        [f"guides/{thing.replace(' ', '-')}.md" for thing in THINGS],
        [f"{thing.replace(' ', '_')}.PDF" for thing in THINGS],
        [f"doc_{number:04}" for number in range(20)],
        [f"d{number}" for number in range(3, 23)],
        [f"faq-{number}#0" for number in range(20)],
        [f"{number:08x}-1111-4222-8333-{number * 7919:012x}" for number in range(20)],
        [f"{number * 7919 + 10**9:x}0123456789abcdef" for number in range(20)],
    ],
    ids=["paths", "files", "ids", "short ids", "parts", "uuids", "digests"],
)
def test_names_and_ids_for_documents_are_errors(tmp_path: Path, documents: list[str]) -> None:
    for queries, texts in ((ASKED, documents), (documents, TOLD)):  # ids for queries are no better
        assert findings(tmp_path, queries, texts, {"literal": True}) == {}
        try:  # names of files are looked up when the file is read, and refused there
            found = findings(tmp_path, queries, texts)
        except DataError as error:
            assert "data.literal=true" in str(error)
        else:
            assert found == {"columns.reference": (str(Severity.ERROR), 20)}


def test_what_is_judged_without_an_audit_is_looked_at_too(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_text("query,document\n" + "\n".join(f"{text},doc_{i}" for i, text in enumerate(ASKED)), encoding="utf-8")

    def judged(**options: object) -> PreparedDataset:
        spec = DatasetSpec.model_validate({"source": str(path), "train": False, **options})
        return prepare(spec, SplitSpec(), tmp_path / "cache")

    with pytest.raises(DataError, match=r"test: the text \(positive\) is an id .*faq.csv:2(?s:.*)data.literal=true"):
        refuse_stand_ins(judged())
    refuse_stand_ins(judged(literal=True))


@pytest.mark.parametrize(
    "documents",
    [
        [f"tar -xzf {thing.replace(' ', '_')}.tar.gz" for thing in THINGS],
        [f"cat {thing.replace(' ', '_')}.txt" for thing in THINGS],
        [f"ls *.{suffix}" for suffix in "abcdefghijklmnopqrst"],
        [f"[ -f {thing.split()[0]}.md ] && rm {thing.split()[1]}.txt" for thing in THINGS],
        [f"{'BDFG'[number % 4]}R-{1000 + number * 37}" for number in range(20)],
        [f"P{1000 + number * 13}" for number in range(20)],
        [str(4006381333900 + number) for number in range(20)],
        [f"{thing.title()} GmbH" for thing in THINGS],
        [thing.replace(" ", ".") for thing in THINGS],
        [f"https://example.org/{thing.replace(' ', '/')}" for thing in THINGS],
        [f"os.path.{thing.replace(' ', '_')}" for thing in THINGS],
        [f"{thing.replace(' ', '_')}.py" for thing in THINGS],
        [f"def {thing.replace(' ', '_')}(): return [1, 2]" for thing in THINGS],
        [f"[{thing}]" for thing in THINGS],
        [f"[PART] {thing} [END]" for thing in THINGS],
        [f"[{number}, {number + 1}]" for number in range(20)],
        [f"<{thing.replace(' ', '|')}> & more" for thing in THINGS],
        [f"List<{thing.title().replace(' ', '')}> a = b && c;" for thing in THINGS],
        ["yes", "no", "perhaps", "never"] * 5,
        [f"Have you tried to oil the {thing}? If not, do so first, and then call the shop." for thing in THINGS],
    ],
)
def test_commands_codes_names_and_the_like_are_texts(tmp_path: Path, documents: list[str]) -> None:
    assert findings(tmp_path, ASKED, documents) == {}
    assert findings(tmp_path, [f"{thing} wanted" for thing in THINGS], documents) == {}


def test_sound_questions_and_keywords_are_left_in_peace(tmp_path: Path) -> None:
    mixed = [text if number % 4 else THINGS[number] for number, text in enumerate(ASKED)]
    assert findings(tmp_path, ASKED, TOLD) == findings(tmp_path, mixed, TOLD) == {}
    assert findings(tmp_path, ASKED, [f"What is the best way to clean a {thing}?" for thing in THINGS]) == {}


@pytest.mark.parametrize(
    "write",
    [lambda a, b: f"['{a}', '{b}']", lambda a, b: f'["{a}", "{b}"]', lambda a, b: f"['{a}' '{b}']"],
    ids=["python", "json", "numpy"],
)
def test_lists_written_as_texts_are_read(tmp_path: Path, write) -> None:
    documents = [write(told, thing) for told, thing in zip(TOLD, THINGS, strict=True)]

    assert findings(tmp_path, ASKED, documents) == {}
    rows = prepare(DatasetSpec(source=str(tmp_path / "pairs.parquet"), train=False), SplitSpec(), tmp_path / "cache").splits[
        "test"
    ]
    assert sorted(rows["positive"]) == sorted([*TOLD, *THINGS])  # read as lists before the audit sees them


def test_lists_that_nobody_read_are_errors() -> None:
    """Where rows come from a source that reads no lists, the texts themselves show it."""
    table = Dataset.from_dict({"anchor": ASKED, "positive": [str([text]) for text in TOLD]})
    assert [(code, int(mask.sum())) for code, _, mask in suspicions(table)] == [("columns.listed", 20)]


@pytest.mark.parametrize(("listed", "said"), [(0, False), (1, True), (10, True)])
def test_some_lists_among_texts_are_a_warning(tmp_path: Path, listed: int, said: bool) -> None:
    documents = [str([text, "Oil it."]) if number < listed else text for number, text in enumerate(TOLD)]

    assert findings(tmp_path, ASKED, documents) == ({"text.listed": (str(Severity.WARNING), listed)} if said else {})


def test_one_document_for_most_rows_and_texts_with_a_common_frame(tmp_path: Path) -> None:
    one = ["Please call the shop." if number < 12 else text for number, text in enumerate(TOLD)]
    frame = "Thank you for writing to our shop, we are glad to help you with everything that you have bought from us. "
    framed = [f"{frame}{thing}. {frame}" for thing in THINGS]

    assert findings(tmp_path, ASKED, one) == {"columns.alike": (str(Severity.WARNING), 12)}
    assert findings(tmp_path, ASKED, framed) == {"columns.alike": (str(Severity.WARNING), 20)}
    assert findings(tmp_path, ASKED, [f"Take it. {text}" for text in TOLD]) == {}


def test_a_single_row_the_other_way_round_is_named(tmp_path: Path) -> None:
    queries, documents = list(ASKED), list(TOLD)
    queries[7], documents[7] = documents[7], queries[7]

    assert findings(tmp_path, queries, documents) == {"row.swapped": (str(Severity.WARNING), 1)}


@pytest.mark.parametrize(("tagged", "severity"), [(0, None), (1, Severity.INFO), (2, Severity.WARNING), (20, Severity.WARNING)])
def test_html_that_was_left_in(tmp_path: Path, tagged: int, severity: Severity | None) -> None:
    documents = [f"<p>{text}</p>" if number < tagged else text for number, text in enumerate(TOLD)]

    expected = {} if severity is None else {"text.html": (str(severity), tagged)}
    assert findings(tmp_path, ASKED, documents) == expected
    entities = [text.replace(" ", "&nbsp;") if number < tagged else text for number, text in enumerate(TOLD)]
    assert findings(tmp_path, ASKED, entities) == expected


@given(st.lists(st.text(alphabet="abcdefghij ", min_size=3, max_size=40), min_size=1, max_size=20))
def test_words_are_never_references(texts: list[str]) -> None:
    assert not any(may_refer(f"see {text}") for text in texts)


def test_codes_that_jump_about_are_no_running_numbers() -> None:
    numbers = np.random.default_rng(0).choice(100_000, size=50, replace=False)
    assert kind_of_references([f"art{number}" for number in numbers]) is None
    assert kind_of_references([f"art{number}" for number in range(50)]) == "an id (a running number)"


def test_texts_that_are_meant_as_they_stand_keep_their_brackets(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "pairs.parquet"
    documents = [f'["{thing}"]' if number % 2 else f'{{"text": "{thing}"}}' for number, thing in enumerate(THINGS)]
    pd.DataFrame({"query": ASKED, "document": documents}).to_parquet(path)

    spec = DatasetSpec(source=str(path), literal=True, train=False)
    assert prepare(spec, SplitSpec(), tmp_path / "cache").splits["test"]["positive"][:] == documents
