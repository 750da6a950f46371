"""Comparisons, benchmarks and evaluations beside the runs: listed as what they are, whatever is wrong with them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import HOSTILE, Reader, write_run
from train.errors import RunError
from train.report.index import write_index
from train.runs.others import read_others
from train.workflows.report import report_folder


def write_comparison(folder: Path, taken: str | None = "small", sets: int = 2, page: bool = True, **changes: Any) -> Path:
    """Write what the index reads of a comparison."""
    folder.mkdir(parents=True)
    headline = f"Take {taken}." if taken else "No model meets all of your limits."
    content = {
        "recommendation": {"taken": taken, "headline": headline},
        "datasets": [{"name": f"set {i}", "metric": "ndcg@10"} for i in range(sets)],
        "models": [{"label": name, "quality": 0.5 + i / 10} for i, name in enumerate(("small", "large"))],
        "finished_at": "2026-11-25T12:00:00+00:00",
    }
    (folder / "compare.json").write_text(json.dumps(content | changes))
    if page:
        (folder / "compare.html").write_text("<title>x</title>")
    return folder


def write_benchmark(folder: Path, *scores: tuple[str, str, float | None], **changes: Any) -> Path:
    """Write what the index reads of a benchmark."""
    folder.mkdir(parents=True)
    lines = [{"model": model, "task": task, "value": value} for model, task, value in scores]
    (folder / "benchmark.json").write_text(json.dumps({"scores": lines, "finished_at": "2026-11-26T12:00:00+00:00"} | changes))
    return folder


def test_what_is_no_run_is_listed_as_what_it_is(tmp_path: Path) -> None:
    write_run(tmp_path, "first")
    write_run(tmp_path, "old-new", report={"labels": {"base": "bge-small", "tuned": "e5-small"}})
    write_comparison(tmp_path / "comparisons" / "faq 1")
    write_comparison(tmp_path / "mine", taken=None, sets=1, page=False, finished_at="2026-11-24T12:00:00+00:00")
    write_benchmark(tmp_path / ".cache" / "mteb", ("a", "t1", 0.25), ("a", "t2", 0.75))
    (tmp_path / "drafts").mkdir()
    found = report_folder(tmp_path)
    assert [(one.kind, one.name, one.link, one.line) for one in found.others] == [
        ("benchmark", ".cache/mteb", "./.cache/mteb/benchmark.json", "ran a on 2 tasks: mean score 0.500"),
        (
            "comparison",
            "comparisons/faq 1",
            "./comparisons/faq%201/compare.html",
            "compared 2 models on 2 data sets: take small (mean quality 0.500)",
        ),
        ("comparison", "mine", "./mine/compare.json", "compared 2 models on set 0: no model meets all of your limits"),
    ]
    assert found.others[0].finished == datetime(2026, 11, 26, 12, tzinfo=UTC)
    counts = "1 run: 1 finished; 1 evaluation; 2 comparisons; 1 benchmark; 1 other folder"
    assert str(found).endswith(counts)
    text = Reader(found.page.read_text(encoding="utf-8")).all_text()
    assert counts in text and "take small" in text and text.count("evaluation") == 2
    assert [one["name"] for one in found.to_dict()["runs"]] == ["first", "old-new"]
    assert [one["kind"] for one in found.to_dict()["others"]] == ["benchmark", "comparison", "comparison"]


@pytest.mark.parametrize(
    ("scores", "line"),
    [
        ([("a", "t", 0.3), ("b", "t", 0.4)], "ran 2 models on t: b has the highest score, 0.400"),
        (
            [("a", "t", 0.3), ("a", "u", 0.5), ("b", "t", 0.4), ("b", "u", 0.5)],
            "ran 2 models on 2 tasks: b has the highest mean score, 0.450",
        ),
        (  # a model is not the best for having no score on the hard task
            [("a", "t", 0.9), ("a", "u", 0.1), ("b", "t", 0.8), ("b", "u", None)],
            "ran 2 models on 2 tasks: a has the highest score on 1 of them, 0.900",
        ),
        ([("a", "t", None)], "ran a on t: no task has a score of every model"),
        ([], "ran 0 models on 0 tasks: no task has a score of every model"),
    ],
)
def test_the_line_of_a_benchmark(tmp_path: Path, scores: list[tuple[str, str, float | None]], line: str) -> None:
    write_benchmark(tmp_path / "b", *scores)
    assert read_others(tmp_path)[0].line == line


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"models": 3, "datasets": [], "recommendation": {}}', "[" * 100_000])
@pytest.mark.parametrize("name", ["compare.json", "benchmark.json"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / name).write_text(text)
    found = read_others(tmp_path)
    assert [(one.line, one.link) for one in found] == [("", None)] and found[0].trouble.startswith(f"{name} ")
    assert found[0].trouble.split()[1] in ("is", "cannot") and found[0].trouble in write_index(tmp_path)[0].read_text()


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_names_of_others_stay_text(tmp_path: Path, text: str) -> None:
    write_comparison(
        tmp_path / "c",
        taken=text,
        models=[{"label": text, "quality": 0.5}],
        datasets=[{"name": text, "metric": text}],
    )
    reader = Reader(write_index(tmp_path)[0].read_text(encoding="utf-8"))
    assert [tag for tag in reader.tags if tag in {"script", "img", "style", "form"}] == ["style", "script", "script"]
    assert not [n for _, n, _ in reader.attributes if n.startswith("on") or n in {"src", "srcdoc", "action", "style"}]


def test_a_folder_of_comparisons_alone_has_an_index_and_one_of_nothing_has_none(tmp_path: Path) -> None:
    write_comparison(tmp_path / "comparisons" / "a")
    assert str(report_folder(tmp_path / "comparisons")).endswith("0 runs; 1 comparison")
    (tmp_path / "empty" / "drafts").mkdir(parents=True)
    with pytest.raises(RunError, match="holds no runs"):
        write_index(tmp_path / "empty")
