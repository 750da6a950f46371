"""The documentation holds: its Python and its commands run, its links lead somewhere, and what it names exists.

Pages are run in a folder of their own with the small files of `tests/support/doc_files.py`, offline, with the packaged model.
Training is cut to a few steps by settings that the test adds to each command and to `fine_tune`.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from tests.support import doc_pages
from tests.support.doc_files import write_files
from tests.support.doc_pages import ALL_PAGES, PAGES, PLAIN, PYTHON, README, ROOT, SHELL, Block, name_of

README_LIMIT = 13_000
"""Characters: what a newcomer reads in one go; the rest is in docs/."""

GPUS = "accelerate launch --config_file configs/accelerate/gpus.yaml"
SPEED = "python -m tests.benchmarks.train_speed --workload stsb"

EXCEPTIONS = {
    "make train": "makes an environment and trains for minutes; .ci/run installs in the same way",
    "make lint": "runs beside the tests in .ci/run",
    "make test": "runs these tests",
    ".venv/bin/python -m pytest -m slow": "runs these tests",
    ".venv/bin/python -m pytest -m shared": "needs the public data sets and minutes",
    "pip install .": "installs into the environment that runs the tests; the test of the wheel has one of its own",
    "embed-tune benchmark all-MiniLM-L6-v2 first --tasks ArguAna NFCorpus --data my_pairs.csv": "its tasks come from the Hub",
    "embed-tune push first owner/my-model": "needs a token of the Hub; tests/train/deploy has a server of its own",
    "embed-tune push checkpoints/first owner/my-model": "needs a token of the Hub; tests/train/deploy has a server of its own",
    "embed-tune compare --config configs/compare.yaml --max-latency-ms 20 --max-dims 512 --local-only": "models from the Hub",
    "embed-tune train --config configs/models/scibert.yaml --data my_pairs.csv": "SciBERT comes from the Hub",
    "embed-tune report --open": "opens a browser",
    "embed-tune verify http://localhost:8080/v1 --against first": "needs a server; tests/train/encode/verify has its own",
    "wandb leet checkpoints/tracked/wandb": "is an interface that waits for keys",
    "wandb sync checkpoints/tracked/wandb": "uploads to an account",
    "embed-tune serve first --port 8080": "is a server that runs until it is stopped; tests/train/workflows has one",
    "tensorboard --logdir checkpoints": "is a server that runs until it is stopped",
    f"{GPUS} --num_processes 8 train/run.py --data my_pairs.csv": "needs GPUs",
    f"{GPUS} train/run.py embed corpus.jsonl --out vectors.parquet": "needs GPUs",
    f"{SPEED} --batch 128 --steps 2 --rounds 4 --arms A,B,D --data FOLDER": "takes minutes, needs the public data sets",
    f"{SPEED} --batch 32 --score --seeds 5 --epochs 0.5 --arms A,D --data FOLDER": "takes minutes, needs the public data sets",
    "python -m tests.benchmarks.encode_speed --workload mixed --texts 256 --rounds 4 --arms A,B,D": "takes minutes",
}
"""Fenced commands that are not run, as they are written, each with the reason. They are parsed all the same."""

CUT = ("training.max_steps=2", "training.evaluations=1")
"""Added to `train`: what is documented is that the commands work, not how good a model of two steps is."""
CUTS = {
    "train": CUT,
    "compare": ("measure.seconds=1", "measure.rounds=0", "measure.latency_texts=5", "measure.throughput_texts=16"),
}
"""Settings that shorten a command, by command."""
UNCUT = ("--resume",)
"""Options that stand alone."""

RUNS = ("first", "second")
"""Finished runs that pages speak of without making them."""
LARGE = 1_000_000
"""Bytes from which a file of a run is linked, not copied."""

MACHINE = re.compile(r"(?<![\w.:/])/(?:home|root|tmp|work|mnt|Users)/|pypi\.org|pip install [^`\n]*embed[-_]tune")
"""Paths of a machine, addresses of package registries, and an installation from where the project is not."""

pages = pytest.mark.parametrize("page", ALL_PAGES, ids=name_of)


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8")) <= README_LIMIT


@pages
def test_every_fenced_block_says_its_language(page: Path) -> None:
    known = {*PYTHON, *SHELL, *PLAIN}
    assert [f"line {one.line}" for one in doc_pages.blocks(page) if one.language not in known] == []


@pages
def test_links_lead_to_files_and_headings(page: Path) -> None:
    lost = []
    for target in doc_pages.links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and (file.suffix != ".md" or anchor not in doc_pages.anchors(file))):
            lost.append(target)
    assert lost == []


@pages
def test_pages_name_no_place_that_a_reader_lacks(page: Path) -> None:
    assert MACHINE.findall(page.read_text(encoding="utf-8")) == []


@pages
def test_settings_that_the_text_names_exist(page: Path) -> None:
    assert [key for key in doc_pages.named_settings(page) if not is_setting(key)] == []


def test_files_that_contributors_are_sent_to_exist() -> None:
    text = doc_pages.prose(ROOT / "CONTRIBUTING.md")
    named = [code for code in doc_pages.CODE.findall(text) if re.fullmatch(r"(train|data|tests|configs|docs)/[\w./-]*", code)]
    assert [path for path in named if not (ROOT / path).exists()] == []


def every_command() -> dict[str, str]:
    """Return each command of the pages, fenced or named in the text, with the page that has it."""
    return {
        command: name_of(page)
        for page in ALL_PAGES
        for command in (*doc_pages.named_commands(page), *doc_pages.fenced_commands(page))
    }


@pytest.mark.parametrize("command", every_command())
def test_commands_are_ones_that_exist_with_options_and_settings_that_exist(command: str) -> None:
    words = shlex.split(command)
    match words:
        case ["make", target]:
            assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        case ["embed-tune", name, *rest]:
            parse(name, rest)
        case ["accelerate", "launch", *rest]:
            name, arguments = launched(rest)
            parse(name, arguments)
        case ["python", "-m", module, *_]:
            assert importlib.util.find_spec(module) is not None
        case _:
            assert command in EXCEPTIONS, "neither run nor excepted"


def test_exceptions_are_commands_of_the_pages() -> None:
    fenced = {command for page in ALL_PAGES for command in doc_pages.fenced_commands(page)}
    assert [command for command in EXCEPTIONS if command not in fenced] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_of_a_page_compiles(page: Path) -> None:
    for block in doc_pages.blocks(page):
        if block.language in PYTHON:
            compile(block.text, f"{name_of(page)}:{block.line}", "exec")


@pytest.fixture(scope="session")
def finished_runs(server: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the runs that pages speak of, and return their `checkpoints` folder."""
    folder = tmp_path_factory.mktemp("finished")
    write_files(folder)
    for seed, name in enumerate(RUNS):
        words = ["train", "--data", "my_pairs.csv", f"run_name={name}", f"training.seed={seed}", *CUT]
        done = server.run(words, folder)
        assert done["code"] == 0, done["output"]
    return folder / "checkpoints"


@pytest.fixture
def in_folder(request: pytest.FixtureRequest, tmp_path: Path, finished_runs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder with the files and the runs that the page needs, those left out that it makes itself."""
    write_files(tmp_path)
    page = request.getfixturevalue("page")
    made = re.findall(r"run_name=(\S+)", " ".join(doc_pages.fenced_commands(page)))
    for name in set(RUNS) - set(made):
        shutil.copytree(finished_runs / name, tmp_path / "checkpoints" / name, copy_function=_link_or_copy)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(one.language not in PLAIN for one in doc_pages.blocks(page))], ids=name_of
)
def test_what_a_page_shows_runs(page: Path, in_folder: Path, server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    variables: dict[str, Any] = {"__name__": "__main__"}
    for block in doc_pages.blocks(page):
        if block.language in PYTHON:
            execute(block, variables, monkeypatch)
        elif block.language in SHELL:
            for command in block.commands():
                if command not in EXCEPTIONS:
                    code, output = run(command, in_folder, server)
                    assert code == 0, f"{command}\n{output}"


def execute(block: Block, variables: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Execute Python as a reader would, one page's blocks after one another, with `fine_tune` cut to a few steps."""
    if "embed_tune" in block.text:
        import embed_tune

        if not hasattr(embed_tune.fine_tune, "whole"):
            monkeypatch.setattr(embed_tune, "fine_tune", _cut(embed_tune.fine_tune))
    exec(compile(block.text, f"{name_of(block.page)}:{block.line}", "exec"), variables)


def _cut(whole: Any) -> Any:
    added = dict(word.split("=") for word in CUT)

    def fine_tune(*data: Any, settings: Mapping[str, Any] | None = None, **options: Any) -> Any:
        return whole(*data, settings={**(settings or {}), **{key: int(value) for key, value in added.items()}}, **options)

    fine_tune.whole = whole  # type: ignore[attr-defined]
    return fine_tune


def run(command: str, folder: Path, server: Any) -> tuple[int, str]:
    """Run a command in a folder, cut short, and return its exit code and its output."""
    words = [str(ROOT / word) if word.startswith(("configs/", "train/run.py")) else word for word in shlex.split(command)]
    if words[0] == "embed-tune":
        if "--resume" in words:  # as if it had been stopped before its end
            (folder / words[words.index("--resume") + 1] / "report.json").unlink()
        done = server.run(shortened(words[1], words[1:]), folder)
        return done["code"], done["output"]
    assert words[:2] == ["accelerate", "launch"], f"how is this run? {command}"
    name, _ = launched(words[2:])
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", *shortened(name, words[2:])],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def shortened(name: str, words: list[str]) -> list[str]:
    """Return the words of a command with the settings that shorten it."""
    return words if any(option in words for option in UNCUT) else [*words, *CUTS.get(name, ())]


def launched(words: list[str]) -> tuple[str, list[str]]:
    """Return the command and the arguments that `accelerate launch … train/run.py …` starts; its launch file must exist."""
    at = next(number for number, word in enumerate(words) if word.endswith("train/run.py"))
    if "--config_file" in words[:at]:
        assert (ROOT / words[words.index("--config_file") + 1]).is_file()
    name, arguments = "train", words[at + 1 :]
    if arguments[:1] == ["embed"]:
        name, arguments = "embed", arguments[1:]
    return name, arguments


def parse(name: str, words: list[str]) -> None:
    """Parse a command as the command line would, without doing it, and look its settings up."""
    import typer

    commands = typer.main.get_command(command_line()).commands  # type: ignore[attr-defined]
    assert name in commands, f"no command {name}; there are {', '.join(commands)}"
    with commands[name].make_context(name, list(words)):
        pass
    keys = [found[1] for word in words if (found := re.match(r"([a-z_][\w.]*)=", word))]
    assert [key for key in keys if not is_setting(key)] == []
    for option, path in itertools.pairwise(words):
        assert option not in ("--config", "-c") or not path.startswith("configs/") or (ROOT / path).is_file(), path


def command_line() -> Any:
    """Return the typer application that `embed-tune` starts."""
    return importlib.import_module("train.cli.app").app


def is_setting(key: str) -> bool:
    """Say whether a key is one of a setting, of training or of a comparison. `N` and numbers stand for places in a list."""
    parts = key.split(".")
    models = setting_roots()
    for part in ["model", *parts[1:]] if parts[0] == "other" else parts:
        if part == "N" or part.isdecimal():
            continue
        fields = [field for model in models for own in _with_shorthand(model) if (field := own.model_fields.get(part))]
        if not fields:
            return False
        models = [model for field in fields for model in _models_in(field.annotation)]
    return True


def setting_roots() -> list[type[BaseModel]]:
    """Return the models of whole configurations: those that have a vector cache."""
    # 0.1.0 had these two modules under the second names
    modules = (_module("train.config.schema", "train.config"), _module("train.workflows.compare.config", "train.choose.config"))
    found = [one for module in modules for one in vars(module).values() if isinstance(one, type) and issubclass(one, BaseModel)]
    roots = [one for one in found if "vector_cache" in one.model_fields]
    assert roots
    return roots


def _module(*names: str) -> ModuleType:
    for name in names:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    raise AssertionError(f"none of these is a module: {', '.join(names)}")


def _with_shorthand(model: type[BaseModel]) -> Iterable[type[BaseModel]]:
    """Keys of one data set may stand directly under `data`."""
    shorthand = model.model_fields.get("datasets")
    return [model, *(_models_in(shorthand.annotation) if shorthand else ())]


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _link_or_copy(source: str, target: str) -> None:
    (os.link if Path(source).stat().st_size > LARGE else shutil.copy2)(source, target)
