"""What the folders of runs are found to be, the page over them, and `embed-tune report`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.pages import HOSTILE, Reader, result, write_run
from train.cli.app import main
from train.errors import RunError
from train.report.index import counted, write_index
from train.runs.listing import read_run, read_runs


def data_of(page: Path) -> list[dict[str, Any]]:
    """What the scripts of an index read."""
    html = page.read_text(encoding="utf-8")
    return json.loads(html.split('id="page-data">')[1].split("</script>")[0])["runs"]


def test_a_finished_run(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, "first", delta=0.05, rows=1200, seconds=42.5))
    assert (run.name, run.state, run.trouble, run.link) == ("first", "finished", "", "./first/report.html")
    assert run.verdict == "improved" and run.primary is not None and run.primary.delta == 0.05
    assert (run.base_model, run.rows, run.cost["train_seconds"]) == ("all-MiniLM-L6-v2", 1200, 42.5)
    assert run.finished == datetime(2026, 11, 22, 17, 35, 10, tzinfo=UTC)
    assert run.config["training.learning_rate"] == "5e-05" and run.config["data.datasets.0.train"] == "true"
    assert run.curve[0] == (0, 0.4) and run.curve[-1] == (60, pytest.approx(0.43))


def test_rows_of_data_sets_that_only_judge_are_not_counted(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "first", rows=100)
    audit = {"datasets": [{"name": name, "counts": {"rows_train": rows}} for name, rows in (("a", 100), ("b", 900))]}
    (folder / "audit.json").write_text(json.dumps(audit))
    config = "data: {datasets: [{source: a}, {source: b, train: false}]}"
    (folder / "config.yaml").write_text(config)
    assert read_run(folder).rows == 100


def test_runs_without_a_time_of_their_own_take_that_of_the_file(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "first", finished_at=None)
    os.utime(folder / "report.json", (1_700_000_000, 1_700_000_000))
    assert read_run(folder).finished == datetime.fromtimestamp(1_700_000_000, UTC)


def test_the_last_finished_run_comes_first_and_folders_without_a_time_last(tmp_path: Path) -> None:
    for name, when in (
        ("old", "2026-01-01T00:00:00+00:00"),
        ("new", "2026-03-01T00:00:00+02:00"),
        ("mid", "2026-02-01T00:00:00"),
    ):
        write_run(tmp_path, name, finished_at=when)
    write_run(tmp_path, "unfinished", finished=False)
    (tmp_path / "foreign").mkdir()
    (tmp_path / ".cache").mkdir()
    (tmp_path / "README.md").write_text("not a folder")
    assert [run.name for run in read_runs(tmp_path)] == ["new", "mid", "old", "foreign", "unfinished"]


def spoil(folder: Path, what: str) -> None:
    """Break a finished run in one way."""
    report = folder / "report.json"
    ways = {
        "half written": lambda: report.write_text(report.read_text()[:40]),
        "empty": lambda: report.write_text(""),
        "a list": lambda: report.write_text("[1, 2]"),
        "no results": lambda: report.write_text('{"verdict": "improved"}'),
        "unknown verdict": lambda: report.write_text(report.read_text().replace('"verdict": "improved"', '"verdict": "great"')),
        "not a number": lambda: report.write_text(report.read_text().replace("0.089", "NaN")),
        "too large": lambda: report.write_text(report.read_text().replace('"base": 0.532', '"base": 1e999')),
        "not UTF-8": lambda: report.write_bytes(b'{"verdict": "\xff"}'),
        "nested": lambda: report.write_text("[" * 100_000),
        "a folder": lambda: (report.unlink(), report.mkdir()),
    }
    ways[what]()


@pytest.mark.parametrize(
    "what",
    [
        "half written",
        "empty",
        "a list",
        "no results",
        "unknown verdict",
        "not a number",
        "too large",
        "not UTF-8",
        "nested",
        "a folder",
    ],
)
def test_a_damaged_report_is_listed_with_the_way_to_go_on(tmp_path: Path, what: str) -> None:
    folder = write_run(tmp_path, "broken run")
    spoil(folder, what)
    run = read_run(folder)
    assert run.state == "damaged" and run.trouble.startswith("report.json ") and run.link is None and run.verdict is None
    assert run.hint.startswith("Remove report.json")
    assert run.command == f"embed-tune train --resume '{folder}'"
    page, runs = write_index(tmp_path)
    assert counted(runs) == "1 run: 1 damaged"
    assert "Remove report.json" in page.read_text(encoding="utf-8")


def test_a_damaged_report_of_a_run_that_cannot_go_on_either(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "a")
    (folder / "report.json").write_text("{")
    (folder / "environment.json").unlink()
    run = read_run(folder)
    assert (run.hint, run.command) == ("It cannot be judged again: environment.json is missing.", "")


def test_an_unfinished_run_tells_its_last_checkpoint(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "a", finished=False)
    assert read_run(folder).trouble.startswith("There is no checkpoint yet; last written 20")
    for name in ("checkpoint-9", "checkpoint-1200", "checkpoint-x"):
        (folder / name).mkdir()
    run = read_run(folder)
    assert run.state == "unfinished" and run.trouble.startswith("The last checkpoint is that of step 1,200; last written 20")
    assert run.command == f"embed-tune train --resume {folder}"


@pytest.mark.parametrize(
    ("file", "content", "trouble"),
    [
        ("config.yaml", None, "config.yaml is missing."),
        ("environment.json", None, "environment.json is missing."),
        ("config.yaml", "a: [", "config.yaml cannot be read (while parsing a flow node)."),
        ("config.yaml", "just words", "config.yaml does not hold a mapping."),
        ("config.yaml", "&a [*a]", "config.yaml does not hold a mapping."),
        ("config.yaml", "a: &a\n  b: *a", "config.yaml contains itself."),
        ("environment.json", "{", "environment.json cannot be read ("),
    ],
)
def test_an_unfinished_run_with_missing_or_damaged_files_cannot_go_on(
    tmp_path: Path, file: str, content: str | None, trouble: str
) -> None:
    folder = write_run(tmp_path, "a", finished=False)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content)
    run = read_run(folder)
    assert run.state == "damaged" and run.trouble.startswith(trouble) and run.command == ""


def test_a_config_that_repeats_itself_a_billion_times_is_cut(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "a")
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 10)]
    (folder / "config.yaml").write_text("\n".join(["l0: &l0 [x]", *levels]))
    config = read_run(folder).config
    assert len(config) == 1000 and config["l0.0"] == config["l3.0.0.0.0"] == "x"


def test_folders_that_are_no_runs_and_folders_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "drafts").mkdir()
    assert (read_run(tmp_path / "drafts").state, read_run(tmp_path / "drafts").command) == ("foreign", "")
    refused = PermissionError(13, "Permission denied")
    monkeypatch.setattr(Path, "iterdir", lambda path: (_ for _ in ()).throw(refused))
    run = read_run(tmp_path / "drafts")
    assert (run.state, run.trouble) == ("damaged", "It cannot be read: Permission denied.")


def test_a_finished_run_without_its_page_is_listed_without_a_link(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, "a", page=None))
    assert run.state == "finished" and run.link is None and run.trouble.startswith("report.html is missing")
    assert run.verdict == "improved"


def test_an_evaluation_of_two_models_is_listed_by_its_names(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "old-new", report={"labels": {"base": "bge-small", "tuned": "e5-small"}})
    for file in ("config.yaml", "environment.json", "audit.json", "scores.jsonl"):
        (folder / file).unlink()
    run = read_run(folder)
    assert run.state == "finished" and tuple(run.sides) == ("bge-small", "e5-small") and run.rows is None
    assert "e5-small" in data_of(write_index(tmp_path)[0])[0]["search"]


def test_links_are_relative_and_percent_encoded(tmp_path: Path) -> None:
    for name in ("a b", "50%", "x#1", "was?", "ünï", "javascript:alert(1)", "<b>"):
        write_run(tmp_path, name)
    links = {run.name: run.link for run in read_runs(tmp_path)}
    assert links["50%"] == "./50%25/report.html" and links["a b"] == "./a%20b/report.html"
    assert links["javascript:alert(1)"] == "./javascript%3Aalert%281%29/report.html"
    page = write_index(tmp_path)[0].read_text(encoding="utf-8")
    assert set(re.findall(r'<a href="([^"]*)"', page)) == set(links.values())


def test_long_curves_are_thinned_out_but_keep_their_ends(tmp_path: Path) -> None:
    folder = write_run(tmp_path, "a")
    (folder / "scores.jsonl").write_text("".join(json.dumps({"step": i, "dev": i / 1000}) + "\n" for i in range(1000)))
    found = read_run(folder).curve
    assert len(found) <= 61 and found[0] == (0, 0.0) and found[-1] == (999, 0.999)
    (folder / "scores.jsonl").write_text('{"step": 1\n')
    assert read_run(folder).curve == [] and read_run(folder).state == "finished"


def test_the_page_tells_the_scripts_what_to_sort_by_and_what_differs(tmp_path: Path) -> None:
    write_run(tmp_path, "a", rate=1e-5, delta=-0.05, seconds=30.0)
    write_run(tmp_path, "b", rate=2e-5, dataset="other", finished_at="2027-01-01T00:00:00+00:00")
    write_run(tmp_path, "c", finished=False)
    page, runs = write_index(tmp_path)
    assert counted(runs) == "3 runs: 2 finished, 1 not finished"
    b, a, c = data_of(page)
    assert [run["name"] for run in (a, b, c)] == ["a", "b", "c"]
    assert a["keys"]["change"] == -0.05 and a["keys"]["verdict"] == "worse" and a["keys"]["trained"] == 30.0
    assert c["keys"]["change"] is None and c["keys"]["finished"] is None and c["keys"]["state"] == "not finished"
    # only settings that differ somewhere; names of runs always do and are left out
    assert a["config"] == {"training.learning_rate": "1e-05"} and b["config"] == {"training.learning_rate": "2e-05"}
    assert a["results"] == {"docs": ["nDCG@10", 1225, 0.532, pytest.approx(0.482), "a" * 64]}


def test_an_index_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(tmp_path, "a")
    page, _ = write_index(tmp_path)
    before = page.read_bytes()
    write_run(tmp_path, "b")

    def full(path: Path, *args: Any) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_index(tmp_path)
    assert page.read_bytes() == before


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_names_and_settings_of_others_stay_text(tmp_path: Path, text: str) -> None:
    name = text.replace("/", "∕").replace("\0", "").encode("utf-8", "replace").decode()[:80]
    written = text.replace("\ud800", "?").replace("\0", "?").replace("\x07", "?")
    write_run(tmp_path, name, dataset=text, model=written, report={"labels": {"base": text, "tuned": text}})
    broken = write_run(tmp_path, "broken", finished=False)
    (broken / "config.yaml").write_text(f"a: &{written[:60]} [", encoding="utf-8")
    reader = Reader(write_index(tmp_path)[0].read_text(encoding="utf-8"))
    assert [tag for tag in reader.tags if tag in {"script", "img", "style", "form"}] == ["style", "script", "script"]
    assert not [n for _, n, _ in reader.attributes if n.startswith("on") or n in {"src", "srcdoc", "action", "style"}]
    assert all(v is not None and v.startswith(("./", "data:image/svg+xml,")) for _, n, v in reader.attributes if n == "href")
    block = next(raw for kind, raw in reader.raw if kind == "application/json")
    assert not re.search("[<>&\u2028\u2029]", block) and len(json.loads(block)["runs"]) == 2


def test_a_thousand_runs(tmp_path: Path) -> None:
    for i in range(1000):
        write_run(tmp_path, f"run-{i:04}", rate=1e-5 * (1 + i % 7), delta=0.001 * (i % 90 - 30))
    page, runs = write_index(tmp_path)
    assert counted(runs) == "1,000 runs: 1,000 finished"
    html = page.read_text(encoding="utf-8")
    assert html.count('<tr role="row" class="finished">') == 1000 == len(data_of(page))
    assert len(html.encode()) < 4_000_000


def report(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Exit code and output of `embed-tune report …`."""
    code = 0
    try:
        main(["report", *words])
    except SystemExit as stop:
        code = int(stop.code or 0)
    output = capsys.readouterr()
    return code, output.out + output.err


def test_command_builds_the_index(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(in_tmp / "checkpoints", "first")
    assert report(capsys) == (0, "index: checkpoints/index.html\n  1 run: 1 finished\n")
    assert (in_tmp / "checkpoints" / "index.html").is_file()


@pytest.mark.parametrize("words", ["checkpoints/first", "first"])
def test_command_names_the_page_of_a_single_run(in_tmp: Path, capsys: pytest.CaptureFixture[str], words: str) -> None:
    run = write_run(in_tmp / "checkpoints", "first")
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    assert report(capsys, words) == (0, "report: checkpoints/first/report.html\n")
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before


def _unfinished(folder: Path) -> None:
    write_run(folder, "r", finished=False)


def _damaged(folder: Path) -> None:
    (write_run(folder, "r") / "report.json").write_text("{")


def _pageless(folder: Path) -> None:
    write_run(folder, "r", page=None)


def _foreign(folder: Path) -> None:
    (folder / "r" / "drafts").mkdir(parents=True)


def _file(folder: Path) -> None:
    folder.mkdir()
    (folder / "r").write_text("")


@pytest.mark.parametrize(
    ("prepare", "message", "hint"),
    [
        (
            _unfinished,
            "runs/r is not finished, so it has no report: There is no checkpoint yet",
            "embed-tune train --resume runs/r",
        ),
        (
            _damaged,
            "runs/r is broken: report.json cannot be read",
            "remove report.json and judge the run again: embed-tune train",
        ),
        (_pageless, "runs/r has no page: report.html is missing", "remove report.json and judge the run again: embed-tune train"),
        (_foreign, "runs/r holds no runs", "name the folder that holds your runs"),
        (_file, "runs/r is not a folder", "name the folder that holds your runs"),
        (lambda folder: None, "runs/r: no such run", "there are no runs in runs"),
    ],
)
def test_command_says_why_there_is_no_page(
    in_tmp: Path, capsys: pytest.CaptureFixture[str], prepare: Any, message: str, hint: str
) -> None:
    prepare(Path("runs"))
    code, output = report(capsys, "runs/r")
    assert (
        code == 2
        and output.startswith(f"error: {message}")
        and f"What to do: {hint}" in output.replace("if it is no longer running, continue it: ", "")
    )
    assert "Traceback" not in output and not Path("runs/r/index.html").exists()


def test_command_without_any_run(in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(capsys)[1].startswith("error: checkpoints does not exist\n")
    with pytest.raises(RunError, match="nowhere does not exist"):
        write_index(Path("nowhere"))


def test_command_opens_the_browser(in_tmp: Path) -> None:
    write_run(in_tmp / "checkpoints", "first run")
    browser = in_tmp / "browser"
    browser.write_text('#!/bin/sh\nprintf "%s" "$1" > "$(dirname "$0")/opened"\n')
    browser.chmod(0o755)
    command = [sys.executable, "-m", "train.cli.app", "report", "checkpoints/first run", "--open"]
    environment = os.environ | {"BROWSER": str(browser), "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    subprocess.run(command, check=True, env=environment, cwd=in_tmp, capture_output=True)
    assert (in_tmp / "opened").read_text() == f"{in_tmp.as_uri()}/checkpoints/first%20run/report.html"


def test_command_needs_neither_torch_nor_pandas(in_tmp: Path) -> None:
    write_run(in_tmp / "checkpoints", "first")
    program = (
        "import sys; from train.cli.app import main; main(['report'])\n"
        "assert not {'torch', 'pandas', 'sentence_transformers', 'pyarrow'} & set(sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=in_tmp, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_run_that_was_judged_on_nothing_is_listed(tmp_path: Path) -> None:
    write_run(tmp_path, "a", report={"datasets": [], "primary": None, "verdict": "no_evidence"})
    write_run(tmp_path, "b", report={"datasets": [result("x"), result("y", -0.2)], "primary": "gone", "verdict": "mixed"})
    a, b = read_runs(tmp_path)
    assert a.primary is None and b.primary is not None and b.primary.name == "x"
    assert "Nothing was judged." in write_index(tmp_path)[0].read_text(encoding="utf-8")


@pytest.mark.parametrize(("kept", "shown"), [(False, "+0.040"), (True, "+0.000")])
def test_the_figures_are_those_that_the_verdict_stands_on(tmp_path: Path, kept: bool, shown: str) -> None:
    """Those of cross-validation where it was done, unless the run ships the base: what its parts gained is not in that model."""
    folder = write_run(tmp_path, "first", delta=0.0)
    report = json.loads((folder / "report.json").read_text())
    crossed = {"folds": 5, "n": 900, "base": 0.5, "tuned": 0.54, "delta": 0.04, "ci95": [0.02, 0.06], "p_value": 0.001}
    report["datasets"][0] |= {"cross_validation": crossed | {"verdict": "improved"}, "kept_base": kept}
    (folder / "report.json").write_text(json.dumps(report))
    page, _ = write_index(tmp_path)
    html = page.read_text(encoding="utf-8")
    assert f"<b>{shown}</b>" in html
    assert ("0.500 → 0.540" in html) is not kept
