"""Imports run downward only, without circles; the root of `train/` stays small and files stay short.

Read from the source with `ast`, imports inside functions and under TYPE_CHECKING included: what a module names, it stands on.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

LAYERS = (
    ("train.run",),
    ("train.cli",),
    ("train.api",),
    ("train.pipeline",),
    ("train.workflows",),
    ("train.report",),
    ("train.selection",),
    ("train.plan",),
    ("train.resolve", "train.deploy", "train.watch"),
    ("train.vectors", "train.runs"),
    ("train.fit", "train.evaluate"),
    ("train.encode", "train.tracking"),
    ("train.config", "train.console"),
    ("train.distributed",),
    ("train.errors",),
    ("data",),
    ("data.storage", "train.machine", "train.wording"),
    ("data.errors",),
)
"""From the top down; rooms of one layer do not import each other. The longest name that fits a module is its room."""

FACE = ("embed_tune",)
"""The Python API: importing it must be light, so its functions import what they need. The one exception to the layers."""

MOST_LINES = 400
MOST_IN_ROOT = 8


def modules() -> dict[str, Path]:
    """First-party modules by their dotted name."""
    paths = [*(ROOT / "data").rglob("*.py"), *(ROOT / "train").rglob("*.py"), *ROOT.glob("embed_tune.py")]
    return {name_of(path.relative_to(ROOT)): path for path in paths}


def name_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imports_of(name: str, path: Path, known: dict[str, Path]) -> Iterator[tuple[str, int]]:
    """First-party modules that one imports, wherever in the file, with the line."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*start, *([node.module] if node.module else [])])
            found = [f"{source}.{alias.name}" if f"{source}.{alias.name}" in known else source for alias in node.names]
        else:
            continue
        yield from ((one, node.lineno) for one in found if one in known and one != name)


def room_of(module: str) -> tuple[int, str]:
    """Layer (0 is the top) and room of a module."""
    fitting = [
        (len(room), layer, room)
        for layer, rooms in enumerate(LAYERS)
        for room in rooms
        if module == room or module.startswith(f"{room}.")
    ]
    assert fitting, f"{module} is in no layer: give it a room in LAYERS"
    _, layer, room = max(fitting)
    return layer, room


def arrows() -> list[tuple[str, str, str]]:
    """Importer, imported, place; without those of the API's face."""
    known = modules()
    return [
        (name, other, f"{path.relative_to(ROOT)}:{line}")
        for name, path in sorted(known.items())
        if name not in FACE
        for other, line in imports_of(name, path, known)
        if other not in FACE
    ]


def test_no_import_upward() -> None:
    wrong = []
    for name, other, place in arrows():
        (high, one), (low, two) = room_of(name), room_of(other)
        if one != two and low <= high:
            wrong.append(f"{place}: {name} imports {other}")
    assert not wrong, "\n".join(wrong)


def test_no_circles() -> None:
    stands_on: dict[str, set[str]] = {}
    for name, other, _ in arrows():
        stands_on.setdefault(name, set()).add(other)
    while True:  # what stands on nothing that is left can be in no circle
        free = {name for name, others in stands_on.items() if not others & stands_on.keys()}
        if not free:
            break
        stands_on = {name: others for name, others in stands_on.items() if name not in free}
    held = {name: sorted(others & stands_on.keys()) for name, others in stands_on.items()}
    assert not held, f"in a circle, or above one: {held}"


def test_workflows_do_not_import_each_other() -> None:
    def workflow(module: str) -> str | None:
        parts = module.split(".")
        return parts[2] if parts[:2] == ["train", "workflows"] and len(parts) > 2 else None

    wrong = [
        place
        for name, other, place in arrows()
        if None not in (workflow(name), workflow(other)) and workflow(name) != workflow(other)
    ]
    assert not wrong, wrong


def test_data_never_imports_train() -> None:
    assert not [place for name, other, place in arrows() if name.startswith("data") and other.startswith("train")]


def test_the_root_of_train_is_small() -> None:
    here = sorted(path.name for path in (ROOT / "train").glob("*.py"))
    assert len(here) <= MOST_IN_ROOT + 1, f"besides __init__.py there are {here}"


def test_a_wheel_brings_all_packages() -> None:
    named = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    found = {name_of(file.relative_to(ROOT)) for folder in ("data", "train") for file in (ROOT / folder).rglob("__init__.py")}
    assert named == sorted(found | {"train.configs"})


@pytest.mark.parametrize("folder", ["data", "train", "tests"])
def test_files_are_short(folder: str) -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in (ROOT / folder).rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long
