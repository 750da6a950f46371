"""`embed-tune evaluate`: judge one model, or a model against another, without training."""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.spec import PromptSpec
from data.storage import refuse_full, staged_folder, write_text
from train.config.schema import JudgeSettings
from train.console import detail, notebook_view, now, quiet_libraries, say, with_warnings
from train.encode.api.confirm import Confirm
from train.encode.cache.cache import Counters, VectorCache
from train.encode.cache.open import open_cache
from train.encode.contract import EncodingContract
from train.encode.forward.cpu_malloc import keep_freed_memory
from train.encode.open import open_model
from train.encode.protocol import Origin
from train.encode.weights.locate import locate
from train.encode.wrappers import for_judging
from train.errors import ModelError, RunError
from train.evaluate.evaluator import ModelResult, compare, measure, primary_value, ranks_against_scores, score_model
from train.evaluate.frames import measured_frame, paired_frame
from train.evaluate.holm import together
from train.evaluate.results import DatasetResult, run_verdict
from train.evaluate.score import Scores
from train.evaluate.tasks import Task
from train.evaluate.verdict import RunVerdict
from train.machine import environment
from train.report.examples import count_changes, pick_examples
from train.report.page import Extras, render
from train.report.pictures.similarities import similarities_of
from train.report.terminal import measured_table, plain_console, story
from train.resolve.cost import confirm_judging
from train.resolve.models import Candidate
from train.resolve.requests import Request
from train.resolve.tasks import load_tasks, prompts_of, tuned_by
from train.runs.folder import RunFolder
from train.runs.looks import Look, count_looks, is_look, looks_at, with_looks
from train.runs.per_query import Judged, write_per_query
from train.runs.records import FORMAT, EnvironmentRecord, RunReport
from train.runs.thresholds import outdated_note
from train.wording import BASE_AND_TUNED, Sides, against_scores, duration, metric_name

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

SHOWN = 3
"""Queries that gained, and that lost, printed a data set; report.html has more."""


@dataclass(frozen=True)
class JudgedModel:
    """One model with its scores on every task, where its weights came from, how it encoded, and what that took.

    Attributes:
        scores: by data set name; the values of every query or pair stand in them.
        from_cache: vectors that were not computed but found in the cache.
    """

    candidate: Candidate
    scores: Mapping[str, Scores]
    origin: Origin
    contract: EncodingContract
    seconds: float
    from_cache: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return its entry in report.json."""
        return {
            "name": self.candidate.label,
            "from": self.origin.kind,
            "revision": self.origin.revision,
            "sha256": self.origin.sha256,
            "contract": self.contract.as_dict(),
            "eval_seconds": round(self.seconds, 3),
            "vectors_from_cache": self.from_cache,
        }


@dataclass(frozen=True)
class Evaluation:
    """One judged model, or two of which the second is judged against the first.

    Attributes:
        models: one, or two.
        tasks: what they were judged on, by data set name.
        measured: of one model, its metrics on each data set.
        compared: of two models, the second against the first on each data set.
        cost: seconds of judging and of everything; vectors that came from the cache.
        finished_at: when, ISO 8601 in UTC.
        data_notes: what was noticed about each data set.
        command: the words that repeat it.
        folder: where report.json, report.html and per_query.parquet were written, if they were.
        warnings: what must be known in order to read the figures rightly, such as rows that a model was trained on.
    """

    models: tuple[JudgedModel, ...]
    tasks: Mapping[str, Task]
    measured: tuple[ModelResult, ...]
    compared: tuple[DatasetResult, ...]
    cost: Mapping[str, float]
    finished_at: str
    data_notes: Mapping[str, list[str]] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    folder: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def datasets(self) -> tuple[ModelResult, ...] | tuple[DatasetResult, ...]:
        """Return the result on each data set: `compared` of two models, else `measured`."""
        return self.compared if len(self.models) == 2 else self.measured

    @property
    def verdict(self) -> RunVerdict | None:
        """Return the verdict on the second model; None of one model alone, which has none."""
        return run_verdict(self.compared) if len(self.models) == 2 else None

    @property
    def sides(self) -> Sides:
        """Return what the two models are called."""
        return Sides(*(model.candidate.label for model in self.models)) if len(self.models) == 2 else BASE_AND_TUNED

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints and report.json holds.

        Of one model these are `model`, and `datasets` with `value`, `ci95` and `metrics` of each.
        """
        ending = {"cost": dict(self.cost), "finished_at": self.finished_at, "warnings": list(self.warnings)}
        if len(self.models) == 1:
            return {
                "model": self.models[0].to_dict(),
                "primary": self.measured[0].name,
                "datasets": [result.as_json() for result in self.measured],
                **ending,
            }
        base, tuned = self.models
        return {
            "format": FORMAT,
            "verdict": self.verdict,
            "primary": self.compared[0].name,
            "labels": {"base": self.sides.before, "tuned": self.sides.after},
            "base_model": base.origin.name,
            "models": {"base": base.to_dict(), "tuned": tuned.to_dict()},
            "datasets": [result.model_dump(mode="json") for result in self.compared],
            **ending,
            **({} if self.folder is None else {"run": self.folder.resolve().name}),
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return the results as a table, one row a data set."""
        return paired_frame(self.compared) if len(self.models) == 2 else measured_frame(self.measured)

    def text(self, console: Console | None = None) -> str:
        """Return the words for people: a table of one model's metrics; of two models the verdict and what stands behind it.

        The warnings are not among them: a listener has heard those already.

        Args:
            console: decides width and colour; by default that of standard output.
        """
        if len(self.models) == 1:
            return measured_table(self.measured, self.models[0].candidate.label, console)
        words = story(self.compared, cost=self.cost, console=console, sides=self.sides, examples=self.most_changed(SHOWN))
        return words if self.folder is None else f"{words}\nreport: {RunFolder(self.folder).page}"

    def most_changed(self, count: int = 25) -> list[dict[str, Any]]:
        """Return the queries or pairs that gained and that lost most between two models, see `pick_examples`.

        Args:
            count: of those that gained, and of those that lost, on each data set.
        """
        base, tuned = (model.scores for model in self.models)
        return [one for name, task in self.tasks.items() for one in pick_examples(task, base[name], tuned[name], count)]

    def __str__(self) -> str:
        """Return the warnings, and below them the words for people."""
        return with_warnings(self.warnings, self.text(plain_console()))

    def _repr_html_(self) -> str:
        return notebook_view(str(self), self.to_pandas())


def evaluate_models(
    request: Request, *, output: Path | None = None, confirm: Confirm | None = None, debug: bool = False
) -> Evaluation:
    """Judge one model, or the second against the first.

    Args:
        request: models, data, settings.
        output: folder for report.json, report.html and per_query.parquet of two models; made whole or not at all.
        confirm: asked before money is spent, see `Confirm`; None refuses.
        debug: show what libraries log.

    Raises:
        ConfigError, DataError, ModelError: something cannot be judged.
        Interrupted: money was not to be spent.
        EmbedTuneError: the output folder is in use.
        RunError: it cannot be written, or there is one model only.
    """
    began = time.perf_counter()
    if output is not None:
        if len(request.candidates) != 2:
            raise RunError("an output folder is for two models: one alone has no verdict", hint="name a second model")
        refuse_full(output)
    quiet_libraries(debug)
    cache = open_cache(request.config.vector_cache, request.config.cache, say)
    tasks, notes, warnings = load_tasks(request)
    confirm_judging(request.candidates, tasks, cache, confirm)
    models, remarks = judge_models(request, tasks, cache)
    if cache is not None:
        cache.close()
    detail("comparing …" if len(models) == 2 else "resampling …")
    seed, judging = request.config.training.seed, request.config.evaluation
    measured: list[ModelResult] = []
    compared: list[DatasetResult] = []
    for name, task in tasks.items():
        first, *others = (model.scores[name] for model in models)
        measured += [] if others else [measure(task, first, seed, judging.resamples)]
        compared += [compare(task, first, other, seed, judging.resamples, judging.margin) for other in others]
    if len(models) == 2 and _are_one(request, list(tasks), models):
        compared = [one.of_one_model() if one.delta == 0 and one.ci95 == (0, 0) else one for one in compared]
    compared = _looked(request, measured, compared)
    doubts = [
        f"warning: {name}: {against_scores(one.candidate.label)}"
        for one in models
        for name, task in tasks.items()
        if ranks_against_scores(task, primary_value(one.scores[name]))
    ]
    for doubt in doubts:
        say(doubt)
    found = Evaluation(
        tuple(models),
        tasks,
        tuple(measured),
        tuple(together(compared)),
        cost=_cost(models, began),
        finished_at=now(),
        data_notes=notes,
        command=request.command,
        folder=output,
        warnings=(*warnings, *remarks, *doubts),
    )
    if output is not None:
        write_output(output, found)
    return found


def _looked(request: Request, measured: list[ModelResult], compared: list[DatasetResult]) -> list[DatasetResult]:
    """Write down which models of runs were judged on which test; return the comparisons with the number of looks at each."""
    *others, last = (tuned_by(one) for one in request.candidates)
    place = request.config.output_dir
    if last is not None:
        count_looks(looks_at(measured, last), place)
    if others and others[0] is not None:  # two tuned models: both were looked at
        count_looks([Look(str(one.test_sha256), one.metric, one.base, others[0]) for one in compared if is_look(one)], place)
    return compared if last is None else with_looks(compared, place, last)


def _are_one(request: Request, names: Sequence[str], models: Sequence[JudgedModel]) -> bool:
    """Tell whether two models are the same weights and read texts alike, whatever they are called."""
    first, second = models
    if first is second:
        return True
    alike = replace(first.contract, prompts_from="") == replace(second.contract, prompts_from="")
    prompts = [prompts_of(request, names, model.candidate) for model in models]
    return first.origin.sha256 is not None and first.origin.sha256 == second.origin.sha256 and alike and prompts[0] == prompts[1]


def judge_models(
    request: Request, tasks: Mapping[str, Task], cache: VectorCache | None = None
) -> tuple[list[JudgedModel], list[str]]:
    """Score every model on every task. All weights are found before the first text is encoded.

    Args:
        request: models and settings.
        tasks: what to judge them on, by name.
        cache: where vectors are looked for and kept; None computes all of them.

    Returns:
        The models, and what was said about both together: that they are one and the same.
    """
    for candidate in request.candidates:
        if candidate.config.api is None:
            locate(candidate.config)
    models: list[JudgedModel] = []
    remarks: list[str] = []

    def remark(sentence: str) -> None:
        say(sentence)
        remarks.append(sentence)

    for candidate in request.candidates:
        if models and candidate.same_as(models[0].candidate):
            remark(f"{candidate.label} is the same model with the same settings: it is not encoded again, and nothing can differ")
            models.append(models[0])
        else:
            prompts = prompts_of(request, list(tasks), candidate)
            models.append(judge_model(candidate, tasks, prompts, request.config, cache))
    digests = [model.origin.sha256 for model in models]
    if len(models) == 2 and models[0] is not models[1] and digests[0] is not None and digests[0] == digests[1]:
        remark("note: both models have the same weights file")
    return models, remarks


def judge_model(
    candidate: Candidate,
    tasks: Mapping[str, Task],
    prompts: Mapping[str, PromptSpec],
    config: JudgeSettings,
    cache: VectorCache | None = None,
) -> JudgedModel:
    """Score one model on every task; each distinct text is encoded once.

    Raises:
        ModelError: it cannot be found or loaded, or gives vectors that are no numbers.
    """
    opened = open_model(candidate.config, batch_size=config.evaluation.batch_size, tokens=config.cache)
    encoder, origin = opened.encoder, opened.origin
    if (device := opened.device) == "cpu":
        keep_freed_memory()
    say(f"judging {candidate.label} …")
    detail(f"  {origin.sentence()}")
    detail(f"  {encoder.contract.sentence()}" + (f"; on {device}" if device else ""))
    outdated = outdated_note(Path(candidate.config.name), origin.sha256)
    for note in (*candidate.notes, *opened.notes, *([] if outdated is None else [outdated])):
        say(f"  note: {note}")
    began = time.perf_counter()
    before = Counters() if cache is None else replace(cache.counters)
    remembering = for_judging(encoder, prompts, cache=cache)
    scores: dict[str, Scores] = {}
    for name, task in tasks.items():
        try:
            scores[name] = score_model(task, remembering[name])
        except ValueError as error:
            raise ModelError(f"{candidate.label} cannot be judged on {name}: {error}") from None
        say(f"  {name}: {metric_name(task.primary)} {primary_value(scores[name]):.4f}")
    seconds = time.perf_counter() - began
    done = Counters() if cache is None else cache.counters.since(before)
    detail(f"  took {duration(seconds)}" + (f"; {done.sentence()}" if done.hits else ""))
    return JudgedModel(candidate, scores, origin, encoder.contract, seconds, done.hits)


def _cost(models: Sequence[JudgedModel], began: float) -> dict[str, float]:
    """Return the seconds of judging (a model that stands for both counts once), and of everything since `began`."""
    judged = {id(model): model for model in models}.values()
    found = sum(model.from_cache for model in judged)
    return {
        "eval_seconds": round(sum(model.seconds for model in judged), 3),
        **({"vectors_from_cache": found} if found else {}),
        "total_seconds": round(time.perf_counter() - began, 3),
    }


def write_output(folder: Path, found: Evaluation) -> None:
    """Write report.json, report.html and per_query.parquet, whole or not at all: to a folder of another name, then renamed.

    Raises:
        RunError: it cannot be written.
        EmbedTuneError: something came to be there meanwhile.
    """
    judged: list[Judged] = [{name: (task, model.scores[name]) for name, task in found.tasks.items()} for model in found.models]
    base, tuned = judged
    extras = Extras(
        data_notes=found.data_notes,
        changes={name: count_changes(task, base[name][1], tuned[name][1]) for name, task in found.tasks.items()},
        similarities=similarities_of(base, tuned),
        environment=EnvironmentRecord.model_validate(environment({})),
        command=shlex.join(found.command),
    )
    report = RunReport.model_validate(found.to_dict())
    page = render(report, [], found.most_changed(), extras)
    try:
        with staged_folder(folder.resolve()) as staged:
            files = RunFolder(staged)
            write_per_query(files.per_query, base, tuned)
            write_text(files.page, page)
            report.write(files.report)
            refuse_full(folder)
    except OSError as error:
        raise RunError(f"--output {folder} cannot be written ({error.strerror or error})", hint="name another place") from None
