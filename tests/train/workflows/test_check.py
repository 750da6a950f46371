"""`embed-tune check` as people meet it, and what a run does with the audit."""

from __future__ import annotations

import csv
import html
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from data.errors import DataError, EmbedTuneError
from tests.data.audit.test_audit import BROKEN
from tests.support.forked import ForkServer
from train.cli.app import main
from train.config.load import load_config
from train.config.schema import JudgeSettings
from train.console import heard_by
from train.plan.audit import obey_strict
from train.workflows.check import AuditReport, CheckFailed, check_data


def report(*words: str, data: str | list[str], tokens: bool = False, output: Path | None = None) -> AuditReport:
    return check_data(load_config(None, data=data, overrides=words, kind=JudgeSettings), tokens=tokens, output=output)


def check(*words: str, data: str | list[str], tokens: bool = False, output: Path | None = None) -> dict[str, Any]:
    """The audit of data that a training would accept, as the command does it."""
    found = report(*words, data=data, tokens=tokens, output=output)
    found.raise_failures()
    return found.to_dict()


def test_findings_are_put_into_words_with_rows_what_was_done_and_what_helps(in_tmp: Path) -> None:
    found = report(data=str(BROKEN / "leak.query.csv"), output=in_tmp / "out")
    printed = str(found)
    assert (
        "rows of train whose query is also in test: 1 (6.2%), dropped, for instance leak.query.csv:5 (as leak.query.csv:22)"
        in printed
    )
    assert "What to do: no model may be judged on what it was trained on" in printed
    assert "0 errors, 2 warnings, 0 notes" in printed
    assert json.loads((in_tmp / "out" / "audit.json").read_text()) == found.to_dict()
    assert printed == (in_tmp / "out" / "audit.txt").read_text() + f"audit: {in_tmp / 'out' / 'audit.json'}"
    with pytest.raises(EmbedTuneError, match="something is there already"):
        check(data=str(BROKEN / "clean.csv"), output=in_tmp / "out")


@pytest.mark.parametrize("name", ["clean", "row.bad"])
def test_nothing_is_printed_and_the_command_prints_what_the_result_says(
    in_tmp: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    rows = [f"question {i},{'' if name == 'row.bad' and i == 3 else f'answer {i}'}" for i in range(30)]
    write(in_tmp / "t.csv", "query,document", *rows)
    with heard_by(None):
        found = report(data="t.csv")
    assert capsys.readouterr() == ("", "")
    assert found.ok == (name == "clean") and found.folder is None
    for words, out in ((["--no-tokens"], f"\n{found}\n"), (["--no-tokens", "--json"], None)):
        if found.ok:
            main(["check", "t.csv", *words])
        else:
            with pytest.raises(SystemExit):
                main(["check", "t.csv", *words])
        printed = capsys.readouterr().out
        assert json.loads(printed) == found.to_dict() if out is None else printed.endswith(out)


def test_the_table_has_a_row_for_each_finding(in_tmp: Path) -> None:
    found = report(data=[str(BROKEN / "leak.query.csv"), str(BROKEN / "text.lost.csv")])
    rows = found.to_pandas().to_dict("records")
    expected = [(one["name"], finding["code"], finding["count"]) for one in found.datasets for finding in one["findings"]]
    assert [(row["dataset"], row["code"], row["count"]) for row in rows] == expected
    assert all(row["hint"] for row in rows)


def test_a_text_of_the_data_is_no_html_in_a_notebook(in_tmp: Path) -> None:
    write(in_tmp / "<script>.csv", "query,document", *PAIRS)
    found = report(data="<script>.csv")
    assert "<script>" in str(found) and "&lt;script&gt;" in found._repr_html_() and "<script>" not in found._repr_html_()


def test_the_second_time_nothing_is_read_again(in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = check(data=str(BROKEN / "text.mojibake.csv"))
    monkeypatch.setattr("train.plan.audit.audit", lambda *args: pytest.fail("audited again"))
    assert check(data=str(BROKEN / "text.mojibake.csv")) == first
    with pytest.raises(pytest.fail.Exception):
        check("data.leaks=keep", data=str(BROKEN / "text.mojibake.csv"))


def test_a_row_that_ends_a_training_is_an_error_beside_the_other_findings(
    in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (in_tmp / "t.csv").open("w", newline="") as file:
        rows = [(f"question {i}", "" if i in (3, 9) else "fÃ¼r das Brot" if i == 5 else f"answer {i}") for i in range(30)]
        csv.writer(file).writerows([("query", "document"), *rows])
    said = (
        r'training stops: the text is empty; 2 of 30 rows have no text there: 2, for instance t\.csv, line 5, column "document"'
    )
    with pytest.raises(CheckFailed, match=said):
        check(data="t.csv", output=in_tmp / "out")
    (dataset,) = json.loads((in_tmp / "out" / "audit.json").read_text())["datasets"]
    assert [finding["severity"] for finding in dataset["findings"]][:2] == ["error", "warning"]
    assert "text.mojibake" in {finding["code"] for finding in dataset["findings"]}
    # refused rows are not said to be dropped, and what was recognised is said once
    assert dataset["findings"][0]["done"] == "kept" and not any("left out" in note for note in dataset["notes"])
    assert capsys.readouterr().out.count("row kind: pair") == 1
    check("data.bad_rows=drop", data="t.csv")  # as training would have it: a warning


def test_what_cannot_be_loaded_is_a_finding_and_the_others_are_checked(in_tmp: Path) -> None:
    sources = [str(BROKEN / "score.all_one.csv"), "nowhere.csv", str(BROKEN / "text.lost.csv")]
    with pytest.raises(CheckFailed, match=r"cannot be trained on as it is \(and 1 more\)"):
        check(data=sources, output=in_tmp / "out")
    datasets = json.loads((in_tmp / "out" / "audit.json").read_text())["datasets"]
    assert [dataset["findings"][0]["code"] for dataset in datasets] == ["load.error", "load.error", "text.lost"]
    assert "all 24 scores are 0.5" in datasets[0]["findings"][0]["what"] and datasets[0]["findings"][0]["mend"]


@pytest.mark.parametrize("name", ["leak.pair", "columns.swapped", "text.mojibake", "negative.elsewhere"])
def test_strict_ends_on_what_puts_a_result_in_doubt(in_tmp: Path, name: str) -> None:
    with pytest.raises(DataError, match=name):
        check("data.strict=true", data=str(BROKEN / f"{name}.csv"))


@pytest.mark.parametrize("name", ["clean", "pair.quoted", "group.positive", "duplicate.pair"])
def test_strict_lets_pass_what_may_be_meant(in_tmp: Path, name: str) -> None:
    check("data.strict=true", data=str(BROKEN / f"{name}.csv"))


def test_strict_names_some_of_many() -> None:
    finding = {"severity": "warning", "strict": True, "code": "leak.pair", "what": "w", "count": 1, "examples": []}
    with pytest.raises(DataError) as error:
        obey_strict({"datasets": [{"name": "a", "findings": [finding] * 11 + [finding | {"severity": "info"}]}]})
    assert "11 findings" in str(error.value) and "and 3 more" in str(error.value)


@pytest.mark.slow
def test_a_run_audits_and_a_strict_one_leaves_nothing_behind(server: ForkServer, tiny_model: Path, tmp_path: Path) -> None:
    source = str(BROKEN / "leak.query.csv")
    words = [f"model.name={tiny_model}", "model.device=cpu", "training.max_steps=1", "training.batch_size=4"]
    done = server.run(["train", "--data", source, "run_name=strict", "data.strict=true", *words], tmp_path)
    assert done["code"] == 2 and "leak.query" in done["output"] and not (tmp_path / "checkpoints" / "strict").exists()
    done = server.run(["train", "--data", source, "run_name=x", *words], tmp_path)
    assert done["code"] == 0, done["output"]
    assert "leak.query.csv:5 (as leak.query.csv:22)" in done["output"]
    (dataset,) = json.loads((tmp_path / "checkpoints" / "x" / "audit.json").read_text())["datasets"]
    assert {"leak.query", "leak.pair"} <= {finding["code"] for finding in dataset["findings"]} | {"leak.pair"}
    assert dataset["tokens"]["train"]["anchor"]["limit"] == 64
    page = (tmp_path / "checkpoints" / "x" / "report.html").read_text()
    leak = next(finding for finding in dataset["findings"] if finding["code"] == "leak.query")
    assert html.escape(leak["what"]) in page and f"What to do: {html.escape(leak['hint'])}" in page


def test_tokens_are_counted_by_the_model_that_is_named(in_tmp: Path, tiny_model: Path) -> None:
    found = check(f"model.name={tiny_model}", "model.max_tokens=8", data=str(BROKEN / "clean.csv"), tokens=True)
    (dataset,) = found["datasets"]
    tokens = dataset["tokens"]["train"]["positive"]
    assert tokens["limit"] == 8 and tokens["cut"] == 16 and tokens["sampled"] == 16
    assert any(finding["code"] in ("text.truncated", "text.mostly_cut") for finding in dataset["findings"])


def test_tokens_are_counted_with_the_prompts_of_the_data_set(in_tmp: Path, tiny_model: Path) -> None:
    words = [f"model.name={tiny_model}", "data.prompts.positive=read this passage please: "]
    counted = []
    for some in (words[:1], words):  # the audit of the first is not taken for that of the second
        (dataset,) = check(*some, data=str(BROKEN / "clean.csv"), tokens=True)["datasets"]
        counted.append({column: found["median"] for column, found in dataset["tokens"]["train"].items()})
    before, after = counted
    assert after["positive"] >= before["positive"] + 5  # words and the colon; the tiny tokenizer may split them
    assert after["anchor"] == before["anchor"]


def test_a_pattern_with_an_equals_sign_is_no_setting(in_tmp: Path) -> None:
    """As folders of partitioned data are called."""
    (in_tmp / "day=1").mkdir()
    shutil.copy(BROKEN / "clean.csv", in_tmp / "day=1" / "train.csv")
    main(["check", "./day=1/*.csv", "data.split.test=0.3", "--no-tokens"])


def test_one_of_a_kind_is_not_counted_in_the_plural(in_tmp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (in_tmp / "unusual.csv").write_text("Links,Rechts\na,b\n", encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["check", "unusual.csv"])
    said = capfd.readouterr()
    assert "1 error, 0 warnings, 0 notes" in said.out
    assert "Columns found: 'Links', 'Rechts' (unusual.csv)\n" in said.err  # no number behind it: it is about the whole file


def test_what_another_data_set_judges_is_a_leak_of_train(in_tmp: Path) -> None:
    for name, train, test in (("one", "which car is red", "judged by one"), ("two", "judged by two", "Which car is RED")):
        (in_tmp / name).mkdir()
        rows = {"train": [train, f"only in {name}", f"another of {name}"], "dev": [f"dev of {name}"], "test": [test]}
        for split, queries in rows.items():
            lines = [f"{query},the answer of {name} to {query}" for query in queries]
            (in_tmp / name / f"{split}.csv").write_text("question,answer\n" + "\n".join(lines) + "\n", encoding="utf-8")
    one, two = check(data=["one", "two"])["datasets"]
    (leak,) = [finding for finding in one["findings"] if finding["code"] == "leak.query"]
    assert (leak["examples"], leak["counterparts"], leak["done"]) == (["train.csv:2"], ["test.csv:2"], "dropped")
    assert leak["what"] == "rows of train whose query is also in test of two"
    assert one["counts"]["rows_train"] == 2 and two["counts"]["rows_train"] == 3
    alone = check(data="one")["datasets"][0]
    assert not [finding for finding in alone["findings"] if finding["code"] == "leak.query"]


def write(path: Path, header: str, *rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


PAIRS = [f"what is question {i} about?,an answer of kind {i}" for i in "abcdefghijklmnopqrstuvwxyz"]


def test_what_a_training_would_refuse_is_an_error_here(in_tmp: Path) -> None:
    write(in_tmp / "tiny.csv", "query,document", *PAIRS[:3])
    with pytest.raises(CheckFailed, match="tiny has one training row, and two are needed"):
        check(data="tiny.csv")
    write(in_tmp / "flat" / "train.csv", "sentence1,sentence2,score", *(f"{row},{i % 5}" for i, row in enumerate(PAIRS)))
    for split in ("dev", "test"):
        rows = [f"{split} {one},{split} answer {one},1" for one in "ab"]
        write(in_tmp / "flat" / f"{split}.csv", "sentence1,sentence2,score", *rows)
    with pytest.raises(CheckFailed, match="pairs of the dev split of flat all have the same score"):
        check(data="flat")


def test_rows_that_are_only_judged_are_no_error(in_tmp: Path) -> None:
    write(in_tmp / "judged" / "test.csv", "query,document", *PAIRS)
    (dataset,) = check(data="judged")["datasets"]
    (finding,) = [finding for finding in dataset["findings"] if finding["code"] == "load.error"]
    assert finding["severity"] == "warning" and "embed-tune evaluate MODEL" in finding["mend"]


def test_what_several_data_sets_would_refuse_together(in_tmp: Path) -> None:
    write(in_tmp / "x" / "faq.csv", "query,document", *PAIRS)
    write(in_tmp / "y" / "faq.csv", "query,document", *PAIRS[::-1])
    with pytest.raises(CheckFailed, match="another data set is called 'faq', too"):
        check(data=["x/faq.csv", "y/faq.csv"])
    write(in_tmp / "pairs" / "train.csv", "query,document", *PAIRS[:9])
    write(in_tmp / "pairs" / "test.csv", "query,document", *PAIRS[20:])
    write(in_tmp / "judged" / "test.csv", "query,document", *PAIRS[:9])
    with pytest.raises(CheckFailed, match="every row of train is in dev or test of another data set"):
        check(data=["pairs", "judged"])


def test_the_rows_that_leak_into_another_data_set_are_those_of_now(in_tmp: Path) -> None:
    """The data set itself, and how many of its rows leak, are as before."""
    rows = [f"how do I mend thing number {i} at home,take tool {i * 3} and look at part {i}" for i in range(40)]
    for leaking in (3, 17):
        write_splits(in_tmp / "a", rows[:30], rows[30:35], rows[35:])
        write_splits(in_tmp / "b", [f"x{i},y{i}" for i in range(20)], ["v,w", "t,u"], ["r,s", rows[leaking]])
        found = check(data=["a", "b"])
        leaks = [one for one in found["datasets"][0]["findings"] if one["code"].startswith("leak.") and "of b" in one["what"]]
        assert leaks and all(one["examples"] == [f"train.csv:{leaking + 2}"] for one in leaks), leaks


def write_splits(folder: Path, *splits: list[str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, rows in zip(("train", "dev", "test"), splits, strict=True):
        (folder / f"{name}.csv").write_text("\n".join(["question,answer", *rows]), encoding="utf-8")
