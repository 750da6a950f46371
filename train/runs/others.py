"""What lies beside the runs of a folder: comparisons of models, and benchmarks, each with the line that says most.

Reading never fails: whatever is wrong with a file becomes a sentence about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from train.console import plain
from train.runs.read import BrokenRecord, read_mapping
from train.wording import fraction, metric_name

Kind = Literal["comparison", "benchmark"]

COMPARISON, COMPARISON_PAGE, BENCHMARK = "compare.json", "compare.html", "benchmark.json"
SHARED_BENCHMARK = Path(".cache") / "mteb"
"""Where `benchmark` puts its results unless told otherwise, below the folder of runs."""


@dataclass(frozen=True)
class Other:
    """A comparison or a benchmark.

    Attributes:
        kind: which of them.
        name: of its folder, below that of the runs, as people read it.
        link: of its page (of a benchmark, its table of scores), relative and percent-encoded; None where it has none.
        line: what came out, in one sentence; empty where it cannot be read.
        trouble: why not.
        finished: when, in UTC.
    """

    kind: Kind
    name: str
    link: str | None = None
    line: str = ""
    trouble: str = ""
    finished: datetime | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return it as JSON values."""
        when = None if self.finished is None else self.finished.isoformat()
        return {
            "kind": self.kind,
            "name": self.name,
            "line": self.line or None,
            "trouble": self.trouble or None,
            "finished": when,
        }


def read_others(folder: Path) -> list[Other]:
    """Return the comparisons and benchmarks of a folder of runs, the last finished first.

    They are looked for in its folders and one level below, where `compare` puts them; and where benchmarks are shared.
    """
    found = [_comparison(path, folder) for path in _holding(folder, COMPARISON)]
    shared = [path] if (path := folder / SHARED_BENCHMARK / BENCHMARK).is_file() else []
    found += [_benchmark(path, folder) for path in [*_holding(folder, BENCHMARK), *shared]]
    return sorted(found, key=lambda one: (-one.finished.timestamp() if one.finished else 0.0, one.name))


def holds_others(folder: Path) -> bool:
    """Tell whether a folder is a comparison or a benchmark, or holds some, and so is no run and no stranger."""
    return any(True for name in (COMPARISON, BENCHMARK) for _ in _holding_here(folder, name))


def counted_others(others: Iterable[Other]) -> list[str]:
    """Count them by kind: ["2 comparisons", "1 benchmark"]."""
    kinds = [one.kind for one in others]
    return [f"{count:,} {kind}{'s' * (count != 1)}" for kind in ("comparison", "benchmark") if (count := kinds.count(kind))]


def _holding(folder: Path, name: str) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(".") and path.is_dir():
            yield from _holding_here(path, name)


def _holding_here(folder: Path, name: str) -> Iterator[Path]:
    """Yield the files of a name in a folder, or in the folders in it."""
    try:
        places = [folder, *sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))]
        yield from (place / name for place in places if (place / name).is_file())
    except OSError:  # what cannot be read is listed as such by whoever lists the folders
        return


class _Named(BaseModel):
    """A model or a data set of compare.json."""

    label: str = ""
    name: str = ""
    quality: float | None = None
    metric: str = ""


class _Recommendation(BaseModel):
    taken: str | None = None
    headline: str = ""


class _Comparison(BaseModel):
    """What is read of compare.json."""

    recommendation: _Recommendation
    datasets: list[_Named]
    models: list[_Named]
    finished_at: str = ""

    def line(self) -> str:
        """Say what was compared, and what came out."""
        models = f"{len(self.models):,} model{'s' * (len(self.models) != 1)}"
        first = f"compared {models} on {_things([one.name for one in self.datasets], 'data set')}"
        taken = next((one for one in self.models if one.label == self.recommendation.taken), None)
        if taken is None or taken.quality is None:
            return f"{first}: {self.recommendation.headline[:1].lower()}{self.recommendation.headline[1:].rstrip('.')}"
        metrics = {metric_name(one.metric) for one in self.datasets}
        quality = next(iter(metrics)) if len(self.datasets) == 1 else "mean quality"
        return f"{first}: take {taken.label} ({quality} {fraction(taken.quality)})"


class _Score(BaseModel):
    """One model on one task, of benchmark.json."""

    model: str
    task: str
    value: float | None = None


class _Benchmark(BaseModel):
    """What is read of benchmark.json."""

    scores: list[_Score]
    finished_at: str = ""

    def line(self) -> str:
        """Say what was run, and which mean is the highest over the tasks that every model has a score on."""
        models, tasks = (list(dict.fromkeys(getattr(one, what) for one in self.scores)) for what in ("model", "task"))
        values = {(one.model, one.task): one.value for one in self.scores if one.value is not None}
        whole = [task for task in tasks if all((model, task) in values for model in models)]
        first = f"ran {_things(models, 'model')} on {_things(tasks, 'task')}"
        if not models or not whole:
            return f"{first}: no task has a score of every model"
        means = {model: sum(values[model, task] for task in whole) / len(whole) for model in models}
        best = max(means, key=means.__getitem__)
        some = "" if len(whole) == len(tasks) else f" on {len(whole)} of them"
        mean = f"{'mean ' if len(whole) > 1 else ''}score{some}"
        if len(models) == 1:
            return f"{first}: {mean} {fraction(means[best])}"
        return f"{first}: {best} has the highest {mean}, {fraction(means[best])}"


def _things(names: Sequence[str], what: str) -> str:
    """Return the one name, or how many there are."""
    return names[0] if len(names) == 1 else f"{len(names):,} {what}s"


def _comparison(path: Path, folder: Path) -> Other:
    page = path.with_name(COMPARISON_PAGE)
    return _read("comparison", path, folder, page if page.is_file() else path, _Comparison)


def _benchmark(path: Path, folder: Path) -> Other:
    return _read("benchmark", path, folder, path, _Benchmark)


def _read(kind: Kind, path: Path, folder: Path, page: Path, model: type[_Comparison | _Benchmark]) -> Other:
    name = plain(str(path.parent.relative_to(folder))) or "?"
    link = "./" + "/".join(quote(part.encode("utf-8", "surrogateescape"), safe="") for part in page.relative_to(folder).parts)
    try:
        found = model.model_validate(read_mapping(path))
        return Other(kind, name, link, plain(found.line()), finished=_time(found.finished_at, path))
    except BrokenRecord as error:
        return Other(kind, name, trouble=f"{path.name} {error.why}.")
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        return Other(kind, name, trouble=f"{path.name} is broken ({where}).")
    except OSError as error:
        return Other(kind, name, trouble=f"{path.name} cannot be read: {error.strerror or error}.")


def _time(written: str, path: Path) -> datetime:
    """Return when it was finished, by the file or by the time of the file."""
    try:
        found = datetime.fromisoformat(written)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
