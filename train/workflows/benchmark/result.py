"""What a benchmark gives back: the score of every model on every task, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from train.console import notebook_view
from train.errors import ModelError
from train.workflows.benchmark.terminal import scores_table

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Cell:
    """One model on one task.

    Attributes:
        value: main score as a fraction; None where there is none.
        kept: whether it was in mteb's cache.
        seconds: that it took now.
        problem: why there is no score.
    """

    value: float | None
    kept: bool = False
    seconds: float = 0.0
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields of benchmark.json."""
        return {"value": self.value, "seconds": self.seconds, "problem": self.problem, "cached": self.kept}


@dataclass(frozen=True)
class BenchmarkResult:
    """Scores of models on tasks.

    Attributes:
        folder: of mteb's results and of benchmark.json.
        models: by label what mteb calls them: name, revision, and settings of one's own; or the `problem` of a model.
        tasks: by the name that users see, what is measured: `type`, `metric`, `mteb_name`.
        cells: by label and task.
        finished_at: time in UTC, ISO 8601.
    """

    folder: Path
    models: dict[str, dict[str, Any]] = field(default_factory=dict)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)
    finished_at: str = ""

    def require_scores(self) -> None:
        """Refuse a result without a single score.

        Raises:
            ModelError: no model has a score on any task.
        """
        if all(cell.value is None for cell in self.cells.values()):
            raise ModelError("no model has a score on any task", hint="the lines above say why")

    def to_dict(self) -> dict[str, Any]:
        """Return the content of benchmark.json. Scores are fractions, as in every report; mteb's leaderboard shows percent."""
        scores = [{"model": model, "task": task, **cell.to_dict()} for (model, task), cell in self.cells.items()]
        return {"models": self.models, "tasks": self.tasks, "scores": scores, "finished_at": self.finished_at}

    def to_pandas(self) -> pd.DataFrame:
        """Return a row a task and model: task, model, metric, value, cached, seconds, problem."""
        import pandas as pd

        columns = ["task", "model", "metric", "value", "cached", "seconds", "problem"]
        rows = [
            (task, model, self.tasks[task]["metric"], cell.value, cell.kept, cell.seconds, cell.problem)
            for (model, task), cell in self.cells.items()
        ]
        return pd.DataFrame(rows, columns=columns)

    def __str__(self) -> str:
        """Return the table of scores, as wide as the terminal, and where mteb's results lie."""
        return f"{scores_table(self.to_dict())}\n{self._place()}"

    def _repr_html_(self) -> str:
        return notebook_view(self._place(), self.to_pandas())

    def _place(self) -> str:
        return f"results in mteb's form: {self.folder / 'results'}"
