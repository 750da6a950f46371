"""Texts that are hardly meant as they stand are named; sound data of every kind is left in peace."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st

from data.audit.audit import audit
from data.audit.references import kind_of_references, may_refer
from data.audit.suspicions import suspicions
from data.audit.usable import LOOKED_AT, refuse_stand_ins
from data.errors import DataError
from data.findings import Severity
from data.load import prepare
from data.prepared import PreparedDataset
from data.spec import DatasetSpec, SplitSpec

NEW = {
    "text.listed",
    "columns.reference",
    "columns.code",
    "columns.address",
    "columns.listed",
    "columns.alike",
    "row.swapped",
    "text.html",
}

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
        [f"{thing.title()}.docx" for thing in THINGS],
        [f"Manual of the {thing}.pdf" for thing in THINGS],
        [f"C:\\Docs\\{thing}.docx" for thing in THINGS],
        [f"img_{number:04}.jpg" for number in range(20)],
        [f"calls/{thing.replace(' ', '_')}.MP3" for thing in THINGS],
        [f"setup.md#{thing.replace(' ', '-')}" for thing in THINGS],
        [f"manual.pdf_page_{number}_chunk_{number % 3}" for number in range(20)],
        [f"Manual.pdf, page {number + 1}" for number in range(20)],
        [f"s3://shop/docs/{number * 977}.txt" for number in range(20)],
        [f"https://example.org/files/{number * 977}.pdf" for number in range(20)],
        [f"ObjectId('64b{number:021x}')" for number in range(20)],
        [f"01H5Z{'ABCDEFGHJK'[number % 10] * 3}{number:02}KMNPQRSTVWXYZ012" for number in range(20)],
        [f"3.6000{number:02}E+11" for number in range(20)],
        [f"d{number}, d{number + 1}" for number in range(20)],
        [
            f"{number:08x}-1111-4222-8333-{number * 7919:012x}; {number + 1:08x}-1111-4222-8333-000000000000"
            for number in range(20)
        ],
        [f"Document {number}" for number in range(20)],
        [f"Doc #{number}" for number in range(20)],
        [f"Antwort {number}" for number in range(20)],
        [f"§ {number} Abs. 2" for number in range(20)],
        [f"Art. {number}" for number in range(20)],
        [f"p. {number}" for number in range(20)],
        [f"doc{number}#chunk{number % 3}" for number in range(20)],
        [f"Документ {number}" for number in range(20)],
        [f"文档{number}" for number in range(20)],
    ],
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


@pytest.mark.parametrize(
    ("documents", "code"),
    [
        ([f"https://help.example.org/articles/{360000 + number}-permits" for number in range(20)], "columns.address"),
        (
            [f"https://help.example.org/{number * 31}/{thing.replace(' ', '-')}" for number, thing in enumerate(THINGS)],
            "columns.address",
        ),
        ([f"https://example.org/faq?id={number * 7}" for number in range(20)], "columns.address"),
        ([f"https://example.org/wiki/{thing.title().replace(' ', '_')}.html" for thing in THINGS], "columns.address"),
        ([f"/wiki/spaces/shop/pages/{98000 + number}" for number in range(20)], "columns.address"),
        ([f"SUP-{100 + number * 3}" for number in range(20)], "columns.code"),
        ([f"10.1093/shop/gkx{1000 + number * 7}" for number in range(20)], "columns.code"),
        ([f"B0{number * 79190 + 1234567:08}" for number in range(20)], "columns.code"),
        ([f"urn:isbn:97831{number:08}" for number in range(20)], "columns.code"),
        ([f"gs://shop/pages/{number * 977}" for number in range(20)], "columns.code"),
        ([f"faq/{thing.replace(' ', '-')}.json" for thing in THINGS], "columns.code"),
        ([f"1aBcD{number:02}EfGh3jKlMn0pQrStUvWxYz_012345678" for number in range(20)], "columns.code"),
        ([f"Entry {number}" for number in range(20)], "columns.code"),
        ([f"row {number}" for number in range(20)], "columns.code"),
        ([f"P{number}" for number in range(20)], "columns.code"),
        ([f"INC{12000 + number * 3:07}" for number in range(20)], "columns.code"),
        ([f"PMID: {17000000 + number * 913}" for number in range(20)], "columns.code"),
        ([f"arXiv:2305.{10000 + number * 31}" for number in range(20)], "columns.code"),
        ([f"[{number}]" for number in range(20)], "columns.code"),
        ([f"#{number + 100}" for number in range(20)], "columns.code"),
        ([f"第{number}条" for number in range(20)], "columns.code"),
    ],
)
def test_what_may_stand_for_another_text_is_a_warning(tmp_path: Path, documents: list[str], code: str) -> None:
    assert findings(tmp_path, ASKED, documents) == {code: (str(Severity.WARNING), 20)}
    assert findings(tmp_path, ASKED, documents, {"literal": True}) == {}
    table = Dataset.from_dict({"anchor": ASKED, "positive": TOLD, "negative_1": documents})
    assert [(found.code, "(negative_1)" in found.what) for found in suspicions(table)] == [(code, True)]


@pytest.mark.parametrize(
    ("queries", "documents", "said"),
    [
        ([f"When was the {thing} invented?" for thing in THINGS], [str(1800 + number * 7) for number in range(20)], False),
        ([f"When was the {thing} sold?" for thing in THINGS], [str(2004 + number % 12) for number in range(20)], False),
        ([f"{number} + {number * 3} =" for number in range(20)], [str(number * 4) for number in range(20)], False),
        (ASKED, [str(number) for number in range(20)], True),
        (ASKED, [str(1000 + number) for number in range(20)], True),
        (ASKED, [str(number % 2) for number in range(20)], True),
        ([str(number * 4) for number in range(20)], [f"{number} + {number * 3} =" for number in range(20)], True),
    ],
)
def test_numbers_that_queries_ask_for_are_texts(queries: list[str], documents: list[str], said: bool) -> None:
    found = {one.code for one in suspicions(Dataset.from_dict({"anchor": queries, "positive": documents}))}
    assert ("columns.number" in found) is said


def test_what_is_judged_without_an_audit_is_looked_at_too(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    path.write_text("query,document\n" + "\n".join(f"{text},doc_{i}" for i, text in enumerate(ASKED)), encoding="utf-8")

    def judged(**options: object) -> PreparedDataset:
        spec = DatasetSpec.model_validate({"source": str(path), "train": False, **options})
        return prepare(spec, SplitSpec(), tmp_path / "cache")

    with pytest.raises(DataError, match=r"test: the text \(positive\) is an id .*faq.csv:2(?s:.*)data.literal=true"):
        refuse_stand_ins(judged())
    refuse_stand_ins(judged(literal=True))


def test_of_many_rows_a_sample_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "faq.csv"
    for document, refused in (("doc_{}", True), ("put it on shelf {} of the cellar", False)):
        rows = "\n".join(f"where is part {i} kept,{document.format(i)}" for i in range(2 * LOOKED_AT + 1))
        path.write_text(f"query,document\n{rows}", encoding="utf-8")
        data = prepare(DatasetSpec(source=str(path), train=False), SplitSpec(), tmp_path / "cache")
        with pytest.raises(DataError, match="is an id") if refused else nullcontext():
            refuse_stand_ins(data)


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
        [f"vim {thing.replace(' ', '_')}.md" for thing in THINGS],
        [f"cp -r {thing.split()[0]} {thing.split()[1]}.txt" for thing in THINGS],
        [f"{verb} {thing.split()[1]}.txt" for verb in ("cat", "rm", "less", "wc") for thing in THINGS[::4]],
        [f"open the {thing}.docx" for thing in THINGS],
        [f"https://{thing.replace(' ', '')}.example/" for thing in THINGS],
        [f"https://www.{thing.replace(' ', '')}.example/about" for thing in THINGS],
        [f"{thing.replace(' ', '.')}@example.org" for thing in THINGS],
        [f"SKU-{number}" for number in range(20)],
        [f"Room {100 + number}" for number in range(20)],
        [f"since {1990 + number}" for number in range(20)],
        [f"May {1990 + number}" for number in range(20)],
        [f"EUR {number}" for number in range(20)],
        [f"#{number * 811111 % 16777216:06x}" for number in range(20)],
        [thing.replace(" ", "-") for thing in THINGS],
        [thing.title().replace(" ", "_") for thing in THINGS],
        [f"get{thing.title().replace(' ', '')}ById2" for thing in THINGS],
        [f"R{number // 10}.{number % 10}" for number in range(20)],
        [f"2026-03-{number + 1:02}" for number in range(20)],
        [f"Q{number * 171 + 3}" for number in range(20)],
        [f"/{thing.replace(' ', '/')}" for thing in THINGS],
        [f"GET /{thing.replace(' ', '/')}/1" for thing in THINGS],
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


@pytest.mark.parametrize(
    ("tagged", "severity"), [(0, None), (1, Severity.INFO), (2, Severity.INFO), (3, Severity.WARNING), (20, Severity.WARNING)]
)
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
    assert kind_of_references([f"art{number}" for number in range(50)]) == ("an id (a running number)", "columns.reference")


def test_texts_that_are_meant_as_they_stand_keep_their_brackets(tmp_path: Path) -> None:
    import pandas as pd

    path = tmp_path / "pairs.parquet"
    documents = [f'["{thing}"]' if number % 2 else f'{{"text": "{thing}"}}' for number, thing in enumerate(THINGS)]
    pd.DataFrame({"query": ASKED, "document": documents}).to_parquet(path)

    spec = DatasetSpec(source=str(path), literal=True, train=False)
    assert prepare(spec, SplitSpec(), tmp_path / "cache").splits["test"]["positive"][:] == documents
