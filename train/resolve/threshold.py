"""What `embed-tune threshold` is asked for, checked against the records of the run.

Nothing heavy is imported here, so that mistakes are answered at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from train.errors import ConfigError
from train.runs.find import RUNS, find_finished
from train.runs.read import RunRecords
from train.runs.records import AuditedDataset
from train.runs.thresholds import Use


@dataclass(frozen=True)
class ThresholdRequest:
    """What `embed-tune threshold` was asked for.

    Attributes:
        run: folder of a finished run, or its bare name.
        precision: that is wanted, above 0 and below 1.
        share: of right ones among all where the threshold will be used; None for that of the data.
        use: what is decided; None for what the data set allows.
        dataset: its name; None for the one that stands for the run, or the first that allows the use.
        match_from: score of a pair from which on it is a match, on the scale of the data; None for the middle of that.
        cache: where vectors are kept; None for the run's own setting.
        output_dir: where bare names are looked for.

    Raises:
        ConfigError: a number is out of range.
    """

    run: str | Path
    precision: float = 0.95
    share: float | None = None
    use: Use | None = None
    dataset: str | None = None
    match_from: float | None = None
    cache: str | None = None
    output_dir: str | Path = RUNS

    def __post_init__(self) -> None:
        for option, value in (("precision", self.precision), ("share", self.share)):
            if value is not None and not 0 < value < 1:
                meant = (
                    f"write {value / 100:g} for {value:g}%" if 1 < value < 100 else "give a number between 0 and 1, such as 0.95"
                )
                raise ConfigError(f"--{option} {value:g} is not between 0 and 1", hint=meant)


@dataclass(frozen=True)
class ThresholdTask:
    """A request whose run was found.

    Attributes:
        request: what was asked for.
        records: of the run.
        dataset: the name of the data set to choose on.
        use: what is decided.
        match_from: score of a pair from which on it is a match, on the scale of the data; None of a search.
        scale: of these scores: nothing in common, and the same.
    """

    request: ThresholdRequest
    records: RunRecords
    dataset: str
    use: Use
    match_from: float | None = None
    scale: tuple[float, float] | None = None

    @classmethod
    def of(cls, request: ThresholdRequest) -> ThresholdTask:
        """Find the run, and the data set that allows what was asked for.

        Raises:
            ConfigError: no data set does, or a number is out of range.
            RunError: there is no such run, it is not finished, or its records are broken.
        """
        records = RunRecords.of(find_finished(request.run, request.output_dir))
        about, use = _data_set(records, request)
        if use == "search":
            return cls(request, records, about.name, use)
        return cls(request, records, about.name, use, *_match_from(about, request.match_from))

    @property
    def unit_match_from(self) -> float:
        """The score from which on a pair is a match, in 0..1."""
        if self.match_from is None or self.scale is None:
            return 0.5
        low, high = self.scale
        return (self.match_from - low) / (high - low)


def _data_set(records: RunRecords, request: ThresholdRequest) -> tuple[AuditedDataset, Use]:
    """Return the data set to choose on, and what is decided.

    Raises:
        ConfigError: there is none of that name, or none that allows the use.
    """
    known = records.audit.by_name()
    if request.dataset is not None and request.dataset not in known:
        raise ConfigError(f"the run has no data set {request.dataset!r}", hint=f"choose one of {', '.join(known)}")
    use = request.use
    wanted = [request.dataset] if request.dataset else sorted(known, key=lambda name: name != records.report.primary)
    allowed = [name for name in wanted if use is None or _use_of(known[name]) == use]
    if not allowed and use == "duplicates":
        raise ConfigError(
            f"{', '.join(wanted)}: queries with documents do not say when two texts mean the same: a query is near to its answer "
            "without being equal to it, and how near equal queries are to each other was judged by nobody",
            hint="a threshold for duplicates or a cache needs scored pairs (sentence1, sentence2, score) of the texts that will"
            " be compared: train on them, or leave --for out for a threshold of searches",
        )
    if not allowed:
        raise ConfigError(
            f"{', '.join(wanted)}: scored pairs have no documents to search",
            hint="leave --for out, or choose a data set of queries with documents by --dataset",
        )
    about = known[allowed[0]]
    if request.match_from is not None and _use_of(about) == "search":
        raise ConfigError(f"--match-from is for scored pairs, and {about.name} is searched", hint="leave it out")
    return about, _use_of(about)


def _use_of(about: AuditedDataset) -> Use:
    return "duplicates" if about.kind == "scored" else "search"


def _match_from(about: AuditedDataset, given: float | None) -> tuple[float, tuple[float, float]]:
    """Return the score from which on a pair is a match, and the scale of the scores.

    Raises:
        ConfigError: that score is not within the scale, so that all pairs would be matches, or none.
    """
    low, high = (about.score_range or [0.0, 1.0])[:2]
    start = (low + high) / 2 if given is None else given
    if not min(low, high) <= start <= max(low, high) or start == low:
        raise ConfigError(
            f"--match-from {start:g}: the scores of {about.name} run from {low:g} (nothing in common) to {high:g} (the same)",
            hint=f"give a score above {low:g}, and {high:g} at most" if high > low else f"give a score below {low:g}",
        )
    return start, (low, high)
