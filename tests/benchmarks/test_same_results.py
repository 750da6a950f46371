"""The comparison of two trees passes equal results and finds the least difference; nothing is trained here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.benchmarks import same_results
from tests.benchmarks.same_results import CONFIGS, differences, keep, kept_name, read_outcome, write_data
from tests.benchmarks.workloads import BenchmarkError

REPORT = {
    "verdict": "improved",
    "run": "a",
    "selection": {"tried": [{"share": 0.5, "dev": 0.25}, {"share": 1.0, "dev": 0.75}]},
    "datasets": [
        {"name": "faq", "metric": "ndcg@10", "ci95": [0.01, 0.07], "p_value": 0.02, "kept_base": False, "cross_validation": None}
    ],
    "cost": {"train_seconds": 1.5, "peak_memory_mb": 10.0},
    "finished_at": "2026-01-01",
}


def write_run(folder: Path) -> Path:
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "model.safetensors").write_bytes(bytes(range(64)))
    lines = [{"step": step, "dev": 0.5 + step / 100, "eval_seconds": 1.0} for step in (0, 4)]
    (folder / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (folder / "report.json").write_text(json.dumps(REPORT))
    table = {"dataset": ["faq", "faq"], "item": ["0", "1"], "tuned": [0.5, float("nan")], "gold": [None, None]}
    pq.write_table(pa.table(table), folder / "per_query.parquet")
    return folder


def change_report(change: Callable[[Any], object]) -> Callable[[Path], None]:
    def changed(run: Path) -> None:
        report = json.loads((run / "report.json").read_text())
        change(report)
        (run / "report.json").write_text(json.dumps(report))

    return changed


def change_weight(run: Path) -> None:
    path = run / "model" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")


def change_score(run: Path) -> None:
    path = run / "scores.jsonl"
    path.write_text(path.read_text().replace("0.54", "0.5400000000000001"))


def lose_line(run: Path) -> None:
    path = run / "scores.jsonl"
    path.write_text(path.read_text().splitlines()[0] + "\n")


def change_value(run: Path) -> None:
    table = pq.ParquetFile(run / "per_query.parquet").read()
    pq.write_table(table.set_column(2, "tuned", pa.array([0.5000001, float("nan")])), run / "per_query.parquet")


def lose_column(run: Path) -> None:
    pq.write_table(pq.ParquetFile(run / "per_query.parquet").read().drop_columns(["gold"]), run / "per_query.parquet")


DIFFERENT = {
    "a byte of the weights": (change_weight, "model/model.safetensors: SHA-256"),
    "the last digit of a dev score": (change_score, "scores.jsonl: [1].dev: 0.54 and 0.5400000000000001"),
    "a line less": (lose_line, "scores.jsonl: : 2 and 1 entries"),
    "an interval": (
        change_report(lambda report: report["datasets"][0].update(ci95=[0.01, 0.0700001])),
        "report.json: datasets[0].ci95[1]: 0.07 and 0.0700001",
    ),
    "a p-value": (
        change_report(lambda report: report["datasets"][0].update(p_value=0.03)),
        "report.json: datasets[0].p_value: 0.02 and 0.03",
    ),
    "a verdict": (change_report(lambda report: report.update(verdict="mixed")), "report.json: verdict: 'improved' and 'mixed'"),
    "a number for false": (
        change_report(lambda report: report["datasets"][0].update(kept_base=0)),
        "report.json: datasets[0].kept_base: False and 0",
    ),
    "a field renamed": (
        change_report(lambda report: report["datasets"][0].update(p=report["datasets"][0].pop("p_value"))),
        "report.json: datasets[0].p_value: missing in the new tree",
    ),
    "a time missing": (
        change_report(lambda report: report["cost"].pop("train_seconds")),
        "report.json: cost.train_seconds: missing in the new tree",
    ),
    "a weight less that was tried": (
        change_report(lambda report: report["selection"]["tried"].pop()),
        "report.json: selection.tried: 2 and 1 entries",
    ),
    "a query's value": (change_value, "per_query.parquet: tuned[0]: 0.5 and 0.5000001"),
    "a column less": (lose_column, "per_query.parquet: gold: missing in the new tree"),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_difference_is_found_and_named(tmp_path: Path, name: str) -> None:
    change, says = DIFFERENT[name]
    old, new = write_run(tmp_path / "old"), write_run(tmp_path / "new")
    change(new)
    found = list(differences(read_outcome(old), read_outcome(new)))
    assert len(found) == 1 and found[0].startswith(says)


def test_times_names_and_new_fields_are_no_difference(tmp_path: Path) -> None:
    old, new = write_run(tmp_path / "old"), write_run(tmp_path / "new")
    assert list(differences(read_outcome(old), read_outcome(new))) == []
    change_report(
        lambda report: report.update(run="b", finished_at="2027", format=2, cost={**report["cost"], "train_seconds": 9})
    )(new)
    change_report(lambda report: report["datasets"][0].update(ci99=[0.0, 0.1]))(new)
    assert list(differences(read_outcome(old), read_outcome(new))) == []


def test_what_is_kept_of_a_run_compares_as_the_run_itself(tmp_path: Path) -> None:
    run = write_run(tmp_path / "old")
    keep(run, tmp_path / "kept" / "name")
    assert differences_of(tmp_path / "kept" / "name", run) == []
    change_weight(run)
    assert differences_of(tmp_path / "kept" / "name", run)[0].startswith("model/model.safetensors")
    assert not list((tmp_path / "kept").glob(".*"))


def differences_of(old: Path, new: Path) -> list[str]:
    return list(differences(read_outcome(old), read_outcome(new)))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    (run / "scores.jsonl").unlink()
    with pytest.raises(BenchmarkError, match=r"scores\.jsonl is not there"):
        read_outcome(run)


def test_steps_and_data_decide_what_is_taken_from_the_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_results, "_git", lambda tree, *words: "abc" if words[0] == "rev-parse" else "")
    names = set()
    for seed in (1, 2):
        write_data(tmp_path, seed=seed)
        names |= {kept_name(tmp_path, workload, tmp_path, steps) for workload in CONFIGS for steps in (40, None)}
    assert len(names) == 2 * 2 * len(CONFIGS)
    monkeypatch.setattr(same_results, "_git", lambda tree, *words: "abc" if words[0] == "rev-parse" else " M train/run.py")
    assert kept_name(tmp_path, "pairs", tmp_path, 40) is None, "changes that are not committed have no revision"


@pytest.mark.parametrize(("spoil", "code"), [(None, 0), (change_weight, 1)])
def test_the_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Path], None] | None,
    code: int,
) -> None:
    for tree in ("old", "new"):
        (tmp_path / tree / "train").mkdir(parents=True)
        shutil.copy(same_results.ROOT / "train" / "run.py", tmp_path / tree / "train")
        write_run(tmp_path / tree / "results")
    if spoil:
        spoil(tmp_path / "new" / "results")
    monkeypatch.setattr(same_results, "train", lambda tree, *others: read_outcome(tree / "results"))
    with pytest.raises(SystemExit) as stop:
        same_results.main([str(tmp_path / "old"), str(tmp_path / "new"), "--workload", "pairs"])
    assert stop.value.code == code
    assert ("equal" in capsys.readouterr().out) == (code == 0)


def test_a_run_that_ships_the_base_compares_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_report(lambda report: report["datasets"][0].update(kept_base=True))(write_run(tmp_path))
    monkeypatch.setattr(same_results, "train", lambda *arguments: read_outcome(tmp_path))
    with pytest.raises(BenchmarkError, match="the base was better"):
        same_results.main([str(same_results.ROOT), "--workload", "scored"])
