"""`embed-tune benchmark`: public tasks and the user's own data sets through mteb, several models side by side."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from data.errors import EmbedTuneError, reason
from data.storage import write_json
from train.console import detail, now, quiet_libraries, say
from train.encode.api.confirm import Confirm, confirm_spending
from train.encode.api.prices import Estimate, load_prices, price_of
from train.encode.cache.open import open_cache
from train.encode.forward.cpu_malloc import keep_freed_memory
from train.encode.open import open_model
from train.encode.protocol import OpenedModel
from train.encode.wrappers import wrapped
from train.errors import ModelError
from train.resolve.models import Candidate
from train.resolve.requests import Request
from train.resolve.tasks import load_tasks, refuse_prompts
from train.wording import duration
from train.workflows.benchmark.encoder import BenchmarkEncoder, describe
from train.workflows.benchmark.result import BenchmarkResult, Cell
from train.workflows.benchmark.tasks import named_tasks, own_task, size_of

if TYPE_CHECKING:
    from mteb import ResultCache
    from mteb.abstasks import AbsTask
    from mteb.models import EncoderProtocol, ModelMeta

ROOM = "mteb"
"""Folder of results in mteb's form, below that of everything else that runs share."""
SUMMARY = "benchmark.json"
CHARACTERS_A_TOKEN = 4.0


def run_benchmark(
    request: Request,
    names: Sequence[str] = (),
    *,
    output: Path | None = None,
    prices: Path | None = None,
    confirm: Confirm | None = None,
    debug: bool = False,
) -> BenchmarkResult:
    """Run tasks through mteb. What fails has no score; a result without any is refused by `require_scores` only.

    Args:
        request: models, data, settings.
        names: public tasks and benchmarks.
        output: folder of results in mteb's form, with benchmark.json beside them; by default one that all runs share.
        prices: see `load_prices`.
        confirm: asked before money is spent, see `Confirm`; None refuses.
        debug: show what libraries log.

    Raises:
        ConfigError, DataError: something cannot be judged at all.
        Interrupted: money was not to be spent.
    """
    from mteb import ResultCache

    quiet_libraries(debug)
    done = BenchmarkResult(output or request.config.cache / ROOM)
    with nullcontext() if debug else _quiet_mteb():
        tasks = {task.metadata.name: task for task in named_tasks(names)}
        if request.has_data:
            refuse_prompts(request, "benchmark")
            tasks |= {name: own_task(task) for name, task in load_tasks(request).tasks.items()}
        for name, task in tasks.items():
            facts = task.metadata
            done.tasks[name] = {"type": facts.type, "metric": facts.main_score, "mteb_name": facts.name}
        results = ResultCache(done.folder)
        for candidate in request.candidates:
            _run_model(candidate, tasks, request, results, Spending(prices, confirm), done)
        done = replace(done, finished_at=now())
        done.folder.mkdir(parents=True, exist_ok=True)
        write_json(done.folder / SUMMARY, done.to_dict())
    return done


@dataclass(frozen=True)
class Spending:
    """What the user said about money: a table of prices, and whether to continue without asking."""

    prices: Path | None
    agreed: Confirm | None

    def confirm(self, candidate: Candidate, tasks: Sequence[AbsTask]) -> None:
        """Ask before texts are sent to where they cost something.

        Raises:
            ConfigError: nobody can be asked.
            Interrupted: the answer is no.
        """
        if candidate.config.api is None or not tasks:
            return
        sizes = {task.metadata.name: size_of(task) for task in tasks}
        texts, characters = (sum(numbers) for numbers in zip(*sizes.values(), strict=True))
        price = price_of(candidate.config, load_prices(self.prices))
        name = f"{candidate.config.api}:{candidate.config.name}"
        estimates = [Estimate(name, texts, round(characters / CHARACTERS_A_TOKEN), price)]
        if unknown := [task for task, (count, _) in sizes.items() if not count]:
            # mteb does not say how large they are: free only where nothing is ever charged
            free = price is not None and price.usd_per_million == 0
            estimates.append(Estimate(f"{name} on {', '.join(unknown)}, of unknown size", 1, 0, price if free else None))
        confirm_spending(estimates, self.agreed)


def _run_model(
    candidate: Candidate,
    tasks: dict[str, AbsTask],
    request: Request,
    results: ResultCache,
    spending: Spending,
    done: BenchmarkResult,
) -> None:
    """Run one model on all tasks. A model or a task that fails does not cost the others their scores."""
    say(f"benchmarking {candidate.label} …")
    try:
        opened = open_model(candidate.config, batch_size=request.config.evaluation.batch_size, tokens=request.config.cache)
        meta = describe(candidate, opened)
        kept = {name for name, task in tasks.items() if _has_result(results, task, meta)}
        spending.confirm(candidate, [task for name, task in tasks.items() if name not in kept])
    except ModelError as error:
        say(f"  {candidate.label} cannot be used: {error}")
        done.models[candidate.label] = {"problem": error.what}
        done.cells.update({(candidate.label, name): Cell(None, problem=error.what) for name in tasks})
        return
    _introduce(candidate, opened, meta, done)
    cache = open_cache(request.config.vector_cache, request.config.cache, say)
    encoder = BenchmarkEncoder(wrapped(opened.encoder, cache=cache), meta)
    try:
        for name, task in tasks.items():
            cell = _run_task(encoder, task, results, name in kept)
            done.cells[candidate.label, name] = cell
            if cell.value is None:
                say(f"  {name}: no score: {cell.problem}")
            else:
                how = "from mteb's cache" if cell.kept else f"took {duration(cell.seconds)}"
                say(f"  {name}: {task.metadata.main_score} {cell.value:.4f}; {how}")
    finally:
        if cache is not None:
            if cache.counters.hits:
                detail(f"  {cache.counters.sentence()}")
            cache.close()


def _introduce(candidate: Candidate, opened: OpenedModel, meta: ModelMeta, done: BenchmarkResult) -> None:
    """Say and record which model it is and how it encodes."""
    if opened.device == "cpu":
        keep_freed_memory()
    detail(f"  {opened.origin.sentence()}")
    detail(f"  {opened.encoder.contract.sentence()}" + (f"; on {opened.device}" if opened.device else ""))
    for note in (*candidate.notes, *opened.notes):
        say(f"  note: {note}")
    done.models[candidate.label] = {
        "mteb_name": meta.name,
        "mteb_revision": meta.revision,
        "settings": dict(meta.experiment_kwargs or {}),
        "from": opened.origin.kind,
        "contract": opened.encoder.contract.as_dict(),
    }


def _run_task(encoder: BenchmarkEncoder, task: AbsTask, results: ResultCache, kept: bool) -> Cell:
    """Run one model on one task, or find out why that cannot be."""
    import mteb

    began = time.perf_counter()
    try:
        if not kept and not task.data_loaded:
            task.load_data()
    except Exception as error:  # each library that fetches data raises errors of its own
        return Cell(None, problem=_no_data(task, error))
    try:
        found = mteb.evaluate(cast("EncoderProtocol", encoder), task, cache=results, show_progress_bar=False, co2_tracker=False)
        value = float(found.task_results[0].get_score())
    except EmbedTuneError as error:
        return Cell(None, problem=error.what)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        return Cell(None, problem=f"mteb cannot judge it: {reason(error)}")
    finally:
        if task.data_loaded:
            task.unload_data()
    if not math.isfinite(value):
        return Cell(None, kept, problem="mteb's score is not a number: the vectors of all texts are alike")
    # as mteb writes it to disk, so that a score from its cache is no other than the one that was computed
    return Cell(round(value, 6), kept, round(time.perf_counter() - began, 3))


def _has_result(results: ResultCache, task: AbsTask, meta: ModelMeta) -> bool:
    """Tell whether mteb's cache holds all of a task for a model, as `mteb.evaluate` decides it."""
    found = results.load_task_result(task.metadata.name, meta)
    return found is not None and not found.get_missing_evaluations(task)


def _no_data(task: AbsTask, error: Exception) -> str:
    from huggingface_hub.constants import HF_HUB_OFFLINE

    why = "HF_HUB_OFFLINE is set" if HF_HUB_OFFLINE else reason(error)
    return f"its data set {task.metadata.dataset['path']} is not on this machine and could not be downloaded ({why})"


@contextmanager
def _quiet_mteb() -> Iterator[None]:
    """Silence mteb, which logs and warns about what is said here in other words."""
    logger = logging.getLogger("mteb")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
