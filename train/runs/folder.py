"""The run folder: one folder a run, holding everything that explains, repeats or continues it.

The names of its files are known here alone; others ask `RunFolder`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from data.storage import staged_folder
from train.errors import RunError
from train.fit.checkpoints import list_checkpoints


@dataclass(frozen=True)
class RunFolder:
    """The files of a run, by what they are; none of them need be there.

    Attributes:
        path: of the folder.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The resolved settings, as YAML."""
        return self.path / "config.yaml"

    @property
    def environment(self) -> Path:
        """Versions, hardware, base model, encoding contract and fingerprints of the data."""
        return self.path / "environment.json"

    @property
    def audit(self) -> Path:
        """Return what is in the data."""
        return self.path / "audit.json"

    @property
    def scores(self) -> Path:
        """Dev scores, one line a checkpoint."""
        return self.path / "scores.jsonl"

    @property
    def training_log(self) -> Path:
        """Loss, learning rate and speed of training, one line (JSON) each time they were logged."""
        return self.path / "training.jsonl"

    @property
    def progress(self) -> Path:
        """How far the run is, and since when; a finished run has none."""
        return self.path / "progress.json"

    @property
    def log(self) -> Path:
        """Every line that the run said, details included."""
        return self.path / "run.log"

    @property
    def training_rows(self) -> Path:
        """Hashes of the rows that were trained on."""
        return self.path / "train_rows.npy"

    @property
    def dev_rows(self) -> Path:
        """Hashes of the rows on which the model was chosen."""
        return self.path / "dev_rows.npy"

    @property
    def report(self) -> Path:
        """Verdict and figures; written last, so that a run that has it is finished."""
        return self.path / "report.json"

    @property
    def page(self) -> Path:
        """The report as a page."""
        return self.path / "report.html"

    @property
    def per_query(self) -> Path:
        """Both models' values of every query and scored pair."""
        return self.path / "per_query.parquet"

    @property
    def model(self) -> Path:
        """The folder of the model that the run ships."""
        return self.path / "model"

    @property
    def threshold(self) -> Path:
        """Similarity from which texts are taken for matches, as `embed-tune threshold` chose it."""
        return self.model / "threshold.json"

    @property
    def encoding(self) -> Path:
        """How the model encodes, with vectors by which a copy can be checked."""
        return self.model / "encoding.json"

    @property
    def exports(self) -> Path:
        """The folder of the model's exports, one each; they may be deleted and made again."""
        return self.path / "exports"

    @property
    def reference(self) -> Path:
        """The folder of what new texts are compared with; it holds texts of the user and is never pushed."""
        return self.path / "reference"

    @property
    def monitor(self) -> Path:
        """The folder of pages and figures about windows of new texts; never pushed either."""
        return self.path / "monitor"

    @property
    def folds(self) -> Path:
        """The folder of the runs that a cross-validation makes, one a part."""
        return self.path / "folds"

    @property
    def seeds(self) -> Path:
        """The folder of the runs of further seeds, one each."""
        return self.path / "seeds"

    def ships(self, model: Path) -> bool:
        """Tell whether a folder holds the model that the run ships, as weights or as an export of them."""
        here = model.resolve()
        return here == self.model.resolve() or here.parent == self.exports.resolve()

    @property
    def is_run(self) -> bool:
        """Tell whether this is a run, or an evaluation of two models."""
        return any(file.is_file() for file in (self.config, self.environment, self.report))

    @property
    def has_training(self) -> bool:
        """Tell whether a training began here: settings and surroundings are recorded."""
        return self.config.is_file() and self.environment.is_file()

    @property
    def is_finished(self) -> bool:
        """Tell whether the run is finished."""
        return self.report.is_file()

    def keep_scores_only(self) -> None:
        """Remove weights and page, which are large: of a part of a cross-validation only the scores are of further use."""
        self.keep_model_and_scores()
        shutil.rmtree(self.model, ignore_errors=True)

    def keep_model_and_scores(self) -> None:
        """Remove checkpoints and page, and keep the model."""
        for path in list_checkpoints(self.path).values():
            shutil.rmtree(path, ignore_errors=True)
        self.page.unlink(missing_ok=True)


def create_run(output_dir: Path, name: str, record: Callable[[Path], None] = lambda folder: None) -> Path:
    """Make the folder of a new run, with everything in it that a resumed run reads, or not at all.

    Args:
        output_dir: where run folders are made.
        name: of the run.
        record: writes the first files; the folder that it gets is renamed to the run's once they are there, so that a run that
            is killed here leaves a name that can be used again.

    Raises:
        RunError: it already exists, or cannot be made.
    """
    folder = output_dir / name
    if folder.exists():
        raise RunError(
            f"{folder} already exists",
            hint=f"continue it with --resume {folder}, or choose another name with run_name=…",
        )
    try:
        with staged_folder(folder) as staged:
            record(staged)
    except OSError as error:
        raise RunError(f"{folder} cannot be created ({error.strerror})", hint="choose another place with output_dir=…") from None
    return folder


def default_name(dataset: str) -> str:
    """Return a run name made of the first data set and the time."""
    return f"{dataset}-{time.strftime('%Y%m%d-%H%M%S')}"
