"""`clean`: what goes, what never goes, and that nobody is taken by surprise."""

from __future__ import annotations

import io
import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pages import write_run
from train.cli.app import main
from train.errors import ConfigError
from train.fit.checkpoints import drop_states, has_ended, mark_ended
from train.runs.leftovers import KINDS
from train.runs.tidy import tidy
from train.workflows.clean import Cleaning, look_for_leftovers, remove_leftovers

OLD = 3 * 86_400
STATES = ("optimizer.pt", "scheduler.pt", "rng_state.pth")
PRECIOUS = ("config.yaml", "environment.json", "report.json", "scores.jsonl", "per_query.parquet", "model/model.safetensors")


def write_checkpoint(run: Path, step: int) -> None:
    folder = run / f"checkpoint-{step}"
    folder.mkdir()
    for name in ("model.safetensors", "trainer_state.json", *STATES):
        (folder / name).write_bytes(bytes(1000))
    (folder / "work.json").write_text(json.dumps({"seconds": 1.5, "rows": step, "tokens": 3}))


def write_full(folder: Path, name: str, *, finished: bool = True, keep_all: bool = False) -> Path:
    """Write a run with all that a run may have, of which nothing was touched for days. The best of its checkpoints is 40."""
    run = write_run(folder, name, finished=finished)
    (run / "config.yaml").write_text(f"training: {{keep_all_checkpoints: {str(keep_all).lower()}}}")
    lines = [{"step": 0, "dev": 0.4}, {"step": 20, "dev": 0.5}, {"step": 40, "dev": 0.7}, {"step": 60, "dev": 0.6}]
    (run / "scores.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (run / "per_query.parquet").write_text("values")
    for step in (20, 40, 60):
        write_checkpoint(run, step)
    (run / "model").mkdir()
    (run / "model" / "model.safetensors").write_text("weights")
    part = write_run(run / "folds", "part-1", finished=finished)
    (part / "model").mkdir()
    (part / "model" / "model.safetensors").write_text("weights")
    for number, marker in (("1", True), ("2", False)):
        offline = run / "wandb" / f"offline-run-{number}"
        offline.mkdir(parents=True)
        (offline / "run-x.wandb").write_text("log")
        if marker:
            (offline / "run-x.wandb.synced").write_text("")
    (run / ".report.json.abc.tmp").write_text("{")
    return run


def write_cache(folder: Path) -> Path:
    cache = folder / ".cache"
    for name in (
        "vectors",
        "tokens/space",
        "faq-0123456789ab",
        "mixtures",
        "memory/0123456789abcdef",
        "mteb/results",
        "speed",
        "uploads/.docs-0123.parts",
    ):
        (cache / name).mkdir(parents=True)
        (cache / name / "content").write_bytes(bytes(100))
    return cache


def age(folder: Path, seconds: float = OLD) -> None:
    """Let everything in a folder look as if nothing had been written for a while."""
    then = time.time() - seconds
    for path in sorted(folder.rglob("*"), reverse=True):
        os.utime(path, (then, then), follow_symlinks=False)
    os.utime(folder, (then, then))


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kinds(cleaning: Cleaning) -> dict[str, int]:
    return {kind: sum(one.bytes for one in cleaning.found if one.kind == kind) for kind in {one.kind for one in cleaning.found}}


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A folder of runs with one of everything."""
    folder = tmp_path / "runs"
    write_full(folder, "done")
    write_full(folder, "wish", keep_all=True)
    write_full(folder, "stopped", finished=False)
    (write_full(folder, "broken") / "report.json").write_text("{")
    write_cache(folder)
    (folder / "drafts").mkdir()
    (folder / "drafts" / "optimizer.pt").write_text("mine")
    age(folder)
    return folder


def test_each_kind_is_found_with_its_size(runs: Path) -> None:
    found = look_for_leftovers(runs)
    sizes = kinds(found)
    assert sizes == {
        "states": 2 * 9000,
        "checkpoints": 2 * (2000 + len(json.dumps({"seconds": 1.5, "rows": 20, "tokens": 3}))),
        "parts": 2 * 7,
        "wandb": 2 * 3,
        "staging": 2 * 1,
        "vectors": 100,
        "tokens": 100,
        "data": 200,
        "uploads": 100,
    }
    assert found.bytes == sum(sizes.values()) and set(sizes) == set(KINDS)
    assert {one.path.name for one in found.found if one.kind == "checkpoints"} == {"checkpoint-20", "checkpoint-60"}
    words = str(found)
    assert "18.0 kB  states: optimizer states of finished runs; lost: nothing" in words and words.count("\n") == len(KINDS)
    detailed = "\n".join(found.lines(paths=True))
    assert f"{runs}/done/checkpoint-20" in detailed and "stopped is not finished, so all of it stays" in detailed
    assert all(kind.purpose in detailed for kind in KINDS.values())


def test_what_is_precious_stays_and_the_rest_goes(runs: Path) -> None:
    before = content(runs)
    done = remove_leftovers(look_for_leftovers(runs))
    after = content(runs)
    assert not done.kept and not look_for_leftovers(runs).found
    assert all(before[name] == text for name, text in after.items() if name in before)
    for run in ("stopped", "broken", "drafts"):
        assert {name for name in before if name.startswith(f"{run}/")} == {name for name in after if name.startswith(f"{run}/")}
    for run in ("done", "wish"):
        assert all(f"{run}/{name}" in after for name in PRECIOUS)
        assert f"{run}/wandb/offline-run-2/run-x.wandb" in after, "what was not uploaded stays"
        assert f"{run}/checkpoint-40/model.safetensors" in after, "by the checkpoint that was taken it can be judged again"
        assert f"{run}/folds/part-1/report.json" in after
        assert json.loads(after[f"{run}/work.json"]) == {"seconds": 1.5, "rows": 60, "tokens": 3}
    assert not any(name.rpartition("/")[2] in STATES for name in after if name.split("/")[0] in ("done", "wish"))
    assert {name.split("/")[1] for name in after if name.startswith("wish/checkpoint-")} == {
        f"checkpoint-{s}" for s in (20, 40, 60)
    }
    assert {name.split("/")[1] for name in after if name.startswith(".cache/")} == {"memory", "mteb", "speed"}


def states() -> Iterator[tuple[str, ...]]:
    """Every set of files without which a run is not what it seems."""
    files = ("report.json", "config.yaml", "environment.json", "scores.jsonl")
    for count in range(1, len(files) + 1):
        yield from itertools.combinations(files, count)


@pytest.mark.parametrize("missing", states(), ids="-".join)
def test_a_run_that_lacks_a_record_keeps_its_weights(tmp_path: Path, missing: tuple[str, ...]) -> None:
    run = write_full(tmp_path, "odd")
    for name in missing:
        (run / name).unlink()
    age(tmp_path)
    before = content(run)
    remove_leftovers(look_for_leftovers(tmp_path))
    gone = set(before) - set(content(run))
    if missing == ("scores.jsonl",):  # finished: without scores nobody knows which checkpoint was taken, the last counts
        assert "checkpoint-60/model.safetensors" not in gone and "model/model.safetensors" not in gone
    else:
        assert not gone


def test_one_run_alone_can_be_cleaned_and_one_kind_alone(runs: Path) -> None:
    found = look_for_leftovers(runs / "done", ["checkpoints"])
    assert set(kinds(found)) == {"checkpoints"} and all(one.run == runs / "done" for one in found.found)
    remove_leftovers(found)
    assert has_ended(runs / "done"), "without its last checkpoint it must not be trained on"
    assert not (runs / "done" / "checkpoint-60").exists() and (runs / "done" / "checkpoint-40" / "optimizer.pt").exists()
    assert (runs / "wish" / "checkpoint-60" / "optimizer.pt").exists()
    with pytest.raises(ConfigError, match=r"no such kind\n.*states, checkpoints"):
        look_for_leftovers(runs, ["models"])


def test_caches_stay_while_somebody_may_use_them(runs: Path) -> None:
    os.utime(runs / ".cache" / "vectors" / "content")
    found = look_for_leftovers(runs)
    assert "vectors" not in kinds(found) and "tokens" in kinds(found)
    assert any(one.startswith("vectors was used within the last 10 minutes") for one in found.kept)
    os.utime(runs / "stopped" / "scores.jsonl")
    found = look_for_leftovers(runs)
    assert not {"vectors", "tokens", "data"} & set(kinds(found)) and "states" in kinds(found)
    assert "stopped may still be running, so the caches stay" in found.kept


def test_the_empty_folder_of_finished_uploads_is_no_leftover(runs: Path) -> None:
    shutil.rmtree(runs / ".cache" / "uploads" / ".docs-0123.parts")
    age(runs)
    assert "uploads" not in kinds(look_for_leftovers(runs))


def test_what_is_being_written_is_no_leftover(runs: Path) -> None:
    (runs / "done" / ".page.abc.tmp").write_text("half")
    (runs / ".new-run.abc.tmp").mkdir()
    assert [one.path.name for one in look_for_leftovers(runs).found if one.kind == "staging"] == [".report.json.abc.tmp"] * 2


def test_what_a_killed_export_left_is_found_and_the_export_stays(runs: Path) -> None:
    for name in ("onnx", ".onnx.abc.tmp"):
        (runs / "done" / "exports" / name).mkdir(parents=True)
        (runs / "done" / "exports" / name / "model.onnx").write_bytes(bytes(500))
    assert kinds(look_for_leftovers(runs))["staging"] == 2  # it may still be written
    age(runs / "done" / "exports")
    found = look_for_leftovers(runs)
    assert kinds(found)["staging"] == 2 + 500
    remove_leftovers(found)
    assert [path.name for path in (runs / "done" / "exports").iterdir()] == ["onnx"]


def test_links_are_not_followed(runs: Path, tmp_path: Path) -> None:
    elsewhere = write_full(tmp_path / "elsewhere", "far")
    (runs / "near").symlink_to(elsewhere)
    shutil.move(runs / ".cache", tmp_path / "cache")
    (runs / ".cache").symlink_to(tmp_path / "cache")
    before = content(elsewhere) | content(tmp_path / "cache")
    remove_leftovers(look_for_leftovers(runs))
    assert content(elsewhere) | content(tmp_path / "cache") == before


def test_a_run_that_is_to_be_judged_again_meanwhile_stays(runs: Path) -> None:
    found = look_for_leftovers(runs)
    (runs / "done" / "report.json").unlink()
    before = content(runs / "done")
    done = remove_leftovers(found)
    assert content(runs / "done") == before and all("done is no longer finished" in one for one in done.kept) and done.kept
    assert not (runs / "wish" / "checkpoint-20" / "optimizer.pt").exists()


def clean(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    code = 0
    try:
        main(["clean", *words])
    except SystemExit as stop:
        code = int(stop.code or 0)
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_the_command_asks_first(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    class Keyboard(io.StringIO):
        def isatty(self) -> bool:
            return True

    before, place = content(runs), str(runs)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    code, said = clean(capsys, place)
    assert code == 2 and "nothing was removed: there is no terminal to ask at" in said and content(runs) == before
    assert clean(capsys, place, "--dry-run", "--yes")[0] == 0 and content(runs) == before
    monkeypatch.setattr("sys.stdin", Keyboard())
    for answer in ("", "n", "what?"):
        monkeypatch.setattr("builtins.input", lambda prompt, answer=answer: answer)
        code, said = clean(capsys, place)
        assert code == 0 and said.endswith("nothing was removed\n") and content(runs) == before
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    code, said = clean(capsys, place, "--only", "states")
    assert code == 0 and said.endswith("removed 18.0 kB\n") and (runs / "done" / "checkpoint-20").is_dir()
    code, said = clean(capsys, place, "--yes")
    assert code == 0 and "removed " in said
    assert clean(capsys, place) == (0, f"nothing to clean in {place}\n")


def test_a_finished_run_drops_its_states_and_the_models_of_its_seeds(tmp_path: Path) -> None:
    run = write_full(tmp_path, "done")
    shutil.move(run / "folds", run / "seeds")
    (run / "seeds" / "part-1").rename(run / "seeds" / "seed-43")
    tidy(run)
    left = content(run)
    assert not [name for name in left if name.endswith(STATES)] and "seeds/seed-43/model/model.safetensors" not in left
    assert {name for name in left if name.endswith("safetensors")} == {
        *(f"checkpoint-{step}/model.safetensors" for step in (20, 40, 60)),
        "model/model.safetensors",
    }
    assert has_ended(run)


def test_states_of_an_optimizer_that_was_spread_go_as_well_and_a_disk_that_refuses_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_full(tmp_path, "done")
    (run / "checkpoint-20" / "optimizer_0").mkdir()
    (run / "checkpoint-20" / "optimizer_0" / "shard").write_text("x")
    monkeypatch.setattr("train.fit.checkpoints.write_json", lambda *given: (_ for _ in ()).throw(OSError(28, "full")))
    drop_states(run)
    assert (run / "checkpoint-20" / "optimizer_0").exists(), "without the mark it could be trained on, with a new optimizer"
    monkeypatch.undo()
    drop_states(run)
    assert not (run / "checkpoint-20" / "optimizer_0").exists()
    mark_ended(run)
    assert json.loads((run / "work.json").read_text())["rows"] == 60
