"""Mistakes as people make them, each through the real command line in a process of its own, with the message that they read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.support.forked import ForkServer
from tests.support.mistakes import PAIRS, QUICK, Mistake, Works, pairs
from tests.support.mistakes_in_files import FILES
from tests.support.mistakes_in_rows import ROWS
from tests.support.mistakes_in_settings import LICENCES, MODELS, SETTINGS
from tests.support.mistakes_of_machines import MACHINES, RUNS
from tests.support.works import WORKS
from train.fit.checkpoints import check_checkpoint

TABLES = {"file": FILES, "row": ROWS, "setting": SETTINGS, "licence": LICENCES, "model": MODELS, "machine": MACHINES, "run": RUNS}
MISTAKES = {f"{kind}: {name}": mistake for kind, table in TABLES.items() for name, mistake in table.items()}
PATIENCE = 120
"""Seconds after which a command hangs."""


def prepared(folder: Path, model: Path, case: Mistake | Works) -> None:
    """Makes the working directory of a case: `pairs.csv`, the tiny model in `.tiny`, its own files."""
    (folder / "pairs.csv").write_text(PAIRS, encoding="utf-8")
    shutil.copytree(model, folder / ".tiny", copy_function=os.link)
    for name, content in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def command(words: list[str]) -> list[str]:
    named = any(word.startswith("model.name=") for word in words)
    return words if named or words[:1] != ["train"] or "--resume" in words else [*words, "model.name=.tiny"]


def message(said: str) -> tuple[str, str]:
    """The only error message in what a command said: what is wrong, and what to do ("" where that is not said apart)."""
    messages = f"\n{said}".split("\nerror: ")[1:]
    assert len(messages) == 1, said
    problem, _, advice = messages[0].partition("\n  What to do: ")
    return problem, advice


def paths(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*")}


@pytest.fixture(scope="module")
def stopped(server: ForkServer, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as a machine leaves it that is lost after the first checkpoint."""
    folder = tmp_path_factory.mktemp("stopped")
    prepared(folder, tiny_model, Works((), ()))
    settings = ("run_name=x", "training.max_steps=6", "training.evaluations=2", "training.keep_all_checkpoints=true")
    done = server.run(command(pairs(*settings)), folder, after=PATIENCE, fault=("keep_states",))
    assert done["code"] == 0, done["output"]
    run = folder / "checkpoints" / "x"
    steps = sorted(int(path.name.partition("-")[2]) for path in run.glob("checkpoint-*"))
    assert len(steps) == 2
    for name in (f"checkpoint-{steps[-1]}", "model"):
        shutil.rmtree(run / name)
    for name in ("report.html", "report.json", "per_query.parquet"):
        (run / name).unlink()
    return run


@pytest.fixture
def writable(tmp_path: Path) -> Iterator[Path]:
    """A folder in which rights may be taken away; they are given back in the end, so that it can be removed."""
    yield tmp_path
    for path in [tmp_path, *tmp_path.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755)


def test_there_are_enough_mistakes() -> None:
    assert len(MISTAKES) >= 45 and len({(m.what, m.where) for m in MISTAKES.values()}) >= 45


def marked(cases: dict[str, Any]) -> list[Any]:
    return [pytest.param(case, id=name, marks=[pytest.mark.slow] if case.slow else []) for name, case in cases.items()]


@pytest.mark.parametrize("mistake", marked(MISTAKES))
def test_a_mistake_ends_in_a_sentence_and_leaves_nothing(
    server: ForkServer, tiny_model: Path, stopped: Path, writable: Path, mistake: Mistake
) -> None:
    folder = writable
    prepared(folder, tiny_model, mistake)
    if mistake.run:
        shutil.copytree(stopped, folder / "checkpoints" / "x")
    mistake.prepare(folder)
    before = paths(folder)
    extra = {"fault": mistake.fault} if mistake.fault else {}
    done = server.run(command([*mistake.words]), folder, after=PATIENCE, environment=dict(mistake.environment), **extra)
    said = done["output"]
    assert done["code"] == 2, said
    assert "Traceback" not in said, said
    problem, advice = message(said)
    assert mistake.what in problem, said
    assert mistake.where in problem, said
    assert mistake.hint in (advice or problem), said
    _check_what_is_left(folder, paths(folder) - before, mistake)


def _check_what_is_left(folder: Path, made: set[Path], mistake: Mistake) -> None:
    """Complete tables of the data cache may stay, and a run that can go on; nothing half-written, no empty folder."""
    cache = Path("checkpoints", ".cache")
    hidden = [path for path in made if path.name.startswith(".") and path != cache]
    assert not hidden, "temporary files were left"
    assert not [path for path in made if (folder / path).is_dir() and not any((folder / path).iterdir())], (
        "empty folders were left"
    )
    others = [path for path in made if cache not in (path, *path.parents) and path != cache.parent]
    if not mistake.keeps:
        assert not others, "a run folder was left"
    for path in others:
        if path.match("checkpoint-*"):
            check_checkpoint(folder / path)


@pytest.mark.parametrize("case", marked(WORKS))
def test_what_looks_like_a_mistake_works_and_is_said(server: ForkServer, tiny_model: Path, tmp_path: Path, case: Works) -> None:
    prepared(tmp_path, tiny_model, case)
    case.prepare(tmp_path)
    verbose = [] if case.words[0] in ("report", "diff", "push", "settings") else ["--verbose"]
    done = server.run([*command([*case.words]), *verbose], tmp_path, after=PATIENCE, environment=dict(case.environment))
    assert done["code"] == 0, done["output"]
    for line in case.says:
        assert line in done["output"], done["output"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 48 MB; skips where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root with the right to mount can make a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize(
    ("function", "what"),
    [
        ("data.load:rows_table", "the disk is full: the rows could not be written to the data cache (No space left on device)"),
        ("train.pipeline:fit", "scores.jsonl: the disk is full (No space left on device)"),
        ("train.pipeline:export_model", "the model cannot be written to"),
        ("train.pipeline:report_run", "the disk is full (No space left on device)"),
    ],
)
def test_a_disk_that_fills_up(
    server: ForkServer, tiny_model: Path, tmp_path: Path, small_disk: Path, function: str, what: str
) -> None:
    prepared(tmp_path, tiny_model, Works((), ()))
    words = command(pairs("run_name=x", f"output_dir={small_disk}"))
    done = server.run(words, tmp_path, fault=["fill_disk_at", function, str(small_disk)], after=PATIENCE)
    assert done["code"] == 2 and "Traceback" not in done["output"], done["output"]
    problem, advice = message(done["output"])
    assert what in problem and "make room" in advice, done["output"]
    (small_disk / ".filler").unlink()
    left = {path for path in paths(small_disk) if path.name.startswith(".") or path.suffix == ".tmp"} - {Path(".cache")}
    assert not left, "temporary files were left"
    if function == "data.load:rows_table":
        assert not list(small_disk.iterdir())
    else:
        assert f"--resume {small_disk / 'x'}" in advice
        again = server.run(["train", "--resume", str(small_disk / "x")], tmp_path, after=PATIENCE)
        assert again["code"] == 0, again["output"]  # with room on the disk the run comes to its end
        assert (small_disk / "x" / "report.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--mixed_precision", "fp16"], "asks for mixed_precision fp16"),
        (["--dynamo_backend", "inductor"], "asks for torch.compile (dynamo_backend INDUCTOR)"),
        (["--num_processes", "2", "--cpu"], "several processes were requested, but the launcher started one"),
    ],
)
def test_accelerates_launcher_leaves_the_signs_by_which_it_is_understood(
    tiny_model: Path, tmp_path: Path, options: list[str], says: str
) -> None:
    prepared(tmp_path, tiny_model, Works((), ()))
    launcher = str(Path(sys.executable).with_name("accelerate"))
    words = [launcher, "launch", "--quiet", *options, str(ROOT / "train" / "run.py"), "--data", "pairs.csv", "--dry-run"]
    done = subprocess.run([*words, "model.name=.tiny", *QUICK], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert says in done.stdout + done.stderr, done.stdout + done.stderr
