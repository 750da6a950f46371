"""A run as an object: its verdict, its report and its model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from train.api.models import Model, TextRole
from train.console import Listener, heard_by, notebook_view

if TYPE_CHECKING:
    import numpy as np
    import pandas
    from pydantic import JsonValue
    from sentence_transformers import SentenceTransformer

    from train.runs.records import RunReport

OUTPUT_DIR = "checkpoints"
"""Folder that runs are in unless another one is named."""


class Run:
    """A finished run.

    Attributes:
        folder: where its files lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

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

    def push(self, repo_id: str, *, private: bool = True, licence: str | None = None, progress: Listener | None = None) -> str:
        """Put the model on the Hugging Face Hub, with a card.

        Args:
            repo_id: OWNER/NAME; made if it is not there.
            private: only the owner may see it.
            licence: by the Hub's id, e.g. apache-2.0.
            progress: hears each line that the command would print.

        Returns:
            The repository's address.

        Raises:
            HubError: no token, offline or refused; the Hub has the whole commit or none of it.
        """
        from train.deploy.hub import push_run

        with heard_by(progress):
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
