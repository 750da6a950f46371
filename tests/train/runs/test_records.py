"""What runs record: read whatever version wrote it, written as it was read, refused with file and key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord, RunRecords, read_audit, read_environment, read_report
from train.runs.records import FORMAT, JudgedDataset, Record, RunReport, ScoreLine
from train.runs.score_log import read_scores

OLDER = Path(__file__).parents[2] / "data" / "run_of_3ff2293" / "checkpoints" / "finished"

READERS: dict[str, Callable[[Path], Record]] = {
    "report.json": read_report,
    "environment.json": read_environment,
    "audit.json": read_audit,
}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A copy of a finished run that the test may change."""
    return RunFolder(Path(shutil.copytree(OLDER, tmp_path / "run")))


def change(path: Path, **values: Any) -> None:
    """Change fields of a JSON file; None removes one."""
    found = json.loads(path.read_text()) | values
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not None}))


@pytest.mark.parametrize("name", READERS)
def test_a_file_of_the_first_format_is_written_as_it_was_read_but_for_the_format(run: RunFolder, name: str) -> None:
    path = run.path / name
    before = json.loads(path.read_text())
    READERS[name](run.path).write(path)
    after = json.loads(path.read_text())
    assert "format" not in before and after.pop("format") == FORMAT == 1
    if name == "report.json":
        for result, old in zip(after["datasets"], before["datasets"], strict=True):
            defaults = JudgedDataset.model_validate(old).model_dump(mode="json")
            for field in result.keys() - old.keys():  # a field of a later version is written with its default
                assert result.pop(field) == defaults[field]
            for pair in result["metrics"].values():
                assert [pair.pop(field) for field in ("delta", "ci95")] == [None, None]
    assert json.dumps(after) == json.dumps(before), "order and numbers stay, too"


@pytest.mark.parametrize("name", READERS)
def test_fields_of_other_versions_survive(run: RunFolder, name: str) -> None:
    path = run.path / name
    change(path, added_later={"a": [1, None, 2.5]})
    READERS[name](run.path).write(path)
    assert json.loads(path.read_text())["added_later"] == {"a": [1, None, 2.5]}


def test_what_lies_deeper_survives_too(run: RunFolder) -> None:
    report = json.loads(run.report.read_text())
    report["datasets"][0]["later"] = 1
    report["selection"]["later"] = 2
    run.report.write_text(json.dumps(report))
    found = json.loads(json.dumps(read_report(run.path).to_dict()))
    assert found["datasets"][0]["later"] == 1 and found["selection"]["later"] == 2
    environment = read_environment(run.path)
    changed = environment.model_copy(update={"recipe": ("gentler",)}).to_dict()
    assert changed == {"format": 1, **json.loads(run.environment.read_text()), "recipe": ["gentler"]}


@pytest.mark.parametrize("name", READERS)
def test_a_newer_format_is_refused_with_the_version_that_reads_it(run: RunFolder, name: str) -> None:
    packages = json.loads(run.environment.read_text())["packages"] | {"embed-tune": "7.1.0"}
    change(run.environment, packages=packages)
    change(run.path / name, format=FORMAT + 1)
    with pytest.raises(
        BrokenRecord, match=rf"{name} was written by a newer version: .* format 2.*\n.*embed-tune 7\.1\.0 or a later"
    ):
        READERS[name](run.path)


def test_a_newer_format_beside_no_environment_is_refused_too(run: RunFolder) -> None:
    run.environment.unlink()
    change(run.report, format=9)
    with pytest.raises(BrokenRecord, match=r"written by a newer version: .* format 9.*\n.*the version that wrote it or a later"):
        read_report(run.path)


@pytest.mark.parametrize(
    ("change_of", "why"),
    [
        ({"verdict": None}, r"report\.json is broken \(verdict is missing\)"),
        ({"verdict": "great"}, r"report\.json is broken \(verdict: input should be 'improved'"),
        ({"datasets": [{"name": "pairs"}]}, r"report\.json is broken \(datasets\.0\.kind is missing\)"),
        ({"cost": {"train_seconds": "long"}}, r"report\.json is broken \(cost\.train_seconds"),
        *(
            ({"format": value}, rf"report\.json is broken \(format: {value_as_json} is not a whole number\)")
            for value, value_as_json in (("new", '"new"'), ("9", '"9"'), (2.0, r"2\.0"), (True, "true"), ([1], r"\[1\]"))
        ),
    ],
)
def test_a_broken_file_is_named_with_its_key(run: RunFolder, change_of: dict[str, Any], why: str) -> None:
    change(run.report, **change_of)
    with pytest.raises(BrokenRecord, match=why) as error:
        read_report(run.path)
    assert error.value.path == run.report and f"--config {run.config}" in str(error.value.hint)


@pytest.mark.parametrize("text", ["{", "[]", "", '{"verdict": NaN}', '{"cost": 1e999}', "[" * 100_000, "\0"])
def test_what_is_no_record_is_refused(run: RunFolder, text: str) -> None:
    run.report.write_text(text)
    with pytest.raises(BrokenRecord, match=r"report\.json (cannot be read|is broken) \("):
        read_report(run.path)
    run.report.unlink()
    with pytest.raises(BrokenRecord, match=r"report\.json is missing"):
        read_report(run.path)


def test_all_records_of_an_older_run(run: RunFolder) -> None:
    records = RunRecords.of(run.path)
    assert records.base_id is None and records.hub_dataset("pairs") is None
    assert (records.model.name, records.contract.dimensions, records.config.training.max_steps) == ("tiny", 4, 8)
    assert records.audit.by_name()["pairs"].counts["rows_train"] == 28
    assert [line.step for line in read_scores(run.path)] == [0, 4, 8]
    change(run.environment, contract=None)  # there was a version before it
    with pytest.raises(BrokenRecord, match=r"environment\.json is broken \(contract is missing\)"):
        RunRecords.of(run.path)


def test_a_report_is_an_object_a_table_and_words(run: RunFolder) -> None:
    report = read_report(run.path)
    assert report.verdict == "no_evidence" and report.datasets[0].ci95 == pytest.approx((-0.124, 0.183), abs=1e-3)
    assert report.selection.share == 1 and report.primary_result is report.datasets[0]
    frame = report.to_pandas()
    assert frame.loc[0, ["name", "kind", "split", "metric", "n", "verdict"]].tolist() == [
        "pairs", "pair", "test", "ndcg@10", 8, "no_evidence",
    ]  # fmt: skip
    assert frame.loc[0, "low"] == report.datasets[0].ci95[0] and frame.loc[0, "delta"] == report.datasets[0].delta
    words = str(report)
    assert words.startswith("Verdict on the tuned model against the base: unproven")
    assert "pairs" in words and "nDCG@10" in words and "-0.124 to +0.183" in words and max(map(len, words.splitlines())) <= 100
    assert "<table" in report._repr_html_() and "unproven" in report._repr_html_()


def test_a_name_in_a_report_is_no_markup() -> None:
    entry = {"kind": "pair", "split": "test", "metric": "ndcg@10", "n": 9, "base": 0.1, "tuned": 0.2, "delta": 0.1}
    more = {"name": "[red]x[/red]", "ci95": [0, 0.2], "p_value": 0.5, "verdict": "no_evidence"}
    labels = {"base": "[b]", "tuned": "<i>"}
    report = RunReport.model_validate({"verdict": "no_evidence", "labels": labels, "datasets": [entry | more]})
    assert "[red]x[/red]" in str(report) and "[b]" in str(report)
    assert "<i>" not in report._repr_html_() and tuple(report.sides) == ("[b]", "<i>")


def test_a_line_is_written_with_what_was_set_only() -> None:
    assert ScoreLine(step=4, dev=None).to_dict() == {"step": 4, "dev": None}
    assert ScoreLine.model_validate({"step": 4, "later": 1}).to_dict() == {"step": 4, "later": 1}
