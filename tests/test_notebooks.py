"""The notebooks are executed, and what is stored in them is what comes out: numbers, words and figures."""

from __future__ import annotations

import ast
import base64
import io
import json
import re
import socket
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from tests.support.notebook_runner import METADATA, NOTEBOOKS, ROOT, execute

LINES = 15
"""A longer cell holds logic that belongs to the project."""

NUMBER_TOLERANCE = 0.02
"""Another processor rounds otherwise; what training makes of that stays well below this. Counts must be equal."""

PIXEL_TOLERANCE = 0.006
"""Mean difference of two figures, of colours in 0..1; a line whose values change by 0.02 differs by more."""

NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e-?\d+)?")

PRIVATE = {
    "a path of a machine": r"(?<![\w.:/])/(?:home|root|tmp|usr|opt|var|work|mnt|Users|private)\b|\b[A-Za-z]:\\",
    "the host's name": rf"\b{re.escape(socket.gethostname())}\b",
    "the home folder": re.escape(str(Path.home())) + r"\b",
    "the checkout": re.escape(str(ROOT)),
    "an address in memory": r"\b0x[0-9a-f]{6,}",
    "a time": r"\b\d+(?:\.\d+)? (?:s|seconds|min|MB)\b|rows/s|\b\d\d:\d\d:\d\d\b",
    "colours of a terminal": r"\x1b\[",
}
"""What would tell of the machine that executed a notebook, or differ the next time."""

INTERNAL = {
    "03_cache_quantise_search": {
        "data.load": "texts of a data set without a run: the API hands out the rows of runs",
        "data.spec": "names that data set for `data.load`",
    }
}
"""Modules of the project that a notebook imports besides `embed_tune`, and why the API is not enough there."""

CAPTURED = re.compile(r"capture_output|redirect_stdout|redirect_stderr|\.stdout|\.stderr|%%capture")
"""Signs of output that is caught, or parsed: the API prints nothing and returns objects."""

FIGURES = {"01_fine_tune_and_judge": 6, "02_choose_a_model": 2, "03_cache_quantise_search": 2, "05_ship_and_watch": 2}
"""Figures that each notebook has at least."""

notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts(cell: nbformat.NotebookNode) -> str:
    """What a cell printed, tables included, as plain text."""
    shown = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join(shown)


def figures(cell: nbformat.NotebookNode) -> list[bytes]:
    """The PNG images that a cell showed."""
    found = [output.get("data", {}).get("image/png") for output in cell.outputs]
    return [base64.b64decode(image) for image in found if image]


def words_and_numbers(text: str) -> tuple[str, list[float]]:
    """The text with # for each number, and the numbers; what the project itself calls "about" counts as a word.

    >>> words_and_numbers("rose  from 0.3 to +0.5, about 3,900 queries")
    ('rose from # to #, about many queries', [0.3, 0.5])
    """
    text = " ".join(re.sub(r"\babout [\d,]+", "about many", text).split())
    return NUMBER.sub("#", text), [float(number) for number in NUMBER.findall(text)]


def assert_same_text(stored: str, fresh: str) -> None:
    (old_words, old), (new_words, new) = words_and_numbers(stored), words_and_numbers(fresh)
    assert old_words == new_words
    assert new == pytest.approx(old, abs=NUMBER_TOLERANCE, rel=0)


def pixel_difference(one: bytes, other: bytes) -> float:
    """Mean difference of two PNG images of one size, up to a rim of 3 pixels, of colours in 0..1."""
    import matplotlib.image

    a, b = (matplotlib.image.imread(io.BytesIO(png))[..., :3] for png in (one, other))
    assert np.abs(np.subtract(a.shape, b.shape)).max() <= 3, f"figures of {a.shape} and {b.shape} pixels"
    height, width = np.minimum(a.shape, b.shape)[:2]
    return float(np.abs(a[:height, :width] - b[:height, :width]).mean())


def drawn_line(height: float, width: float = 7) -> bytes:
    """A figure of the size of the notebook's learning curve, with a line that rises from `height`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, 3.2), dpi=110)
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    axis.plot([0, 20, 50], [height, height + 0.2, height + 0.3], marker="o")
    axis.set(ylim=(0, 0.8))
    png = io.BytesIO()
    figure.savefig(png)
    return png.getvalue()


def test_every_notebook_is_known() -> None:
    assert [path.stem for path in NOTEBOOKS] == sorted(FIGURES)
    assert set(INTERNAL) <= set(FIGURES)


@notebooks
def test_it_stands_on_the_python_api_and_holds_no_logic(path: Path) -> None:
    cells = code_cells(nbformat.read(path, as_version=4))
    imported: set[str] = set()
    for cell in cells:
        assert not CAPTURED.search(cell.source), cell.source
        assert len(cell.source.splitlines()) <= LINES, cell.source
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.ClassDef | ast.Lambda | ast.While | ast.Try), cell.source
            if isinstance(node, ast.FunctionDef):
                assert len(ast.unparse(node).splitlines()) < 10, f"{node.name} is not trivial"
            if isinstance(node, ast.Import):
                imported.update(alias.name for alias in node.names)
            if isinstance(node, ast.ImportFrom):
                imported.add(str(node.module))
    own = {name for name in imported if name.partition(".")[0] in {"train", "data", "embed_tune"}}
    assert own == {"embed_tune", *INTERNAL.get(path.stem, ())}


@notebooks
def test_it_is_stored_with_all_of_its_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        kinds = {output.output_type for output in cell.outputs}
        assert "error" not in kinds and all(output.get("name") != "stderr" for output in cell.outputs)
        assert ("display_data" in kinds) == ("\nshow(" in cell.source), cell.source
        if re.search(r"^(for .*\n    )?print\(", cell.source, flags=re.MULTILINE):
            assert "stream" in kinds, cell.source
    for output in (output for cell in cells for output in cell.outputs if "image/png" in output.get("data", {})):
        assert len(output.metadata["image/png"]["alt"]) > 30, "a figure needs a text for those who cannot see it"
    assert sum(len(figures(cell)) for cell in cells) >= FIGURES[path.stem]


@notebooks
def test_nothing_stored_tells_of_the_machine(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata == METADATA
    assert all(not cell.metadata for cell in notebook.cells)
    content = json.loads(path.read_text(encoding="utf-8"))
    for output in (output for cell in content["cells"] for output in cell.get("outputs", ())):
        output.get("data", {}).pop("image/png", None)
        for what, pattern in PRIVATE.items():
            assert not re.search(pattern, json.dumps(output, ensure_ascii=False)), f"{what} is stored in {path.name}"


@notebooks
def test_its_links_lead_somewhere(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]+)(?:#([^)]+))?\)", cell.source):
            page = path.parent / target
            assert page.is_file(), target
            headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert not anchor or anchor in {heading.lower().replace(" ", "-") for heading in headings}, anchor


def test_other_numbers_words_and_figures_are_noticed() -> None:
    with pytest.raises(AssertionError):
        assert_same_text("Spearman 0.282 → 0.601", "Spearman 0.282 → 0.641")
    with pytest.raises(AssertionError):
        assert_same_text("244 pairs: improved", "244 pairs: no_evidence")
    with pytest.raises(AssertionError):
        assert_same_text("of 51 words", "of 52 words")
    assert_same_text("about 3,900 queries, +0.009", "about 46,000  queries, +0.003")
    drawn = drawn_line(0.30)
    assert pixel_difference(drawn, drawn_line(0.30)) == 0
    assert pixel_difference(drawn, drawn_line(0.33)) > PIXEL_TOLERANCE
    with pytest.raises(AssertionError, match="pixels"):
        pixel_difference(drawn, drawn_line(0.30, width=6))


@pytest.mark.slow
@notebooks
def test_executed_again_it_gives_what_is_stored(path: Path, tmp_path: Path) -> None:
    def changed_files() -> str:
        command = ["git", "-C", str(ROOT), "status", "--porcelain", "--ignored", "notebooks", "checkpoints"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    before = changed_files()
    fresh = execute(path, tmp_path)  # raises where a cell fails or takes too long
    assert changed_files() == before
    if path.stem.startswith("01"):
        reports = list((tmp_path / "checkpoints").glob("*/report.json"))
        assert len(reports) == 1
        assert json.loads(reports[0].read_text(encoding="utf-8"))["verdict"] == "improved"
    stored: list[Any] = code_cells(nbformat.read(path, as_version=4))
    for old, new in zip(stored, code_cells(fresh), strict=True):
        assert_same_text(texts(old), texts(new))
        assert len(figures(old)) == len(figures(new))
        for one, other in zip(figures(old), figures(new), strict=True):
            assert pixel_difference(one, other) < PIXEL_TOLERANCE, old.source
