"""`embed-tune evaluate`: judge one model, or a model against another, without training."""

from __future__ import annotations

import json
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data.spec import PromptSpec
from data.storage import refuse_full, staged_folder, write_json, write_text
from train.config.schema import JudgeSettings
from train.console import now, quiet_libraries, say
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
from train.evaluate.evaluator import ModelResult, compare, measure, primary_value, score_model
from train.evaluate.results import run_verdict
from train.evaluate.score import Scores
from train.evaluate.tasks import Task
from train.machine import environment
from train.report.examples import count_changes, pick_examples
from train.report.page import render
from train.report.terminal import measured_table, story
from train.resolve.cost import confirm_judging
from train.resolve.models import Candidate
from train.resolve.requests import Request
from train.resolve.tasks import load_tasks, prompts_of
from train.runs.per_query import Judged, write_per_query
from train.wording import Sides, duration, metric_name

SHOWN = 3
"""Queries that gained, and that lost, printed a data set; report.html has more."""


@dataclass(frozen=True)
class JudgedModel:
    """One model with its scores on every task, where its weights came from, how it encoded, and what that took.

    Attributes:
        from_cache: vectors that were not computed but found in the cache.
    """

    candidate: Candidate
    scores: Mapping[str, Scores]
    origin: Origin
    contract: EncodingContract
    seconds: float
    from_cache: int = 0

    def as_json(self) -> dict[str, Any]:
        """For report.json."""
        return {
            "name": self.candidate.label,
            "from": self.origin.kind,
            "revision": self.origin.revision,
            "sha256": self.origin.sha256,
            "contract": self.contract.as_dict(),
            "eval_seconds": round(self.seconds, 3),
            "vectors_from_cache": self.from_cache,
        }


def evaluate_models(
    request: Request, *, output: Path | None = None, confirm: Confirm | None = None, as_json: bool = False, debug: bool = False
) -> dict[str, Any]:
    """Judge one model, or the second against the first, and print what came out.

    Args:
        request: models, data, settings.
        output: folder for report.json, report.html and per_query.parquet of two models; made whole or not at all.
        confirm: asked before money is spent, see `Confirm`; None refuses.
        as_json: print the content of report.json on standard output, and everything else on standard error.
        debug: show what libraries log.

    Returns:
        What report.json holds; for one model `model`, and `datasets` with `value`, `ci95` and `metrics` of each.

    Raises:
        ConfigError, DataError, ModelError: something cannot be judged.
        EmbedTuneError: the output folder is in use.
        RunError: it cannot be written.
    """
    began = time.perf_counter()
    if output is not None:
        refuse_full(output)
    quiet_libraries(debug)
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        cache = open_cache(request.config.vector_cache, request.config.cache, say)
        tasks, notes = load_tasks(request)
        confirm_judging(request.candidates, tasks, cache, confirm)
        models = judge_models(request, tasks, cache)
        if cache is not None:
            cache.close()
        say("comparing …" if len(models) == 2 else "resampling …")
        if len(models) == 1:
            report, words = _alone(request, tasks, models[0], began)
        else:
            report, words = _paired(request, tasks, models, began)
            if output is not None:
                report["run"] = output.resolve().name
                write_output(output, request, report, tasks, models, notes)
                words += f"\nreport: {output / 'report.html'}"
    say(json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) if as_json else f"\n{words}")
    return report


def judge_models(request: Request, tasks: Mapping[str, Task], cache: VectorCache | None = None) -> list[JudgedModel]:
    """Every model's scores on every task. All weights are found before the first text is encoded.

    Args:
        request: models and settings.
        tasks: what to judge them on, by name.
        cache: where vectors are looked for and kept; None computes all of them.
    """
    for candidate in request.candidates:
        if candidate.config.api is None:
            locate(candidate.config)
    prompts = prompts_of(request, list(tasks))
    models: list[JudgedModel] = []
    for candidate in request.candidates:
        if models and candidate.same_as(models[0].candidate):
            say(f"{candidate.label} is the same model under the same settings: it is not encoded again, and nothing can differ")
            models.append(models[0])
        else:
            models.append(judge_model(candidate, tasks, prompts, request.config, cache))
    digests = [model.origin.sha256 for model in models]
    if len(models) == 2 and models[0] is not models[1] and digests[0] is not None and digests[0] == digests[1]:
        say("note: both models have the same weights file")
    return models


def judge_model(
    candidate: Candidate,
    tasks: Mapping[str, Task],
    prompts: Mapping[str, PromptSpec],
    config: JudgeSettings,
    cache: VectorCache | None = None,
) -> JudgedModel:
    """One model's scores on every task; each distinct text is encoded once.

    Raises:
        ModelError: it cannot be found or loaded, or gives vectors that are no numbers.
    """
    opened = open_model(candidate.config, batch_size=config.evaluation.batch_size, tokens=config.cache)
    encoder, origin = opened.encoder, opened.origin
    if (device := opened.device) == "cpu":
        keep_freed_memory()
    say(f"judging {candidate.label} …")
    say(f"  {origin.sentence()}")
    say(f"  {encoder.contract.sentence()}" + (f"; on {device}" if device else ""))
    for note in (*candidate.notes, *opened.notes):
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
    say(f"  took {duration(seconds)}" + (f"; {done.sentence()}" if done.hits or done.damaged else ""))
    return JudgedModel(candidate, scores, origin, encoder.contract, seconds, done.hits)


def _alone(request: Request, tasks: Mapping[str, Task], model: JudgedModel, began: float) -> tuple[dict[str, Any], str]:
    """Report and words on one model."""
    seed, resamples = request.config.training.seed, request.config.evaluation.resamples
    results: list[ModelResult] = [measure(task, model.scores[name], seed, resamples) for name, task in tasks.items()]
    report = {
        "model": model.as_json(),
        "primary": results[0].name,
        "datasets": [result.as_json() for result in results],
        "cost": _cost([model], began),
        "finished_at": now(),
    }
    return report, measured_table(results, model.candidate.label)


def _paired(
    request: Request, tasks: Mapping[str, Task], models: Sequence[JudgedModel], began: float
) -> tuple[dict[str, Any], str]:
    """Report and words on the second model against the first."""
    seed, resamples = request.config.training.seed, request.config.evaluation.resamples
    base, tuned = models
    sides = Sides(base.candidate.label, tuned.candidate.label)
    results = [compare(task, base.scores[name], tuned.scores[name], seed, resamples) for name, task in tasks.items()]
    cost = _cost(models, began)
    report = {
        "verdict": run_verdict(results),
        "primary": results[0].name,
        "labels": {"base": sides.before, "tuned": sides.after},
        "base_model": base.origin.name,
        "models": {"base": base.as_json(), "tuned": tuned.as_json()},
        "datasets": [result.model_dump(mode="json") for result in results],
        "cost": cost,
        "finished_at": now(),
    }
    return report, story(results, cost=cost, sides=sides, examples=_most_changed(tasks, models, SHOWN))


def _cost(models: Sequence[JudgedModel], began: float) -> dict[str, float]:
    """Seconds of judging (a model that stands for both counts once), and of everything since `began`."""
    judged = {id(model): model for model in models}.values()
    found = sum(model.from_cache for model in judged)
    return {
        "eval_seconds": round(sum(model.seconds for model in judged), 3),
        **({"vectors_from_cache": found} if found else {}),
        "total_seconds": round(time.perf_counter() - began, 3),
    }


def _most_changed(tasks: Mapping[str, Task], models: Sequence[JudgedModel], count: int | None = None) -> list[dict[str, Any]]:
    """The queries or pairs of every data set that changed most; `count` for each direction."""
    base, tuned = (model.scores for model in models)
    options = {} if count is None else {"count": count}
    return [one for name, task in tasks.items() for one in pick_examples(task, base[name], tuned[name], **options)]


def write_output(
    folder: Path,
    request: Request,
    report: Mapping[str, Any],
    tasks: Mapping[str, Task],
    models: Sequence[JudgedModel],
    notes: Mapping[str, list[str]],
) -> None:
    """Write report.json, report.html and per_query.parquet, whole or not at all: to a folder of another name, then renamed.

    Raises:
        RunError: it cannot be written.
        EmbedTuneError: something came to be there meanwhile.
    """
    judged: list[Judged] = [{name: (task, model.scores[name]) for name, task in tasks.items()} for model in models]
    base, tuned = judged
    extras = {
        "data_notes": notes,
        "changes": {name: count_changes(task, base[name][1], tuned[name][1]) for name, task in tasks.items()},
        "environment": environment({}),
        "command": shlex.join(request.command),
    }
    page = render(report, [], _most_changed(tasks, models), extras)
    try:
        with staged_folder(folder.resolve()) as staged:
            write_per_query(staged / "per_query.parquet", base, tuned)
            write_text(staged / "report.html", page)
            write_json(staged / "report.json", report)
            refuse_full(folder)
    except OSError as error:
        raise RunError(f"--output {folder} cannot be written ({error.strerror or error})", hint="name another place") from None
