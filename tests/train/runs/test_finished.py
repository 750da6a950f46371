"""Reading finished runs: where they are looked for, and what each kind of damage says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.handmade import retrieval, scored, write_run
from train.errors import RunError
from train.runs.finished import flatten, read_finished
from train.workflows.diff import compare_runs


def test_values_are_those_of_the_file(tmp_path: Path) -> None:
    run = write_run(tmp_path / "a", {"faq": retrieval([0.5, 1.0], ["x", "y"]), "sts": scored([0.1, 0.9], [0.3, 0.4])})
    found = read_finished(run)
    queries, pairs = found.values("faq", "ndcg@10"), found.values("sts", "cosine")
    assert (queries.items, queries.tuned, queries.has_gold) == (["x", "y"], [0.5, 1.0], False)
    assert (pairs.items, pairs.tuned, pairs.gold, pairs.has_gold) == (["0", "1"], [0.3, 0.4], [0.1, 0.9], True)
    assert found.values("faq", "cosine").items == []


def damage_report(run: Path) -> None:
    (run / "report.json").write_text("{")


def strip_report(run: Path) -> None:
    (run / "report.json").write_text('{"datasets": [{"name": "faq"}]}')


def listed_report(run: Path) -> None:
    (run / "report.json").write_text("[]")


def damage_config(run: Path) -> None:
    (run / "config.yaml").write_text("a: [")


def damage_environment(run: Path) -> None:
    (run / "environment.json").write_bytes(b"\xff")


def damage_values(run: Path) -> None:
    path = run / "per_query.parquet"
    path.write_bytes(path.read_bytes()[:-40])


def lose_values(run: Path) -> None:
    (run / "per_query.parquet").unlink()


def lose_column(run: Path) -> None:
    path = run / "per_query.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["item"]), path)


def spoil_column(run: Path) -> None:
    path = run / "per_query.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(4, "tuned", pa.array(["high"] * len(table))), path)


def unfinish(run: Path) -> None:
    (run / "report.json").unlink()


def strange_folder(run: Path) -> None:
    for name in ("report.json", "config.yaml", "environment.json"):
        (run / name).unlink()


DAMAGES = {
    damage_report: r"report\.json cannot be read",
    strip_report: r"report\.json is broken \(verdict is missing\)",
    listed_report: r"report\.json is broken \(it does not hold a mapping\)",
    damage_config: r"config\.yaml cannot be read",
    damage_environment: r"environment\.json cannot be read",
    damage_values: r"per_query\.parquet cannot be read",
    lose_values: r"per_query\.parquet is missing, so queries cannot be compared",
    lose_column: r"per_query\.parquet is broken \(it has no column item\)",
    spoil_column: r"per_query\.parquet cannot be read",
    unfinish: r"is not finished \(it has no report\.json\)\n.*finish it: embed-tune train --resume",
    strange_folder: r"is not the folder of a run",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_is_named_with_the_way_out(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    whole = write_run(tmp_path / "whole", {"faq": retrieval([0.5, 0.7, 1.0])})
    run = write_run(tmp_path / "run", {"faq": retrieval([0.5, 0.7, 1.0])})
    damage(run)
    with pytest.raises(RunError, match=DAMAGES[damage]) as error:
        compare_runs(read_finished(whole), read_finished(run))
    assert "What to do:" in str(error.value)


def test_flatten_gives_leaves_by_dotted_key() -> None:
    tree = {"a": {"b": [1, {"c": None}], "empty": []}, "d": "x"}
    assert flatten(tree) == {"a.b.0": 1, "a.b.1.c": None, "a.empty": [], "d": "x"}
