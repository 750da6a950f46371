"""What `embed-tune monitor` is asked for, checked against the run.

Nothing heavy is imported here, so that mistakes are answered at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from data.errors import nearest
from train.config.choices import Backend
from train.encode.contract import Role
from train.errors import ConfigError, RunError
from train.resolve.vectors import SUFFIXES, TextChoice
from train.runs.find import RUNS, find_run
from train.runs.folder import RunFolder
from train.runs.read import RunRecords

FailLevel = Literal["alarm", "look", "never"]
"""From which level on a window ends with exit code 3."""


@dataclass(frozen=True)
class MonitorRequest:
    """What `embed-tune monitor` was asked for.

    Attributes:
        run: folder of a finished run, or its bare name.
        window: the new texts, or a file of their vectors; None where a folder is followed.
        role: what the texts are; None for what the run's reference holds.
        model: who encodes them; None for the model of the run.
        index: vectors of the documents that production searches.
        dataset: of the run; None for the one that stands for it.
        label: texts of a sheet to label; None makes none.
        sheet: where it is written; None for the folder of the results.
        track: where the figures go; None for where those of the run went.
        output_dir: where bare names are looked for.
    """

    run: str | Path
    window: TextChoice | None = None
    role: Role | None = None
    model: str | None = None
    index: Path | None = None
    dataset: str | None = None
    label: int | None = None
    sheet: Path | None = None
    track: Backend | None = None
    output_dir: str | Path = RUNS

    def __post_init__(self) -> None:
        if self.index is not None and (str(self.index).startswith(("faiss:", "qdrant:")) or self.index.suffix == ".faiss"):
            raise ConfigError(
                f"--index {self.index}: stores cannot be watched yet",
                hint="name the file of vectors, Parquet or NumPy, that `embed-tune embed DOCUMENTS --out vectors.parquet` writes",
            )
        if self.index is not None and (self.index.suffix not in SUFFIXES or not self.index.is_file()):
            what = "no such file" if not self.index.exists() else "not a file of vectors"
            raise ConfigError(f"--index {self.index}: {what}", hint="name a file that `embed-tune embed` wrote")
        if self.sheet is not None and self.label is None:
            raise ConfigError("--sheet names the sheet to label, and none is asked for", hint="give --label 30 as well")
        if self.sheet is not None and self.sheet.suffix.lower() != ".csv":
            raise ConfigError(f"--sheet {self.sheet} is no CSV file", hint="give it the suffix .csv")


@dataclass(frozen=True)
class MonitorTask:
    """A request whose run was found.

    Attributes:
        request: what was asked for.
        records: of the run.
        dataset: the name of the data set whose reference is compared with.
    """

    request: MonitorRequest
    records: RunRecords
    dataset: str

    @classmethod
    def of(cls, request: MonitorRequest) -> MonitorTask:
        """Find the run and its data set.

        Raises:
            ConfigError: it has no such data set.
            RunError: there is no such run, it is not finished, has no model, or its records are broken.
        """
        folder = find_run(request.run, request.output_dir)
        files = RunFolder(folder)
        if not files.has_training:
            raise RunError(
                f"{folder} is an evaluation, which has no model", hint="name the run whose model answers in production"
            )
        if not files.is_finished:
            raise RunError(
                f"{folder} is not finished, so it has no model to watch", hint=f"finish it: embed-tune train --resume {folder}"
            )
        if not files.model.is_dir():
            raise RunError(f"{folder} has no {files.model.name}/, so there is no model to watch", hint="name a run that has one")
        records = RunRecords.of(folder)
        known = records.audit.by_name()
        name = request.dataset or records.report.primary or next(iter(known))
        if name not in known:
            near = nearest(name, list(known))
            meant = f"did you mean {near}? " if near else ""
            raise ConfigError(f"{folder} has no data set {name!r}", hint=f"{meant}it has {', '.join(known)}")
        return cls(request, records, name)
