"""How often a test was looked at is counted over the runs of a folder, and told."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import page_arguments, rendered
from train.evaluate.results import DatasetResult
from train.report.sentences_looks import looks_sentence
from train.report.terminal import plain_console, story
from train.runs.looks import NAME, Look, count_looks, with_looks


def result(tuned: float = 0.6, base: float = 0.5, **more: Any) -> DatasetResult:
    fields = {"name": "pairs", "kind": "pair", "split": "test", "metric": "ndcg@10", "n": 100, "base": base, "tuned": tuned}
    found = {"delta": tuned - base, "ci95": (0.01, 0.19), "p_value": 0.01, "verdict": "improved", "test_sha256": "a"}
    return DatasetResult.model_validate(fields | found | more)


def looks(folder: Path, *results: DatasetResult, who: str = "run") -> list[int | None]:
    return [one.looks for one in with_looks(results, folder, who)]


def test_each_tuned_model_that_is_judged_on_a_test_is_one_look(tmp_path: Path) -> None:
    assert [looks(tmp_path, result(0.6 + i / 100), who=f"run {i}") for i in range(7)] == [[i] for i in range(1, 8)]
    assert looks(tmp_path, result(0.6)) == [7], "judged again, or repeated with the same seed: nothing new was seen"
    assert looks(tmp_path, result(0.6, test_sha256="b"), result(0.7)) == [1, 8], "by what was judged, not by name"
    lines = [json.loads(line) for line in (tmp_path / NAME).read_text().splitlines()]
    assert [line["who"] for line in lines[:7]] == [f"run {i}" for i in range(7)] and len(lines) == 9


@pytest.mark.parametrize(
    "nothing",
    [{"kept_base": True}, {"tuned": 0.5}, {"split": "dev"}, {"split": "train"}, {"test_sha256": None}, {"tuned": float("nan")}],
)
def test_the_base_itself_and_rows_to_choose_by_are_no_looks(tmp_path: Path, nothing: dict[str, Any]) -> None:
    assert looks(tmp_path, result(**nothing)) == [None] and not (tmp_path / NAME).exists()


def test_runs_of_earlier_versions_count_from_the_first_time_on_and_stay_when_they_are_deleted(tmp_path: Path) -> None:
    for i in range(3):
        run = tmp_path / f"run-{i}"
        run.mkdir()
        for name in ("config.yaml", "environment.json"):
            (run / name).write_text("{}")
        report = {"verdict": "improved", "datasets": [result(0.6 + i / 10).model_dump(mode="json")]}
        (run / "report.json").write_text("{" if i == 2 else json.dumps(report))
    assert looks(tmp_path, result(0.9)) == [3], "two runs that can be read, and this one"
    for run in tmp_path.glob("run-*"):
        (run / "report.json").unlink()
    assert looks(tmp_path, result(0.8)) == [4]


def test_damaged_lines_are_passed_over_and_a_folder_that_cannot_be_written_counts_what_is_known(tmp_path: Path) -> None:
    looks(tmp_path, result(0.6))
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"test_sha256": "a"}\n[1]\n\xff\n{"test_sha256": "a", "metric": "m", "value": NaN}\n{"test')
        file.write(b"\n")
    assert looks(tmp_path, result(0.7)) == [2]
    (tmp_path / "file").write_text("")
    assert looks(tmp_path / "file", result(0.7)) == [1]


def test_a_line_that_was_cut_off_swallows_no_look_and_an_absurd_number_stops_no_run(tmp_path: Path) -> None:
    looks(tmp_path, result(0.6))
    with (tmp_path / NAME).open("a") as file:
        file.write('{"test_sha256": "a", "metric": "m", "value": 1' + "0" * 400 + '}\n{"test_sha256": "a", "met')
    assert [looks(tmp_path, result(value)) for value in (0.7, 0.8, 0.9)] == [[2], [3], [4]]


def test_runs_that_end_at_once_lose_no_line(tmp_path: Path) -> None:
    def write(value: int) -> None:
        count_looks([Look("a", "ndcg@10", value / 100)], tmp_path)

    threads = [threading.Thread(target=write, args=(i,)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count_looks([Look("a", "ndcg@10", 0.05)], tmp_path) == {"a": 20}


def test_it_is_said_from_the_second_look_on() -> None:
    assert looks_sentence([result(looks=1)]) is None and looks_sentence([result()]) is None
    said = looks_sentence([result(looks=7)])
    assert said is not None and said.startswith("Seventh look at this test. The best of several models is partly the luckiest")
    assert said in " ".join(story([result(looks=7)], console=plain_console()).split())
    both = looks_sentence([result(name="a", looks=2), result(name="b", looks=1), result(name="c", looks=21)])
    assert both is not None and both.startswith("Looks: second at a's test, 21st at c's test.")


def test_the_page_says_it_below_the_verdict() -> None:
    report, curve, examples, extras = page_arguments()
    assert "look at this test" not in rendered(report, curve, examples, extras)
    report["datasets"] = [report["datasets"][0] | {"looks": 3}]
    page = rendered(report, curve, examples, extras)
    assert '<p class="looks">Third look at this test. ' in page
