"""The audit: every broken data set is found and named with its row, and what is clean raises no alarm."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from data.audit.audit import audit
from data.errors import DataError
from data.findings import RULES, Finding, Severity
from data.load import prepare
from data.prepared import PreparedDataset
from data.spec import DatasetSpec, SplitSpec
from data.splits.leaks import LeakRules

BROKEN = Path(__file__).resolve().parents[1] / "broken"


def csv_file(path: Path, header: list[str], rows: Sequence[tuple[object, ...]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def load(source: Path, cache: Path, leaks: LeakRules | None = LeakRules(), **options: Any) -> PreparedDataset:  # noqa: B008
    return prepare(DatasetSpec(source=str(source), **options), SplitSpec(), cache, leaks=leaks)


def found_in(prepared: PreparedDataset, **options: Any) -> dict[str, dict[str, Any]]:
    """Findings by code; each code at most once, but for the wish for more test rows, which is left out."""
    findings = json.loads(json.dumps(audit([prepared], **options)))["datasets"][0]["findings"]
    order = [list(Severity).index(finding["severity"]) for finding in findings]
    assert order == sorted(order)
    by_code = {finding["code"]: finding for finding in findings if finding["code"] != "test.small"}
    assert len(by_code) == sum(finding["code"] != "test.small" for finding in findings)
    return by_code


# One file a finding. Expected are severity, rows, first lines, the lines that they repeat, and what was done; and nothing else.
EXPECTED: dict[str, dict[str, tuple[str, int, list[int], list[int], str]]] = {
    "clean": {},
    "clean_scored": {},
    "clean_negatives": {},
    "leak.pair": {"leak.pair": ("warning", 1, [5], [22], "dropped"), "leak.query": ("warning", 1, [5], [22], "dropped")},
    "leak.pair_scored": {"leak.pair": ("warning", 1, [5], [23], "dropped")},
    "leak.query": {"leak.query": ("warning", 1, [5], [22], "dropped")},
    "leak.near_query": {"leak.near_query": ("warning", 1, [5], [22], "dropped")},
    "leak.near_query_long": {"leak.near_query": ("warning", 1, [6], [23], "dropped")},
    "leak.near_pair": {"leak.near_pair": ("warning", 1, [5], [23], "dropped")},
    "leak.document": {"leak.document": ("info", 1, [23], [], "kept")},
    "leak.sentence": {"leak.sentence": ("info", 1, [23], [], "kept")},
    "duplicate.pair": {"duplicate.pair": ("info", 1, [11], [4], "kept")},
    "duplicate.near": {"duplicate.near": ("info", 1, [11], [4], "kept")},
    "group.positive": {"group.positive": ("info", 2, [4, 11], [11, 4], "masked")},
    "group.query": {"group.query": ("info", 2, [4, 11], [11, 4], "masked")},
    "group.near": {"group.near": ("info", 2, [4, 11], [11, 4], "kept")},
    "pair.equal": {"pair.equal": ("warning", 1, [7], [], "kept")},
    "pair.quoted": {"pair.quoted": ("warning", 16, [2, 3, 4, 5, 6], [], "kept")},
    "pair.low_score": {"pair.low_score": ("warning", 1, [8], [], "kept")},
    "columns.swapped": {"columns.swapped": ("warning", 16, [2, 3, 4, 5, 6], [], "kept")},
    "columns.swapped_long": {"columns.swapped": ("warning", 16, [2, 3, 4, 5, 6], [], "kept")},
    "columns.number": {"columns.number": ("warning", 16, [2, 3, 4, 5, 6], [], "kept")},
    "negative.positive": {"negative.positive": ("warning", 1, [6], [], "kept")},
    "negative.elsewhere": {
        "negative.elsewhere": ("warning", 1, [6], [], "kept"),
        "group.query": ("info", 2, [6, 9], [9, 6], "masked"),
    },
    "score.conflict": {
        "score.conflict": ("warning", 2, [4, 11], [11, 4], "kept"),
        "duplicate.pair": ("info", 1, [11], [4], "kept"),
    },
    "score.constant": {"score.constant": ("warning", 16, [2, 3, 4, 5, 6], [], "kept")},
    "score.two_valued": {"score.two_valued": ("info", 16, [2, 3, 4, 5, 6], [], "kept")},
    "score.saturated": {"score.saturated": ("warning", 16, [2, 3, 4, 5, 6], [], "kept")},
    "text.control": {"text.control": ("warning", 1, [8], [], "kept")},
    "text.mojibake": {"text.mojibake": ("warning", 1, [8], [], "kept")},
    "text.lost": {"text.lost": ("warning", 1, [8], [], "kept")},
    "text.placeholder": {"text.placeholder": ("warning", 1, [8], [], "kept")},
    "text.wordless": {"text.wordless": ("info", 1, [8], [], "kept")},
    "text.long": {"text.long": ("info", 1, [8], [], "kept")},
    "language.mix": {"language.mix": ("info", 2, [], [], "kept")},
    "language.differs": {"language.differs": ("info", 2, [], [], "kept")},
}
REFUSED = {"text.empty": 'line 8, column "document": the text is empty', "score.all_one": "all 24 scores are 0.5"}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_broken_data_set_is_found_and_named_with_its_row_and_nothing_else_is(name: str, tmp_path: Path) -> None:
    found = found_in(load(BROKEN / f"{name}.csv", tmp_path))
    expected = {
        code: (severity, count, [f"{name}.csv:{n}" for n in rows], [f"{name}.csv:{n}" for n in others], done)
        for code, (severity, count, rows, others, done) in EXPECTED[name].items()
    }
    keys = ("severity", "count", "examples", "counterparts", "done")
    assert {code: tuple(finding[key] for key in keys) for code, finding in found.items()} == expected


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_loaded_names_its_row(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as error:
        load(BROKEN / f"{name}.csv", tmp_path)
    assert REFUSED[name] in str(error.value)


def test_every_broken_file_is_expected_and_every_rule_is_tested() -> None:
    assert {path.stem for path in BROKEN.glob("*.csv")} == EXPECTED.keys() | REFUSED.keys()
    elsewhere = {"load.error", "row.bad", "score.same", "test.small", "duplicate.document", "language.unknown"}
    elsewhere |= {"text.endless", "text.truncated", "text.mostly_cut"}
    elsewhere |= {
        "columns.reference",
        "columns.code",
        "columns.address",
        "columns.listed",
        "text.listed",
        "columns.alike",
        "row.swapped",
        "text.html",
    }  # test_plausibility.py
    assert {code for expected in EXPECTED.values() for code in expected} | elsewhere == RULES.keys()


def test_a_finding_as_json_says_all_that_a_reader_needs() -> None:
    found = Finding("leak.pair", "rows of train whose pair is also in test", 3, 60, "train", ["a.csv:2"], ["a.csv:9"], distinct=2)
    assert found.as_json() == {
        "severity": "warning",
        "what": "rows of train whose pair is also in test",
        "count": 3,
        "examples": ["a.csv:2"],
        "code": "leak.pair",
        "split": "train",
        "distinct": 2,
        "share": 0.05,
        "counterparts": ["a.csv:9"],
        "done": "kept",
        "mend": RULES["leak.pair"].hint,
        "hint": RULES["leak.pair"].hint,
        "strict": True,
    }


# Facts, and findings that need more than a small file


def test_facts_about_texts_and_scores(tmp_path: Path) -> None:
    train = [("a", "x"), ("b", "x"), ("c", "c"), ("a", "X "), ("long", "w " * 400)]
    csv_file(tmp_path / "set" / "train.csv", ["query", "document"], train)
    csv_file(tmp_path / "set" / "dev.csv", ["query", "document"], [("A", "other")])
    csv_file(tmp_path / "set" / "test.csv", ["query", "document"], [("b", "x"), ("z", "y")])
    facts = audit([load(tmp_path / "set", tmp_path / "cache", leaks=None)])["datasets"][0]
    assert facts["columns"] == {"anchor": ["query"], "positive": ["document"]}
    assert facts["texts"]["train"]["positive"]["words"]["max"] == 400
    assert facts["texts"]["test"]["anchor"]["characters"] == {"min": 1, "median": 1.0, "mean": 1.0, "p95": 1.0, "max": 1}
    assert facts["documents"]["text"]["words"]["max"] == 400
    assert "w w w" not in json.dumps(facts)
    small = next(finding for finding in facts["findings"] if finding["code"] == "test.small")
    assert (small["severity"], small["count"], small["strict"]) == ("warning", 2, False)

    rows = [("same", "same", 0.1), ("p", "q", 0.2), ("Q", "P", 0.9), ("r", "s", 1.0), ("t", "u", 0.0)]
    for name in ("train", "dev", "test"):
        mine = rows if name == "train" else [(f"{name}1", "r", 0.5)]
        csv_file(tmp_path / "scored" / f"{name}.csv", ["sentence1", "sentence2", "score"], mine)
    facts = audit([load(tmp_path / "scored", tmp_path / "cache")])["datasets"][0]
    assert facts["scores"]["train"] == {"bins": [1, 1, 1, 0, 0, 0, 0, 0, 0, 2], "mean": 0.44, "distinct": 5}
    assert facts["score_range"] == [0, 1]


def test_rows_that_were_left_out_are_named(tmp_path: Path) -> None:
    rows = [(f"question {i}", f"answer {i}") for i in range(20)] + [("k", "")]
    found = found_in(load(csv_file(tmp_path / "t.csv", ["query", "document"], rows), tmp_path / "cache", bad_rows="drop"))
    bad = found["row.bad"]
    assert (bad["severity"], bad["count"], bad["done"]) == ("warning", 1, "dropped")
    assert bad["examples"] == ['t.csv, line 22, column "document": the text is empty']


def test_a_few_broken_texts_among_many_are_a_note(tmp_path: Path) -> None:
    rows = [(f"question {i}", "fÃ¼r das Brot" if i == 7 else f"answer {i} of all", "train") for i in range(60)]
    rows += [("a", "b", "dev"), ("c", "d", "test")]
    found = found_in(load(csv_file(tmp_path / "t.csv", ["query", "document", "split"], rows), tmp_path / "cache"))
    (finding,) = found.values()
    assert (finding["code"], finding["severity"], finding["examples"]) == ("text.mojibake", "info", ["t.csv:9"])


def test_a_disk_without_room_for_the_language_model_ends_no_audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("data.audit.audit.languages", full)
    found = found_in(load(BROKEN / "clean.csv", tmp_path))
    assert list(found) == ["language.unknown"] and "No space left" in found["language.unknown"]["what"]


def test_endless_texts(tmp_path: Path) -> None:
    rows = [(f"question {i}", "x " * 50_001 if i == 3 else f"answer {i}", "test" if i > 15 else "train") for i in range(20)]
    path = csv_file(tmp_path / "t.csv", ["query", "document", "split"], [*rows, ("q", "a", "dev")])
    found = found_in(load(path, tmp_path / "cache"))
    assert found["text.endless"]["examples"] == found["text.long"]["examples"] == ["t.csv:5"]


def test_documents_of_a_corpus_that_repeat_one_another(tmp_path: Path) -> None:
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    texts = [f"text {i} of all" for i in range(30)] + ["Text  4 of all"]
    (folder / "corpus.jsonl").write_text("\n".join(json.dumps({"_id": f"d{i}", "text": text}) for i, text in enumerate(texts)))
    (folder / "queries.jsonl").write_text("\n".join(json.dumps({"_id": f"q{i}", "text": f"query {i}"}) for i in range(30)))
    # the same documents for all splits: shared by nature, no leak
    for name, first in (("train", 0), ("dev", 20), ("test", 24)):
        rows = "".join(f"q{first + i}\td{i}\t1\n" for i in range(20 if name == "train" else 4))
        (folder / "qrels" / f"{name}.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows)
    found = found_in(load(folder, tmp_path / "cache"))
    assert list(found) == ["duplicate.document"]
    assert (found["duplicate.document"]["examples"], found["duplicate.document"]["counterparts"]) == (
        ["document d30"],
        ["document d4"],
    )


class WordTokens:
    """A token a word, two special ones, and one more for the prompt of a query."""

    limit = 8

    def count(self, texts: Sequence[str], role: str) -> list[int]:
        return [len(text.split()) + 2 + (role == "query") for text in texts]


@pytest.mark.parametrize(("words", "code", "share"), [(6, None, 0), (7, "text.truncated", 1.0), (15, "text.mostly_cut", 1.0)])
def test_texts_that_are_cut_by_the_tokenizer(tmp_path: Path, words: int, code: str | None, share: float) -> None:
    rows = [(f"a b c {i} ?", f"{i} " + "x " * (words - 1)) for i in range(20)]
    prepared = load(csv_file(tmp_path / "t.csv", ["query", "document"], rows), tmp_path / "cache")
    found = found_in(prepared, tokens=WordTokens())
    assert list(found) == ([] if code is None else [code])
    facts = audit([prepared], WordTokens())["datasets"][0]["tokens"]["train"]
    assert facts["anchor"]["max"] == 8 and facts["positive"]["max"] == words + 2
    assert facts["positive"]["cut"] / facts["positive"]["sampled"] == share


# The public data sets beside the checkout: what their SOURCE.md records is found, and no other warning


SHARED = {
    "stsb_en": {("leak.pair", "train", 12), ("leak.pair", "train", 7), ("leak.pair", "test", 3)},
    "stsb_de": {("leak.pair", "train", 16), ("leak.pair", "train", 14), ("leak.pair", "test", 7)},
    "sick": {("leak.pair", "train", 73), ("leak.pair", "train", 7), ("leak.pair", "test", 9)},
    "scifact": {("leak.pair", "train", 2), ("leak.query", "train", 2)},
    "banking77": set(),
    "mqp": set(),
    "nl2bash": set(),
    "medquad": set(),
    # 14 questions that stand in the given train and test, word for word, which its SOURCE.md does not record
    "finqa10k": {
        ("row.bad", "train", None),
        ("leak.pair", "train", 1),
        ("leak.query", "train", 14),
    },
}


@pytest.mark.shared
@pytest.mark.parametrize("name", SHARED)
def test_public_data_sets_raise_the_warnings_that_their_source_records(shared_datasets: Path, tmp_path: Path, name: str) -> None:
    findings = audit([load(shared_datasets / name, tmp_path)])["datasets"][0]["findings"]
    warnings = {(one["code"], one["split"], one["distinct"]) for one in findings if one["severity"] != "info"}
    assert warnings == SHARED[name]


@pytest.mark.shared
def test_nfcorpus_has_the_queries_in_common_that_its_source_records(shared_datasets: Path, tmp_path: Path) -> None:
    findings = audit([load(shared_datasets / "nfcorpus", tmp_path)])["datasets"][0]["findings"]
    queries = {(one["split"], one["distinct"]) for one in findings if one["code"] == "leak.query"}
    assert queries == {("train", 4), ("test", 1)}
    assert next(one["count"] for one in findings if one["code"] == "duplicate.document") == 40


def test_the_row_beside_a_conflict_is_one_with_another_score(tmp_path: Path) -> None:
    rows = ["a red car,a blue car,0.2", "a red car,a blue car,0.2", "a red car,a blue car,0.9"]
    rows += [f"sentence {i},other sentence {i},{i % 7 / 7}" for i in range(40)]
    folder = tmp_path / "set"
    folder.mkdir()
    for name, part in (("train", rows), ("dev", ["x y,y z,0.5", "u,v,0.4"]), ("test", ["o p,p q,0.5", "r,s,0.1"])):
        (folder / f"{name}.csv").write_text("\n".join(["sentence1,sentence2,score", *part]) + "\n")
    conflict = found_in(load(folder, tmp_path / "cache"))["score.conflict"]
    assert conflict["examples"] == ["train.csv:2", "train.csv:3", "train.csv:4"]
    assert conflict["counterparts"] == ["train.csv:4", "train.csv:4", "train.csv:2"]


def test_leaks_that_are_kept_are_told_once_where_splits_are_made_here(tmp_path: Path) -> None:
    """Loading told those of train already; splits made here come in another order than given ones."""
    plain = "a wide river flows past the old mill and on to the sea in the far south of the country where we all live"
    rows = [f"{plain} {one} {other},document {one} {other}" for one in "abcdefgh" for other in "abcdefgh"]
    source = tmp_path / "rows.csv"
    source.write_text("\n".join(["query,document", *rows]) + "\n")
    findings = audit([load(source, tmp_path / "cache", LeakRules(drop=False, near=0.7))])["datasets"][0]["findings"]
    leaks = [(one["code"], one["what"]) for one in findings if one["code"].startswith("leak.near")]
    assert {what for _, what in leaks} >= {f"rows of train whose query is nearly in {of}" for of in ("dev", "test")}
    assert len(leaks) == len(set(leaks))
