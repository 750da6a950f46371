"""`train` and `data` are common names: the command works beside the user's own, and an import says which file hides ours.

All of it in processes of their own, found in two ways: by a folder on the path, as an installed package is, and by a finder
behind the path, as an editable installation is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.measuring import AT_ONCE, FEW_TEXTS

THEIRS = {
    "train.py": ["train.py"],
    "data.py": ["data.py"],
    "data package": ["data/__init__.py"],
    "train package": ["train/__init__.py"],
    "both": ["train.py", "data/__init__.py"],
}
EXECUTED = "the user's module was executed"
OURS = "rows = 'theirs'\nprint(\"the user's module was executed\")\n"

FINDER = """
import sys
from importlib.machinery import PathFinder

class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        return PathFinder.find_spec(name, [{root!r}]) if name in ("embed_tune", "train", "data") else None

sys.meta_path.insert(sys.meta_path.index(PathFinder) + 1, Finder)
"""
"""What an editable installation puts behind the path."""

COMMAND = "import sys\nfrom embed_tune import main\nif __name__ == '__main__':\n    sys.exit(main())\n"
"""The script that pip writes for the command."""

WORKERS = """
import multiprocessing, os, subprocess, sys
import embed_tune

def place(_=None):
    import data.errors, train.machine
    return train.machine.__file__, data.errors.__file__

if __name__ == "__main__":
    embed_tune._come_first()
    found = [place()]
    for method in ("spawn", "forkserver", "fork"):
        start = multiprocessing.get_context(method)
        if method == "forkserver":
            start.set_forkserver_preload(["train.machine", "data.errors"])
        with start.Pool(1) as pool:
            found += pool.map(place, [0])
    code = "import train.machine, data.errors; print(train.machine.__file__, data.errors.__file__, sep=chr(10))"
    found.append(tuple(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.split()))
    print(*found, sep=chr(10))
"""


@pytest.fixture(params=["installed", "editable"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The variables of a process that has the working directory first on its path, and ours behind it."""
    folder = str(ROOT)
    if request.param == "editable":
        finder = tmp_path / "finder"
        finder.mkdir()
        (finder / "sitecustomize.py").write_text(FINDER.format(root=folder), encoding="utf-8")
        folder = str(finder)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([".", folder]), "HF_HUB_OFFLINE": "1"}


@pytest.fixture
def theirs(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a folder of the user's in which names of ours are taken."""

    def make(which: str) -> Path:
        folder = tmp_path / "work"
        for name in THEIRS[which]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(OURS, encoding="utf-8")
        return folder

    return make


def run(words: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False)


def command(words: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command as it is installed, from a folder of scripts."""
    script = folder.parent / "bin" / "embed-tune"
    script.parent.mkdir(exist_ok=True)
    script.write_text(COMMAND, encoding="utf-8")
    return run([str(script), *words], folder, environment)


@pytest.mark.parametrize("which", THEIRS)
def test_the_command_works_beside_names_of_the_users(
    which: str, theirs: Callable[[str], Path], environment: dict[str, str]
) -> None:
    folder = theirs(which)
    done = command(["--version"], folder, environment)
    assert (done.returncode, done.stderr) == (0, "") and EXECUTED not in done.stdout


def test_the_command_does_its_work_there(theirs: Callable[[str], Path], environment: dict[str, str]) -> None:
    folder = theirs("both")
    rows = [f"what is {number},it is {number * number} of them" for number in range(40)]
    (folder / "pairs.csv").write_text("question,answer\n" + "\n".join(rows) + "\n", encoding="utf-8")
    helped, checked = (command(words, folder, environment) for words in (["--help"], ["check", "pairs.csv"]))
    assert helped.returncode == 0 and "Usage: embed-tune" in helped.stdout
    assert checked.returncode == 0 and "documents: 40" in checked.stdout, checked.stdout + checked.stderr
    assert EXECUTED not in helped.stdout + checked.stdout


def test_the_entry_of_accelerate_works_there(theirs: Callable[[str], Path], environment: dict[str, str]) -> None:
    done = run([str(ROOT / "train" / "run.py"), "--help"], theirs("both"), environment)
    assert done.returncode == 0 and "Usage: accelerate launch train/run.py" in done.stdout, done.stderr
    assert EXECUTED not in done.stdout


@pytest.mark.parametrize("which", ["both", "folder"])
def test_processes_of_the_command_find_its_packages(
    which: str, theirs: Callable[[str], Path], environment: dict[str, str], tmp_path: Path
) -> None:
    folder = tmp_path / "work"
    if which == "folder":
        (folder / "data").mkdir(parents=True)
    else:
        theirs(which)
    script = tmp_path / "embed-tune-workers"
    script.write_text(WORKERS, encoding="utf-8")
    done = run([str(script)], folder, environment)
    expected = str((str(ROOT / "train" / "machine.py"), str(ROOT / "data" / "errors.py")))
    assert done.stdout.splitlines() == [expected] * 5, done.stdout + done.stderr


@pytest.mark.parametrize("which", THEIRS)
def test_an_import_says_in_one_sentence_which_file_hides_what(
    which: str, theirs: Callable[[str], Path], environment: dict[str, str]
) -> None:
    folder = theirs(which)
    code = "try:\n    import embed_tune\nexcept ImportError as error:\n    print(error)"
    done = run(["-c", code], folder, environment)
    (line,) = done.stdout.splitlines()
    assert all(f"{folder / name}" in line and f"`{name.partition('/')[0].removesuffix('.py')}`" in line for name in THEIRS[which])
    assert line.endswith(f"rename {'it' if len(THEIRS[which]) == 1 else 'them'}, or run from another folder")


def test_the_users_code_gets_its_own_modules(theirs: Callable[[str], Path], environment: dict[str, str]) -> None:
    folder = theirs("both")
    code = (
        "try:\n    import embed_tune\nexcept ImportError:\n    import train, data\n    assert train.rows == data.rows == 'theirs'"
    )
    assert run(["-c", code], folder, environment).returncode == 0
    late = "import sys\nsys.path[:] = [p for p in sys.path if p not in ('', {here!r})]\nimport embed_tune\n"
    late += "sys.path.insert(0, {here!r})\nimport data\nassert data.rows == 'theirs'\nembed_tune.check"
    done = run(["-c", late.format(here=str(folder))], folder, environment)
    assert f"ImportError: {folder / 'train.py'} and {folder / 'data' / '__init__.py'} hide the packages" in done.stderr


def test_a_script_that_has_a_name_of_ours_is_named(environment: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("import embed_tune\n", encoding="utf-8")
    done = run([str(script)], tmp_path, environment)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"ImportError: {script} hides the package `train` of embed-tune")


def test_a_folder_without_modules_hides_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "work" / "data").mkdir(parents=True)
    (tmp_path / "work" / "train").mkdir()
    code = "import embed_tune, data.errors, train.machine; print(data.__file__)"
    done = run(["-c", code], tmp_path / "work", environment)
    assert done.stdout == f"{ROOT / 'data' / '__init__.py'}\n", done.stderr


API_WORKERS = """
import multiprocessing, embed_tune
from data.errors import reason
from train.workflows.compare.isolation import LIBRARIES
if __name__ == "__main__":
    start = multiprocessing.get_context("forkserver")
    start.set_forkserver_preload([LIBRARIES[0], "data.errors"])
    with start.Pool(1) as pool:
        print(pool.apply_async(reason, [ValueError("found")]).get(timeout=30))
"""


def test_processes_of_the_python_api_find_our_packages_beside_a_folder(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "work" / "data").mkdir(parents=True)
    (tmp_path / "work" / "mine.py").write_text(API_WORKERS, encoding="utf-8")
    done = run(["mine.py"], tmp_path / "work", environment)
    assert done.stdout == "found\n", done.stderr


def test_an_import_loads_nothing_heavy_and_finds_what_is_not_there(environment: dict[str, str], tmp_path: Path) -> None:
    code = """
import sys, embed_tune
embed_tune.__version__, dir(embed_tune), embed_tune.__all__
print(sorted({"torch", "transformers", "pandas", "train.cli", "data.errors"} & sys.modules.keys()))
embed_tune.no_such_thing
"""
    done = run(["-c", code], tmp_path, environment)
    assert done.stdout == "[]\n"
    assert "AttributeError: module 'embed_tune' has no attribute 'no_such_thing'" in done.stderr


@pytest.mark.slow
def test_models_are_compared_there_in_processes_of_their_own(
    theirs: Callable[[str], Path], environment: dict[str, str], tiny_model: Path
) -> None:
    folder = theirs("both")
    for name in ("one", "other"):
        (folder / name).symlink_to(tiny_model)
    rows = [f"what is {number},it is {number * number} of them" for number in range(40)]
    (folder / "pairs.csv").write_text("question,answer\n" + "\n".join(rows) + "\n", encoding="utf-8")
    quick = [*AT_ONCE, *FEW_TEXTS, "evaluation.resamples=200"]
    words = ["compare", "one", "other", "--data", "pairs.csv", "model.device=cpu", *quick]
    done = command(words, folder, environment)
    assert done.returncode == 0 and EXECUTED not in done.stdout, done.stdout + done.stderr
