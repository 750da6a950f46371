"""Runs are looked for in the same places, and told alike where they are not, whatever is to be done with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.handmade import retrieval, write_run
from train.errors import RunError
from train.runs.find import find_finished, find_run, find_unfinished, look_up
from train.runs.folder import RunFolder, create_run


def test_a_bare_name_is_looked_for_below_output_dir_and_a_folder_takes_precedence(in_tmp: Path) -> None:
    for room in ("checkpoints", "elsewhere"):
        write_run(in_tmp / room / "first", {"faq": retrieval([0.5])})
    assert find_run("first") == find_finished("first") == Path("checkpoints/first")
    assert find_run(Path("first"), "elsewhere") == look_up("first", Path("elsewhere")) == Path("elsewhere/first")
    write_run(in_tmp / "first", {"faq": retrieval([0.5])})
    assert find_run("first", "elsewhere") == Path("first")
    assert find_run(str(in_tmp / "first")) == in_tmp / "first"
    assert look_up("second") is None and look_up("elsewhere") == Path("elsewhere")


def test_a_folder_that_is_no_run_does_not_hide_a_run_of_its_name(in_tmp: Path) -> None:
    write_run(in_tmp / "checkpoints" / "first", {"faq": retrieval([0.5])})
    (in_tmp / "first").mkdir()
    (in_tmp / "first" / "notes.txt").touch()
    assert look_up("first") == find_finished("first") == Path("checkpoints/first")
    assert look_up("./first/../first") == Path("first/../first"), "a path means what lies there"
    (in_tmp / "second").mkdir()
    assert look_up("second") == Path("second")


@pytest.mark.parametrize("find", [find_run, find_finished, find_unfinished])
def test_what_is_not_there_is_told_alike(in_tmp: Path, find: type[find_run]) -> None:
    for name in ("first", "second"):
        write_run(in_tmp / "runs" / name, {"faq": retrieval([0.5])})
    (in_tmp / "runs" / "drafts").mkdir()
    with pytest.raises(RunError, match=r"frist: no such run\n.*did you mean runs/first\? runs there: first, second$"):
        find("frist", "runs")
    with pytest.raises(RunError, match=r"runs/zzz: no such run\n.*runs there: first, second$"):
        find("runs/zzz")
    with pytest.raises(
        RunError, match=r"first: no such run\n.*there are no runs in checkpoints; for a run elsewhere, give its folder"
    ):
        find("first")
    with pytest.raises(RunError, match=r"runs/drafts is not the folder of a run\n.*runs there: first, second$"):
        find("runs/drafts")


def test_of_many_runs_a_few_are_named(in_tmp: Path) -> None:
    for number in range(8):
        RunFolder(create_run(in_tmp / "runs", f"run-{number}")).config.touch()
    with pytest.raises(RunError, match=r"runs there: run-3, run-4, run-5, run-6, run-7 and 3 more$"):
        find_run("zzz", "runs")


def test_what_cannot_be_resumed_says_why(tmp_path: Path) -> None:
    run = RunFolder(create_run(tmp_path, "done"))
    run.config.touch()
    with pytest.raises(RunError, match=r"it has no environment\.json"):
        find_unfinished(run.path)
    run.environment.touch()
    assert find_unfinished(run.path) == run.path == find_unfinished("done", tmp_path)
    with pytest.raises(RunError, match=r"done is not finished \(it has no report\.json\)\n.*embed-tune train --resume"):
        find_finished(run.path)
    (run.path / "checkpoint-4").mkdir()
    with pytest.raises(RunError, match=r"scores\.jsonl is missing"):
        find_unfinished(run.path)
    run.scores.touch()
    run.report.touch()
    with pytest.raises(RunError, match="already finished"):
        find_unfinished(run.path)
