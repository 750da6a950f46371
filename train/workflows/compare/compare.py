"""`embed-tune compare`: every model on the user's data, one after the other, then which to take."""

from __future__ import annotations

import os
import pickle
import shlex
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

from data.progress import shown
from data.storage import refuse_full, staged_folder, write_json, write_text
from train.console import detail, now, quiet_libraries, say
from train.encode.api.confirm import Confirm, confirm_spending
from train.encode.api.prices import load_prices
from train.errors import ModelError, RunError
from train.evaluate.evaluator import ranks_against_scores
from train.evaluate.tasks import Task, texts_by_role
from train.machine import environment
from train.resolve.models import Candidate
from train.resolve.tasks import load_tasks, refuse_prompts, tuned_by
from train.runs.folder import default_name
from train.runs.looks import count_looks, looks_at
from train.wording import against_scores, duration
from train.workflows.compare.config import CompareRequest
from train.workflows.compare.cost import estimates
from train.workflows.compare.files import as_csv, as_json, write_per_query
from train.workflows.compare.isolation import context, prepare, run_job
from train.workflows.compare.model_comparison import ModelComparison
from train.workflows.compare.page import render
from train.workflows.compare.pricing import PriceTag, price_tag
from train.workflows.compare.recommendation import Advice, advise
from train.workflows.compare.references import Reference, judge_references, rank_words, references_json, with_references
from train.workflows.compare.results import Comparison, compare_all
from train.workflows.compare.samples import choose_samples
from train.workflows.compare.speed import Round, Samples
from train.workflows.compare.turns import timed_in_turns
from train.workflows.compare.worker import Failure, Job, Outcome

ROOM = "comparisons"
"""Folder below `output_dir` where comparisons are put that name no other place."""


def compare_models(
    request: CompareRequest,
    *,
    output: Path | None = None,
    csv: Path | None = None,
    confirm: Confirm | None = None,
    again: bool = False,
    debug: bool = False,
) -> ModelComparison:
    """Judge and measure every model, recommend one, and write what came out.

    Args:
        request: models, data, settings.
        output: new folder for the files; None makes one in `comparisons/` below `output_dir`.
        csv: a file for the table, besides.
        confirm: asked before money is spent, see `Confirm`; None refuses.
        again: measure speed again rather than use what was measured before.
        debug: show what libraries log.

    Raises:
        ConfigError, DataError: something cannot be judged.
        ModelError: no model could be judged.
        EmbedTuneError: the output folder is in use.
        RunError: it cannot be written.
        Interrupted: money was not to be spent.
    """
    began = time.perf_counter()
    if output is not None:
        refuse_full(output)
    prices = load_prices(None if request.config.measure.prices is None else Path(request.config.measure.prices))
    quiet_libraries(debug)
    start = context()
    prepare(start)
    refuse_prompts(request.as_request(), "compare")
    tasks, notes, warnings = load_tasks(request.as_request())
    samples = choose_samples(tasks, request.config.measure)
    confirm_spending(estimates(request, tasks, samples, prices, again), confirm)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tasks.pickle"
        file.write_bytes(pickle.dumps(tasks))
        words = rank_words(tasks, request.config.evaluation)
        ranked = file.with_name("words.pickle")
        ranked.write_bytes(pickle.dumps(words.ranked))
        environment = dict(os.environ)
        jobs = [Job(one, request.config, file, samples, again, environment, ranked, debug, shown()) for one in request.candidates]
        found = {}
        for number, job in enumerate(jobs, start=1):
            say(f"{job.candidate.label} ({number} of {len(jobs)}) …")
            found[job.candidate] = _told(_whole(run_job(job, start)))
        found = timed_in_turns(jobs, found, start)
    comparison = _compared(request, tasks, found, prices)
    doubts = tuple(f"warning: {name}: {against_scores('every model')}" for name in _all_against_scores(comparison, tasks))
    doubts += _many_looks(request, comparison)
    for doubt in doubts:
        say(doubt)
    warnings = (*warnings, *doubts)
    settings, seed = request.config.evaluation, request.config.training.seed
    advice = advise(comparison, request.config.limits, request.config.measure.documents, settings.margin)
    references = judge_references(tasks, words, comparison, advice, settings, seed)
    advice = with_references(advice, references, comparison, settings.margin)
    report = _report(request, comparison, advice, samples, began, warnings) | references_json(references, words.notes)
    made = output or _new_folder(request, next(iter(tasks)))
    _write(made, request, report, tasks, comparison, advice, notes, references)
    if csv is not None:
        _write_csv(csv, report)
    return ModelComparison(comparison, advice, made, report, warnings, references)


def _whole(found: Outcome | Round | Failure) -> Outcome | Failure:
    if isinstance(found, Round):
        raise TypeError("a job that does everything comes back with an outcome")
    return found


def _all_against_scores(comparison: Comparison, tasks: Mapping[str, Task]) -> list[str]:
    """Return the data sets whose scores all models contradict."""
    judged = [one.results for one in comparison.contenders]
    return [
        name
        for name, task in tasks.items()
        if judged and all(ranks_against_scores(task, found[name].metrics[task.primary].value) for found in judged)
    ]


def _many_looks(request: CompareRequest, comparison: Comparison) -> tuple[str, ...]:
    """Write down which tuned models were judged on which test; return a warning where others were judged there before."""
    tuned = [(one, who) for one in comparison.contenders if (who := tuned_by(one.candidate)) is not None]
    looks = [look for one, who in tuned for look in looks_at(list(one.results.values()), who)]
    counts = count_looks(looks, request.config.output_dir)
    names = {one.test_sha256: name for contender, _ in tuned for name, one in contender.results.items()}
    here = Counter(sha for sha, _, _ in {look.key for look in looks})
    return tuple(
        f"warning: {names[sha]}: {number} tuned models have been judged on this test so far, {here[sha]} of them here: the best"
        " of several is partly the luckiest; choose by dev"
        for sha, number in counts.items()
        if number > here[sha]
    )


def _told(found: Outcome | Failure) -> Outcome | Failure:
    """Say how a model's job ended."""
    if isinstance(found, Failure):
        say(f"  could not be judged: {found.what}" + (f"\n  What to do: {found.hint}" if found.hint else ""))
        return found
    if found.trouble:
        say(f"  note: {found.trouble}")
    parts = [f"  took {duration(found.seconds)}"]
    if found.hits:
        parts.append(f"{found.hits:,} of {found.hits + found.computed:,} vectors came from the cache")
    if found.speed is not None and found.speed_kept:
        parts.append(f"its speed was measured at {found.speed.measured_at}")
    elif found.speed is not None and found.speed.disturbed:
        parts.append("other programs were at work, so times may be too long (--measure-again)")
    say("; ".join(parts))
    return found


def _compared(
    request: CompareRequest, tasks: Mapping[str, Task], found: Mapping[Candidate, Outcome | Failure], prices: dict[str, Any]
) -> Comparison:
    failures = {candidate.label: one for candidate, one in found.items() if isinstance(one, Failure)}
    texts = [text for texts in texts_by_role(tasks).values() for text in texts]
    judged: list[tuple[Candidate, Outcome, PriceTag]] = []
    for candidate, outcome in found.items():
        if isinstance(outcome, Outcome):
            price = price_tag(candidate.config, texts, outcome.speed, prices, request.config.measure.usd_per_hour)
            judged.append((candidate, outcome, price))
    if not judged:
        lines = [f"{name}: {failure.what}" for name, failure in failures.items()]
        hints = dict.fromkeys(failure.hint for failure in failures.values() if failure.hint)
        raise ModelError("no model could be judged\n  " + "\n  ".join(lines), hint="; ".join(hints) or None)
    detail("comparing …")
    config = request.config
    evaluation = config.evaluation
    return compare_all(
        tasks, judged, failures, seed=config.training.seed, resamples=evaluation.resamples, margin=evaluation.margin
    )


def _report(
    request: CompareRequest,
    comparison: Comparison,
    advice: Advice,
    samples: Samples,
    began: float,
    warnings: tuple[str, ...],
) -> dict[str, Any]:
    config = request.config
    about = {
        "limits": config.limits.model_dump(mode="json"),
        "measure": config.measure.model_dump(mode="json"),
        "samples": {
            "single": {"texts": len(samples.single), "role": samples.single_role},
            "many": {"texts": len(samples.many), "role": samples.many_role},
        },
        "resamples": config.evaluation.resamples,
        "seed": config.training.seed,
        "environment": environment({}),
        "command": shlex.join(request.command),
        "finished_at": now(),
        "seconds": round(time.perf_counter() - began, 3),
        "warnings": list(warnings),
    }
    return as_json(comparison, advice, config.measure.documents, about)


def _new_folder(request: CompareRequest, dataset: str) -> Path:
    """Name a folder that does not exist yet; a second comparison within a second gets a number."""
    first = Path(request.config.output_dir) / ROOM / default_name(dataset)
    numbered = (first.with_name(f"{first.name}-{number}") for number in count(2))
    return next(folder for folder in chain([first], numbered) if not folder.exists())


def _write(
    folder: Path,
    request: CompareRequest,
    report: Mapping[str, Any],
    tasks: Mapping[str, Task],
    comparison: Comparison,
    advice: Advice,
    notes: Mapping[str, list[str]],
    references: Sequence[Reference],
) -> None:
    """Write all files, whole or not at all: to a folder of another name, then renamed.

    Raises:
        RunError: they cannot be written.
        EmbedTuneError: something was put there meanwhile.
    """
    page = render(comparison, advice, request.config, report, notes, references)
    try:
        with staged_folder(folder.resolve()) as staged:
            write_per_query(staged / "per_query.parquet", tasks, comparison)
            write_text(staged / "compare.csv", as_csv(report))
            write_text(staged / "compare.html", page)
            write_json(staged / "compare.json", report)
            refuse_full(folder)
    except OSError as error:
        raise RunError(f"{folder} cannot be written ({error.strerror or error})", hint="name another place: --output") from None


def _write_csv(path: Path, report: Mapping[str, Any]) -> None:
    try:
        write_text(path, as_csv(report))
    except OSError as error:
        raise RunError(f"--csv {path} cannot be written ({error.strerror or error})", hint="name another place") from None
