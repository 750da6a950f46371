"""`embed-tune report`: one page over all runs of a folder, or the way to the page of one run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.console import notebook_view
from train.errors import RunError
from train.report.index import counted, write_index
from train.runs.find import RUNS, find_run, look_up
from train.runs.folder import RunFolder
from train.runs.listing import Run, read_run
from train.runs.others import Other, read_others

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "name", "state", "verdict", "base_model", "dataset", "metric", "n", "base", "tuned", "delta", "low", "high", "p_value",
    "rows", "train_seconds", "finished", "trouble", "dev_gain",
)  # fmt: skip
"""Of the table of runs; of the results of a run, those that stand for it."""


@dataclass(frozen=True)
class RunIndex:
    """The page over the runs of a folder, or the page of one run.

    Attributes:
        page: what to open in a browser.
        runs: what was found in the folder, the last finished first; the one run.
        single: whether the folder is itself a run.
        others: comparisons and benchmarks that lie there.
    """

    page: Path
    runs: tuple[Run, ...]
    single: bool = False
    others: tuple[Other, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the page, for each run its name, state, verdict and headline result, and what each comparison came to."""
        runs = [_row(run) for run in self.runs if run.state != "foreign"]
        return {"page": str(self.page), "runs": runs, "others": [one.to_dict() for one in self.others]}

    def to_pandas(self) -> pd.DataFrame:
        """Return the runs as a table, one row a run."""
        import pandas as pd

        return pd.DataFrame(self.to_dict()["runs"], columns=list(COLUMNS))

    def __str__(self) -> str:
        return f"report: {self.page}" if self.single else f"index: {self.page}\n  {counted(self.runs, self.others)}"

    def _repr_html_(self) -> str:
        return notebook_view(str(self), self.to_pandas())


def report_folder(path: Path, *, output_dir: str | Path = RUNS) -> RunIndex:
    """Build the index over the runs in a folder; of a folder that is itself a run, find its page.

    Args:
        path: folder of runs, or a run: its folder or its bare name.
        output_dir: where bare names of runs are looked for.

    Raises:
        RunError: there is no such folder, no run in it, or the one run has no page.
        OSError: the index cannot be written.
    """
    folder = look_up(path, output_dir)
    if folder is None:
        folder = path if path.exists() or path == Path(output_dir) else find_run(path, output_dir)
    if RunFolder(folder).is_run:
        run = read_run(folder)
        return RunIndex(_page_of(folder, run), (run,), single=True)
    others = read_others(folder) if folder.is_dir() else []
    page, runs = write_index(folder, others)
    return RunIndex(page, tuple(runs), others=tuple(others))


def _page_of(folder: Path, run: Run) -> Path:
    """Return `report.html` of a finished run, and of one that goes on, whose page shows how far it is.

    Raises:
        RunError: the run is not finished, or broken.
    """
    if run.state in ("finished", "running") and run.link:
        return RunFolder(folder).page
    what = {"unfinished": "is not finished, so it has no report", "finished": "has no page", "running": "has no page yet"}.get(
        run.state, "is broken"
    )
    hint = " ".join(part for part in (run.hint[:1].lower() + run.hint[1:], run.command) if part)
    raise RunError(f"{folder} {what}: {run.trouble.rstrip('.')}", hint=hint or None)


def _row(run: Run) -> dict[str, Any]:
    """Return a run as a row of the table: of its results the one that stands for it."""
    found = run.headline
    figures: dict[str, Any] = dict.fromkeys(COLUMNS[4:13])
    if found is not None:
        figures = found.model_dump(include={"metric", "n", "base", "tuned", "delta", "p_value"})
        figures |= {"dataset": found.name, "low": found.ci95[0], "high": found.ci95[1]}
    return {
        "name": run.name,
        "state": run.state,
        "verdict": run.verdict,
        "base_model": run.base_model or None,
        **figures,
        "rows": run.rows,
        "train_seconds": run.cost.get("train_seconds"),
        "finished": None if run.finished is None else run.finished.isoformat(),
        "trouble": run.trouble or None,
        "dev_gain": run.dev_gain,
    }
