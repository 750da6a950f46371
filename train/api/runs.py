"""A run as an object: its verdict, its report and its model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from train.api.models import Model, TextRole
from train.api.session import session
from train.console import Listener, notebook_view
from train.errors import ConfigError, RunError

if TYPE_CHECKING:
    import numpy as np
    import pandas
    from pydantic import JsonValue
    from sentence_transformers import SentenceTransformer

    from train.runs.records import RunReport
    from train.runs.thresholds import Use
    from train.workflows.threshold import ThresholdResult

OUTPUT_DIR = "checkpoints"
"""Folder that runs are in unless another one is named."""


class Run:
    """A finished run.

    Attributes:
        folder: where its files lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    @property
    def name(self) -> str:
        """The run's name."""
        return self.folder.resolve().name

    @cached_property
    def report(self) -> RunReport:
        """What the run found: verdict, data sets with intervals, cost.

        Raises:
            RunError: the run is not finished, or its report is broken.
        """
        from train.runs.read import read_report

        return read_report(self.folder)

    @property
    def verdict(self) -> str:
        """`improved`, `regressed`, `mixed` or `no_evidence`."""
        return self.report.verdict

    @property
    def page(self) -> Path:
        """The report as a page for a browser."""
        from train.runs.folder import RunFolder

        return RunFolder(self.folder).page

    @property
    def recipe(self) -> tuple[str, ...]:
        """What was settled before training, a sentence each: passes, rates, batches, loss."""
        from train.runs.read import read_environment

        return read_environment(self.folder).recipe

    def curve(self) -> pandas.DataFrame:
        """Return the learning curve: a row a checkpoint, with its score on dev and on the dev rows of each data set.

        Step 0 is the base.
        """
        import pandas as pd

        from train.runs.score_log import read_scores

        lines = read_scores(self.folder)
        names = dict.fromkeys(name for line in lines for name in line.datasets)
        rows = [(line.step, line.dev, *map(line.datasets.get, names)) for line in lines]
        return pd.DataFrame(rows, columns=["step", "dev", *(f"dev {name}" for name in names)])

    def per_query(self) -> pandas.DataFrame:
        """Return both models' values of each test query or pair: dataset, item, metric, base, tuned, gold, group.

        Of scored pairs the metric is their cosine, `gold` their score, and the item their place in `rows("test")`.
        """
        import pandas as pd

        from train.runs.folder import RunFolder
        from train.runs.read import BrokenRecord

        path = RunFolder(self.folder).per_query
        try:
            return pd.read_parquet(path)
        except (OSError, ValueError) as error:  # pyarrow's errors are among them
            raise BrokenRecord(path, "is missing" if not path.exists() else f"cannot be read ({error})") from None

    def rows(self, split: str = "test", *, dataset: str | None = None) -> pandas.DataFrame:
        """Return the rows of a split as this run split them, texts included; they are read from their source again.

        Args:
            split: train, dev or test.
            dataset: its name; the first by default.

        Raises:
            ConfigError: there is no such data set or split.
            DataError: the source cannot be read.
            RunError: it is not what this run read.
        """
        from train.config.load import load_config
        from train.plan.datasets import load_datasets
        from train.runs.folder import RunFolder
        from train.runs.read import read_environment

        found = load_datasets(load_config(RunFolder(self.folder).config))
        name = next(iter(found)) if dataset is None else dataset
        if name not in found or split not in found[name].splits:
            what, known = (f"split={split!r}", found[name].splits) if name in found else (f"dataset={name!r}", found)
            raise ConfigError(f"{what}: this run has none of that name", hint=f"choose one of {', '.join(known)}")
        if found[name].fingerprint != read_environment(self.folder).data.get(name):
            raise RunError(f"{name} is not what {self.name} read: it has changed since", hint="put the old data back")
        table: pandas.DataFrame = found[name].splits[split].to_pandas()
        return table

    @cached_property
    def model(self) -> Model:
        """The model that the run ships: the tuned one, or the base where that was better."""
        return Model(str(self.folder))

    def encode(self, texts: Sequence[str], *, role: TextRole) -> np.ndarray:
        """Return the vectors of texts, float32 [N, D]; see `Model.encode`."""
        return self.model.encode(texts, role=role)

    @property
    def sentence_transformer(self) -> SentenceTransformer:
        """The plain Sentence Transformers model; its `encode` puts no prompt before a text unless it is told to."""
        return self.model.sentence_transformer

    def threshold(
        self,
        precision: float = 0.95,
        *,
        share: float | None = None,
        use: Use | None = None,
        dataset: str | None = None,
        match_from: float | None = None,
        progress: Listener | None = None,
    ) -> ThresholdResult:
        """Choose the similarity from which on texts are taken for matches, on dev, and measure it on test; see `threshold.json`.

        Args:
            precision: how many of what is taken shall be right, above 0 and below 1.
            share: of right ones where the threshold will be used; that of the data where left out.
            use: `search` (is the first document an answer?) or `duplicates` (scored pairs: do two texts mean the same?).
            dataset: its name; by default the one that stands for the run, or the first that allows the use.
            match_from: score from which on a pair is a match; the middle of the scale where left out.
            progress: hears each line that the command would print with --verbose.

        Raises:
            ConfigError: the data set does not allow it, or a number is out of range.
            DataError: the data has changed since the run.
        """
        from train.resolve.threshold import ThresholdRequest, ThresholdTask
        from train.workflows.threshold import choose_for_run

        with session(progress):
            return choose_for_run(ThresholdTask.of(ThresholdRequest(self.folder, precision, share, use, dataset, match_from)))

    def push(self, repo_id: str, *, private: bool = True, licence: str | None = None, progress: Listener | None = None) -> str:
        """Put the model on the Hugging Face Hub, with a card.

        Args:
            repo_id: OWNER/NAME; made if it is not there.
            private: only the owner may see it.
            licence: by the Hub's id, e.g. apache-2.0.
            progress: hears each line that the command would print with --verbose.

        Returns:
            The repository's address.

        Raises:
            HubError: no token, offline or refused; the Hub has the whole commit or none of it.
        """
        from train.deploy.hub import push_run

        with session(progress):
            return push_run(self.folder, repo_id, private=private, licence=licence)

    def to_dict(self) -> dict[str, JsonValue]:
        """Return the content of report.json."""
        return self.report.to_dict()

    def to_pandas(self) -> pandas.DataFrame:
        """Return a row for each data set."""
        return self.report.to_pandas()

    def __str__(self) -> str:
        return f"{self.report}\nrun: {self.folder}"

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    def _repr_html_(self) -> str:
        return notebook_view(str(self), self.to_pandas())


def open_run(run: str | os.PathLike[str], *, output_dir: str | os.PathLike[str] = OUTPUT_DIR) -> Run:
    """Open a finished run.

    Args:
        run: its name or its folder.
        output_dir: folder that runs are in.

    Raises:
        RunError: there is no such run, it is not finished, or its report is broken.
    """
    from train.runs.find import find_finished

    return Run(find_finished(os.fspath(run), Path(output_dir)))
