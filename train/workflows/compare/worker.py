"""What happens to one model in a process of its own: it is opened, timed, scored on every data set, and forgotten.

Its memory and load time are then its own, and one that takes all memory or crashes costs the others nothing.
"""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sentence_transformers  # noqa: F401 - a server of processes imports this module for all its children
import torch

from data.errors import EmbedTuneError, reason
from data.progress import bars
from train.config.compare import CompareSettings
from train.console import detail, heard_by, quiet_libraries, say
from train.encode.cache.encoder import WINDOW
from train.encode.cache.open import open_cache
from train.encode.contract import EncodingContract, Role
from train.encode.forward.cpu_malloc import keep_freed_memory
from train.encode.open import open_model
from train.encode.protocol import TextEncoder, WrappedEncoder
from train.encode.wrappers import wrapped
from train.errors import ModelError, is_out_of_memory
from train.evaluate.evaluator import primary_value, score_model
from train.evaluate.lexical import Ranked, fuse, ranked_by_model, score_ranked
from train.evaluate.score import Scores
from train.evaluate.tasks import RetrievalTask, Task
from train.resolve.facts import ModelFacts, facts_of
from train.resolve.models import Candidate
from train.wording import metric_name
from train.workflows.compare.machine import Machine
from train.workflows.compare.sent_bars import SentBars
from train.workflows.compare.speed import Round, Samples, Speed, busy_now, measure_round, measure_speed
from train.workflows.compare.speed_cache import SpeedFile

NO_MEMORY = "there is not enough memory for it"


@dataclass(frozen=True)
class Job:
    """One model to measure.

    Attributes:
        candidate: the model.
        config: data, cache and measuring.
        tasks: a file with the pickled tasks by data set name.
        samples: the texts that speed is measured on.
        again: whether kept measurements of speed are passed over.
        environment: variables of the process that asks.
        words: a file with what BM25 finds, pickled: by data set name, see `lexical.Ranked`.
        debug: show what libraries log.
        bars: show progress bars.
        round_in_batches: the model is only timed once more, in batches of that size; None does everything.
    """

    candidate: Candidate
    config: CompareSettings
    tasks: Path
    samples: Samples
    again: bool
    environment: Mapping[str, str]
    words: Path | None = None
    debug: bool = False
    bars: bool = False
    round_in_batches: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of one model.

    Attributes:
        facts, contract, origin, notes: what is known of it.
        spaces: role → digest of the space that its vectors lie in.
        scores: by data set, without rankings; `fused`: the same of the model fused with BM25, where that was asked for.
        speed: what was measured; None where that failed, and `trouble` says why.
        speed_kept: whether it was measured in an earlier run.
        hits, computed: vectors that came from the cache, and that were computed.
        seconds: that all of this took.
        trouble: what went wrong besides.
    """

    facts: ModelFacts
    contract: EncodingContract
    origin: Mapping[str, Any]
    notes: tuple[str, ...]
    spaces: Mapping[str, str]
    scores: Mapping[str, Scores]
    speed: Speed | None
    speed_kept: bool
    hits: int
    computed: int
    seconds: float
    trouble: str | None = None
    fused: Mapping[str, Scores] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """Why a model could not be judged, and how to correct it."""

    what: str
    hint: str | None = None


def work(job: Job, channel: Connection) -> None:
    """Do a job and send what is said, ("say", line) and ("detail", line), its bars, and then ("done", Outcome or Failure)."""
    os.environ.clear()
    os.environ.update(job.environment)
    sys.stdout = _Lines(channel)
    quiet_libraries(job.debug)

    def send(kind: str) -> Callable[[str], None]:
        return lambda line: channel.send((kind, line))

    with heard_by(send("say"), details=send("detail")), bars(SentBars(channel) if job.bars else None):
        channel.send(("done", _judged(job)))
    channel.close()


def _judged(job: Job) -> Outcome | Round | Failure:
    try:
        return judge(job) if job.round_in_batches is None else time_again(job, job.round_in_batches)
    except EmbedTuneError as error:
        return Failure(error.what, error.hint)
    except Exception as error:  # a model may bring code of its own, and fail in any way
        if is_out_of_memory(error):
            return Failure(NO_MEMORY, "end other programs, or leave it out")
        if job.debug:
            raise
        return Failure(f"{type(error).__name__}: {reason(error, most=300)}", "--debug shows more")


def judge(job: Job) -> Outcome:
    """Open a model, time it, and score it on every data set.

    Raises:
        ModelError: it cannot be found or loaded, or gives vectors that are no numbers.
    """
    began, config = time.perf_counter(), job.config
    busy = busy_now()
    opened = open_model(job.candidate.config, batch_size=config.evaluation.batch_size, tokens=config.cache)
    load_seconds = None if job.candidate.config.api else time.perf_counter() - began
    model = getattr(opened.encoder, "model", None)
    if model is not None and model.device.type == "cpu":
        keep_freed_memory()
    encoder = Steady(opened.encoder)
    detail(f"  {opened.origin.sentence()}")
    detail(f"  {opened.encoder.contract.sentence()}")
    notes = (*job.candidate.notes, *opened.notes)
    for note in notes:
        say(f"  note: {note}")
    speed, kept, trouble = _speed(job, encoder, load_seconds, busy)
    scores, fused, hits = _scores(job, encoder)
    return Outcome(
        facts=facts_of(job.candidate, opened),
        contract=opened.encoder.contract,
        origin={name: getattr(opened.origin, name) for name in ("name", "kind", "revision", "sha256")},
        notes=notes,
        spaces=encoder.spaces,
        scores=scores,
        speed=speed,
        speed_kept=kept,
        hits=hits,
        computed=encoder.computed,
        seconds=time.perf_counter() - began,
        trouble=trouble,
        fused=fused,
    )


def time_again(job: Job, batch: int) -> Round:
    """Open a model and time it once more.

    Raises:
        ModelError: it cannot be loaded, or gives vectors that are no numbers.
    """
    opened = open_model(job.candidate.config, batch_size=job.config.evaluation.batch_size, tokens=job.config.cache)
    if opened.device == "cpu":
        keep_freed_memory()
    return measure_round(opened.encoder, job.samples, job.config.measure, batch)


class Steady(WrappedEncoder):
    """An encoder whose weights stay as they are, so that the digests of its spaces are worked out once; it counts its texts.

    Attributes:
        spaces: role → digest, as far as they were asked for.
        computed: texts that were encoded.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__(encoder)
        self.spaces: dict[str, str] = {}
        self.computed = 0

    @property
    def window(self) -> int:
        """Texts that are encoded before a cache writes them."""
        return getattr(self.encoder, "window", WINDOW)

    def space(self, role: Role) -> str:
        """See `TextEncoder.space`."""
        if role not in self.spaces:
            self.spaces[role] = self.encoder.space(role)
        return self.spaces[role]

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> torch.Tensor:
        """See `TextEncoder.encode`."""
        self.computed += len(texts)
        return self.encoder.encode(texts, role, progress)


def _speed(job: Job, encoder: Steady, load_seconds: float | None, busy: float | None) -> tuple[Speed | None, bool, str | None]:
    """Return the speed, whether it was kept from an earlier run, and what went wrong."""
    settings, samples = job.config.measure, job.samples
    file = speed_file(job, Machine.here(encoder.encoder), encoder.space)
    if not job.again and (kept := file.read()) is not None:
        return kept, True, None
    detail("  measuring speed …")
    try:
        speed = measure_speed(encoder.encoder, samples, settings, load_seconds=load_seconds, busy=busy)
    except ModelError as error:
        return None, False, f"its speed could not be measured: {error.what}"
    return speed, False, None


def speed_file(job: Job, machine: Machine, space: Callable[[Role], str]) -> SpeedFile:
    """Return where the speed of a model is kept.

    Args:
        job: of the model.
        machine: that it runs on.
        space: gives the digest of the space that vectors of a role lie in.
    """
    spaces = [space(role) for role in (job.samples.single_role, job.samples.many_role)]
    return SpeedFile(job.config.cache, spaces, machine, job.samples, job.config.measure)


def _scores(job: Job, encoder: Steady) -> tuple[dict[str, Scores], dict[str, Scores], int]:
    """Return scores by data set, those of the model fused with BM25, and how many vectors came from the cache."""
    tasks: dict[str, Task] = pickle.loads(job.tasks.read_bytes())
    cache = open_cache(job.config.vector_cache, job.config.cache, say)
    words: dict[str, Ranked] = {} if job.words is None else pickle.loads(job.words.read_bytes())
    scores, fused = {}, {}
    detail("  judging …")
    for name, task in tasks.items():
        try:
            found = score_model(task, wrapped(encoder, cache=cache))
        except ValueError as error:
            raise ModelError(f"{job.candidate.label} cannot be judged on {name}: {error}") from None
        say(f"  {name}: {metric_name(task.primary)} {primary_value(found):.4f}")
        if name in words and isinstance(task, RetrievalTask) and found.ranking is not None:
            together = score_ranked(task, fuse(task, words[name], ranked_by_model(task, found.ranking)))
            fused[name] = replace(together, top_ids=[])
        scores[name] = replace(found, ranking=None, top_ids=[], top_scores=None)
    hits = 0
    if cache is not None:
        hits = cache.counters.hits
        cache.close()
    return scores, fused, hits


class _Lines:
    """Standard output of the process: whole lines go to the one that asked."""

    def __init__(self, channel: Connection) -> None:
        self._channel, self._begun = channel, ""

    def write(self, text: str) -> int:
        *whole, self._begun = (self._begun + text).split("\n")
        for line in whole:
            self._channel.send(("say", line))
        return len(text)

    def flush(self) -> None:
        """Send lines at once; what is not a line waits."""
