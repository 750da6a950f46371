"""What a comparison gives back: the models with all figures, the recommendation, and where the files lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from train.console import notebook_view, plain, with_warnings
from train.workflows.compare.files import rows_of
from train.workflows.compare.recommendation import Advice
from train.workflows.compare.references import Reference
from train.workflows.compare.results import Comparison, Contender, Pair
from train.workflows.compare.terminal import story
from train.workflows.compare.worker import Failure

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ModelComparison:
    """Models that were judged and measured on the same data.

    Attributes:
        comparison: the models, every two of them tested against each other, and those that failed.
        recommendation: which model to take, and why.
        folder: of compare.html, compare.json, compare.csv and per_query.parquet.
        content: of compare.json.
        warnings: what must be known in order to read the figures rightly, such as rows that a model was trained on.
        references: BM25, alone and with each model.
    """

    comparison: Comparison
    recommendation: Advice
    folder: Path
    content: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()

    @property
    def models(self) -> tuple[Contender, ...]:
        """The models, best quality first."""
        return self.comparison.contenders

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Every pair of models on every data set."""
        return self.comparison.pairs

    @property
    def failures(self) -> Mapping[str, Failure]:
        """Return why models could not be judged, by label."""
        return self.comparison.failures

    @property
    def page(self) -> Path:
        """The page that shows it all."""
        return self.folder / "compare.html"

    def to_dict(self) -> dict[str, Any]:
        """Return the content of compare.json, which is what `--json` prints."""
        return dict(self.content)

    def to_pandas(self) -> pd.DataFrame:
        """Return a row a model, with the columns of compare.csv."""
        import pandas as pd

        return pd.DataFrame(rows_of(self.content))

    def text(self, console: Console | None = None) -> str:
        """Return the recommendation and all tables in words, without the warnings: a listener has heard those already.

        Args:
            console: decides width and colour; by default those of standard output.
        """
        words = story(self.comparison, self.recommendation, self.content["documents"], console, self.references)
        return f"{words}\n\npage: {self.page}"

    def __str__(self) -> str:
        """Return the warnings, and below them what the terminal shows at the end."""
        return with_warnings(self.warnings, self.text())

    def _repr_html_(self) -> str:
        advice = self.recommendation
        failed = [f"{name} could not be judged: {failure.what}." for name, failure in self.failures.items()]
        lines = [advice.headline, *(f"  {line}" for line in (*advice.reasons, *advice.out, *failed)), f"page: {self.page}"]
        return notebook_view(with_warnings(self.warnings, "\n".join(map(plain, lines))), self.to_pandas())
