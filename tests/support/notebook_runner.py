"""Executes a notebook of `notebooks/` as a reader would, in a folder of its own.

`python -m tests.support.notebook_runner` stores fresh outputs in every notebook, without anything that tells of the machine.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

SECONDS = 180
"""A cell that takes longer is taken for stuck."""

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""What a stored notebook says about itself: nothing about the machine that executed it."""


def execute(path: Path, folder: Path) -> nbformat.NotebookNode:
    """Return the notebook with fresh outputs; the file at `path` is only read.

    Args:
        path: the notebook.
        folder: an empty folder; the kernel works in `folder`/notebooks, so that ../checkpoints is `folder`/checkpoints.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
        nbclient.exceptions.CellTimeoutError: a cell took longer than `SECONDS`.
    """
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    work = folder / "notebooks"
    work.mkdir()
    # the reader's own start-up files and downloads must not decide what comes out
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython"), "HF_HUB_OFFLINE": "1"}
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(work)}},
    )
    client.execute(env=environment)
    notebook.metadata = nbformat.from_dict(METADATA)
    return notebook


def store(path: Path) -> None:
    """Execute the notebook and replace the old one by it."""
    with tempfile.TemporaryDirectory() as folder:
        notebook = execute(path, Path(folder))
    temporary = path.with_name(f".{path.name}.tmp")
    nbformat.write(notebook, temporary)
    temporary.replace(path)


if __name__ == "__main__":
    for one in NOTEBOOKS:
        store(one)
        print(f"executed and stored: {one.relative_to(ROOT)}")
