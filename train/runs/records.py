"""What a run records about itself in JSON, as typed objects that write themselves; `train.runs.read` reads them.

`format` in report.json, environment.json and audit.json counts the changes that older versions could not read; a file without it
is of format 1. Fields are added and never renamed, and fields of other versions are kept, so that what is read can be written
again.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from rich.console import Console
from rich.text import Text

from data.storage import write_json
from train.console import lines_of, notebook_view, plain_table, with_warnings
from train.evaluate.frames import paired_frame
from train.evaluate.references import FirstBaseResult, ReferenceResult
from train.evaluate.results import DatasetResult
from train.evaluate.verdict import RunVerdict
from train.runs.trained_from import TrainedFrom
from train.wording import BASE_AND_TUNED, VERDICT_WORDS, Sides, change, fraction, interval, metric_name, p_value

if TYPE_CHECKING:
    from pandas import DataFrame

FORMAT = 1
"""Format that is written, and the newest that is read."""

WIDTH = 100
"""Columns of a report as text."""


class Part(BaseModel):
    """A part of a record. What another version adds is kept."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)

    def to_dict(self) -> dict[str, JsonValue]:
        """Return what the file holds, as JSON values: what was set, and nothing that was not."""
        found: dict[str, JsonValue] = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return found


class Record(Part):
    """The content of one JSON file of a run."""

    format: int = FORMAT

    def to_dict(self) -> dict[str, JsonValue]:
        """Return what the file holds, as JSON values."""
        return {"format": self.format} | super().to_dict()

    def write(self, path: Path) -> None:
        """Write the file whole or not at all."""
        write_json(path, self.to_dict())


class ModelRecord(Part):
    """Which weights a model was loaded from."""

    name: str
    kind: str = Field("", alias="from", description="where it was found: folder, Hub cache, package, API")
    revision: str | None = None
    sha256: str | None = None


class ContractRecord(Part):
    """How a model encodes texts, see `train.encode.contract.EncodingContract`."""

    query_prompt: str = ""
    document_prompt: str = ""
    symmetric_prompt: str = ""
    prompts_from: str = ""
    pooling: str
    normalized: bool
    max_tokens: int
    dimensions: int
    similarity: str = "cosine"


class MinedRecord(Part):
    """What mining found for a data set, see `train.fit.hard_negatives`."""

    rows: int


class EnvironmentRecord(Record):
    """environment.json: on what, with what and out of what a run was made."""

    python: str = ""
    packages: dict[str, str] = Field(default_factory=dict, description="versions by package")
    platform: str = ""
    processor: str = ""
    cores: int | None = None
    threads: int | None = None
    gpus: tuple[str, ...] = ()
    world_size: int = 1
    git_revision: str | None = None
    device: str = ""
    model: ModelRecord | None = Field(None, description="the base")
    contract: ContractRecord | None = None
    data: dict[str, str] = Field(default_factory=dict, description="fingerprints of the data sets as they were split")
    sources: dict[str, str] = Field(default_factory=dict, description="fingerprints of the sources; older runs have none")
    mined: dict[str, MinedRecord] = Field(default_factory=dict)
    recipe: tuple[str, ...] = Field((), description="what was settled by rule, a sentence each")
    settled: dict[str, JsonValue] = Field(
        default_factory=dict, description="what decides the weights besides data and base; older runs have none"
    )
    from_run: TrainedFrom | None = Field(None, description="the run whose model is the base, where one made it")


class AuditedDataset(Part):
    """What is in one data set, see `data.audit.audit`."""

    name: str
    location: str = ""
    kind: str = ""
    columns: dict[str, list[str]] = Field(default_factory=dict)
    ignored: list[str] = Field(default_factory=list)
    score_range: list[float] | None = None
    counts: dict[str, int] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)
    fingerprint: str = ""
    texts: JsonValue = Field(None, description="characters and words by split and column")
    tokens: JsonValue = Field(None, description="as the base model reads them")
    languages: JsonValue = Field(None, description="shares by split and column")
    scores: JsonValue = Field(None, description="histogram by split, of scored pairs")
    documents: JsonValue = Field(None, description="characters and words of the corpus")
    findings: list[dict[str, JsonValue]] = Field(default_factory=list, description="the worst first")


class AuditRecord(Record):
    """audit.json: what is in the data."""

    datasets: tuple[AuditedDataset, ...]

    def by_name(self) -> dict[str, AuditedDataset]:
        """Return the data sets by their names."""
        return {one.name: one for one in self.datasets}


class DevPart(Part):
    """What a checkpoint scored on a part of dev, and how that differs from the base."""

    n: int = Field(ge=1, description="queries")
    dev: float
    change: float = Field(description="against the base")
    noise: float = Field(ge=0, description="standard error of the change")

    @property
    def loses(self) -> bool:
        """Tell whether the base is better by more than the standard error."""
        return self.change < -self.noise


class DevParts(Part):
    """Queries of dev whose documents train taught, and those whose documents are new."""

    taught: DevPart
    new: DevPart


class ScoreLine(Part):
    """A line of scores.jsonl: what a checkpoint scored on dev; step 0 is the base."""

    step: int = Field(ge=0)
    dev: float | None = Field(None, description="mean over the data sets; None without a dev split")
    datasets: dict[str, float] = Field(default_factory=dict)
    eval_seconds: float = 0.0
    noise: float | None = Field(None, description="standard error of a difference between two checkpoints")
    train_seconds: float | None = None
    train_rows: int | None = None
    train_tokens: int | None = None
    parts: dict[str, DevParts] = Field(
        default_factory=dict, description="by data set, where dev has enough queries for taught and for new documents"
    )

    @property
    def loses_on_new(self) -> bool:
        """Tell whether the base is better on new documents of a data set, by more than a standard error."""
        return any(one.new.loses for one in self.parts.values())


class TriedShare(Part):
    """Weights between the base and the checkpoint, and what they scored on dev."""

    share: float
    dev: float | None = None
    loses_on_new: bool = Field(False, description="whether the base is better on new documents, so that it was not taken")
    panel: float | None = Field(None, description="mean score on the half of the panel that chooses, where it was judged there")


class Selection(Part):
    """What is shipped: `share` of the way from the base to the checkpoint of that step."""

    step: int | None = None
    share: float = 1.0
    dev: float | None = None
    tried: tuple[TriedShare, ...] = ()
    as_shipped: bool = Field(False, description="whether the base was kept under the contract of its own files")
    withheld: bool = Field(False, description="model/ holds the base, as the gain of what was judged is unproven")
    seed: int | None = Field(None, description="of the training that made it, where it is not the run's own")
    lost: bool = Field(
        False, description="part of a cross-validation, or seed: dev would have kept the base; it was judged anyway"
    )
    dev_choice: float | None = Field(None, description="the best share on dev, where one that loses less elsewhere was taken")

    @property
    def passed_over(self) -> bool:
        """Tell whether weights that scored higher on dev were not taken, as they lose on new documents."""
        return any(one.loses_on_new and one.dev is not None and one.dev > (self.dev or 0.0) for one in self.tried)


class PanelPart(Part):
    """Base and tuned model on other work: on the half of a part of the panel that took no part in the choice."""

    name: str
    kind: Literal["scored", "pair", "tuple"]
    metric: str
    n: int
    groups: int | None = None
    base: float
    tuned: float
    delta: float
    ci95: tuple[float, float]
    p_value: float
    test_sha256: str | None = None
    lost: bool = Field(False, description="a loss beyond the margin and beyond doubt")
    not_worse: bool | None = Field(None, description="whether a loss of the margin is ruled out; older files have none")


class PanelRecord(Part):
    """What training costs elsewhere, see `train.selection.panel`."""

    parts: tuple[PanelPart, ...] = ()
    base_choosing: float | None = Field(None, description="the base's mean score on the half that chooses")
    left_out: tuple[str, ...] = Field((), description="sentences about parts that were not judged")
    notes: tuple[str, ...] = Field((), description="what the panel cannot see")
    seconds: float = Field(0.0, description="that judging it took, loading included")


class Labels(Part):
    """What the two models of an evaluation are called."""

    base: str = BASE_AND_TUNED.before
    tuned: str = BASE_AND_TUNED.after


class CutScore(Part):
    """Primary metric on test with vectors cut to their first dimensions."""

    dimensions: int
    base: float
    tuned: float


class JudgedDataset(DatasetResult):
    """An entry of `datasets` in report.json: the result on a data set, and what cut vectors scored."""

    model_config = ConfigDict(extra="allow", frozen=True)

    dimensions: tuple[CutScore, ...] = ()

    @classmethod
    def of_result(cls, result: DatasetResult, dimensions: tuple[CutScore, ...] = ()) -> JudgedDataset:
        """Return the entry of a result."""
        return cls.model_validate(result.model_dump() | {"dimensions": dimensions})

    def to_dict(self) -> dict[str, JsonValue]:
        """Return the entry as JSON values."""
        found: dict[str, JsonValue] = self.model_dump(mode="json", exclude=None if self.dimensions else {"dimensions"})
        return found


class TrainingVerdict(Part):
    """What is known of training with this recipe, of which another seed is another case."""

    verdict: RunVerdict
    sentence: str


class ShippedVerdict(Part):
    """What is known of the very model that is in model/, see `train.report.training`."""

    verdict: RunVerdict
    sentence: str
    proven: bool = Field(False, description="whether its gain is; the base has none")
    headline: str | None = Field(None, description="first line of every report, where what was trained is unproven")


class RunReport(Record):
    """report.json: what a run, or an evaluation of two models, came to."""

    verdict: RunVerdict
    primary: str | None = Field(None, description="the data set that stands for the run")
    run: str | None = Field(None, description="its name")
    best_step: int | None = Field(None, description="of the checkpoint that was taken; an evaluation has none")
    selection: Selection = Selection()
    labels: Labels | None = Field(None, description="names of the two models; a run has none")
    base_model: str | None = None
    models: dict[Literal["base", "tuned"], ModelRecord] = Field(default_factory=dict, description="of an evaluation")
    datasets: tuple[JudgedDataset, ...]
    panel: PanelRecord | None = Field(None, description="other work; None where it was not judged, and in older files")
    training: TrainingVerdict | None = Field(None, description="on such training; an evaluation and older runs have none")
    shipped: ShippedVerdict | None = Field(None, description="on the model that is shipped; others as above")
    cost: dict[str, int | float] = Field(default_factory=dict, description="see `train.wording.cost_lines`")
    finished_at: str | None = None
    references: tuple[ReferenceResult, ...] = Field((), description="what needs no training, beside tuned; older runs have none")
    reference_notes: tuple[str, ...] = Field(
        (), description="which of these were left out and why, and where signs stand for words"
    )
    first_base: FirstBaseResult | None = Field(None, description="tuned against the first base, where a run's model is the base")
    warnings: tuple[str, ...] = Field((), description="why an evaluation may look better than it is; older ones have none")

    @property
    def sides(self) -> Sides:
        """Return what the two models are called."""
        return BASE_AND_TUNED if self.labels is None else Sides(self.labels.base, self.labels.tuned)

    @property
    def primary_result(self) -> JudgedDataset | None:
        """The result that stands for the run; None where nothing was judged."""
        return next((one for one in self.datasets if one.name == self.primary), next(iter(self.datasets), None))

    def to_dict(self) -> dict[str, JsonValue]:
        """Return what the file holds, as JSON values."""
        return super().to_dict() | {"datasets": [one.to_dict() for one in self.datasets]}

    def to_pandas(self) -> DataFrame:
        """Return a row a data set."""
        return paired_frame(self.datasets)

    def __str__(self) -> str:
        before, after = self.sides.in_sentences()
        table = plain_table(f"Verdict on {after} against {before}: {VERDICT_WORDS[self.verdict]}")
        table.add_column("data set", overflow="fold")
        table.add_column("metric", no_wrap=True)
        for heading in ("n", *self.sides.headings(), "change", "95% interval", "p", "verdict"):
            table.add_column(Text(heading), justify="right", no_wrap=True)
        for one in (line for result in self.datasets for line in result.lines()):
            figures = (fraction(one.base), fraction(one.tuned), change(one.delta), interval(one.ci95), p_value(one.shown_p))
            table.add_row(Text(one.name), metric_name(one.metric), f"{one.n:,}", *figures, VERDICT_WORDS[one.settled])
        console = Console(width=WIDTH, color_system=None, force_jupyter=False)
        with console.capture() as capture:
            console.print(table)
        headline = "" if self.shipped is None or self.shipped.headline is None else f"{self.shipped.headline}\n"
        return headline + with_warnings(self.warnings, lines_of(capture.get()))

    def _repr_html_(self) -> str:
        return notebook_view(str(self), self.to_pandas())
