"""The wheel is complete: installed where there is no clone, it works from an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.doc_files import write_files
from tests.support.measuring import AT_ONCE, FEW_TEXTS

pytestmark = pytest.mark.slow

SOURCES = ("data", "train", "configs", "embed_tune.py", "pyproject.toml", "README.md", "LICENSE")
QUICK = (
    "training.max_steps=2",
    "training.evaluations=1",
    "evaluation.resamples=200",
    "evaluation.cross_validation=off",
    "model.device=cpu",
    "model.max_tokens=16",  # 1,500 documents are judged
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: building leaves files beside the sources."""
    copy, out = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, copy / name)
    _done([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(out), str(copy)], copy)
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel, and with the libraries of the running one, whose editable clone it does not see."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    _done([sys.executable, "-m", "venv", "--without-pip", str(folder)], wheel.parent)
    python = str(folder / "bin" / "python")
    _done([sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", str(wheel)], wheel.parent)
    (packages,) = folder.glob("lib/python*/site-packages")
    # `.pth` files of a folder that such a line names are not read, and one of them leads to the clone
    libraries = dict.fromkeys(sysconfig.get_paths()[kind] for kind in ("purelib", "platlib"))
    (packages / "libraries.pth").write_text("\n".join(libraries) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return tmp_path


def _done(words: list[str], folder: Path) -> str:
    """Run a program that has to succeed, without what leads this process to the clone, and return what it prints."""
    variables = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def run(venv: Path, folder: Path, *words: str) -> str:
    return _done([str(venv / "bin" / "embed-tune"), *words], folder)


def python(venv: Path, folder: Path, code: str) -> list[str]:
    return _done([str(venv / "bin" / "python"), "-c", code], folder).splitlines()


def test_the_wheel_holds_each_file_that_is_not_code(wheel: Path) -> None:
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {str(path.relative_to(ROOT)) for name in ("data", "train") for path in (ROOT / name).rglob("*") if path.is_file()}
    wanted |= {f"train/{path.relative_to(ROOT)}" for path in (ROOT / "configs").rglob("*") if path.is_file()}
    assert {name for name in wanted if "__pycache__" not in name} - held == set()
    assert {name for name in held if name.split("/")[0] not in ("data", "train") and ".dist-info/" not in name} == {
        "embed_tune.py"
    }


def test_nothing_of_the_clone_is_used(venv: Path, empty: Path) -> None:
    code = """
import embed_tune, train, data
from train.cli.train import DEFAULT_CONFIG
from train.config.presets import presets
print(embed_tune.__file__, train.__file__, data.__file__, DEFAULT_CONFIG, *presets(), sep="\\n")
"""
    places = python(venv, empty, code)
    assert len(places) == 4 + len(list((ROOT / "configs" / "models").glob("*.yaml")))
    assert [place for place in places if not Path(place).is_relative_to(venv) or not Path(place).is_file()] == []


def test_help_and_version(venv: Path, empty: Path) -> None:
    assert "Usage: embed-tune" in run(venv, empty, "--help")
    (version,) = python(venv, empty, "import embed_tune; print(embed_tune.__version__)")
    assert run(venv, empty, "--version") == f"{version}\n"


def test_the_default_trains_and_a_packaged_file_is_found(venv: Path, empty: Path) -> None:
    run(venv, empty, "train", *QUICK, "run_name=first")
    found = empty / "checkpoints" / "first"
    assert (found / "report.html").is_file() and (found / "model" / "model.safetensors").is_file()
    assert json.loads((found / "environment.json").read_text(encoding="utf-8"))["git_revision"] is None
    said = run(venv, empty, "train", "--config", "configs/quick.yaml", "--dry-run")
    assert "configs/quick.yaml: not in this folder; the file of that name that came with embed-tune is read" in said


def test_a_preset_trains_by_its_name(venv: Path, empty: Path) -> None:
    write_files(empty)
    run(
        venv,
        empty,
        "train",
        "--data",
        "my_pairs.csv",
        "model=all-minilm-l6-v2",
        *QUICK,
        "evaluation.cross_validation=off",
        "run_name=one",
    )
    written = (empty / "checkpoints" / "one" / "config.yaml").read_text(encoding="utf-8")
    assert "name: sentence-transformers/all-MiniLM-L6-v2" in written
    code = """
from train.config.load import load_config
print(load_config(None, data="x.csv", overrides=["model=scibert"]).model.name)
"""
    assert python(venv, empty, code) == ["allenai/scibert_scivocab_uncased"]


def test_two_models_are_compared_beside_modules_of_the_users(venv: Path, empty: Path, tiny_model: Path) -> None:
    write_files(empty)
    for name in ("one", "other"):
        shutil.copytree(tiny_model, empty / name)
    (empty / "other" / "config_sentence_transformers.json").write_text(
        json.dumps({"prompts": {"query": "q: ", "document": ""}}), encoding="utf-8"
    )
    for name in ("train.py", "data.py"):
        (empty / name).write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    quick = [*AT_ONCE, *FEW_TEXTS, "evaluation.resamples=200"]
    said = run(venv, empty, "compare", "one", "other", "--data", "my_pairs.csv", "model.device=cpu", *quick, "-o", "out")
    assert (empty / "out" / "compare.html").is_file(), said


def test_the_python_api(venv: Path, empty: Path, tiny_model: Path) -> None:
    write_files(empty)
    shutil.copytree(tiny_model, empty / "tiny")
    settings = dict(word.split("=") for word in QUICK)
    code = f"""
import embed_tune
run = embed_tune.fine_tune("my_pairs.csv", model="tiny", name="first", settings={settings!r})
print(run.verdict, embed_tune.open_run("first").report.datasets[0].n, run.encode(["a"], role="query").shape)
"""
    (line,) = python(venv, empty, code)
    assert line.split()[0] in ("improved", "regressed", "mixed", "no_evidence")
