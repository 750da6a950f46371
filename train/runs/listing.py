"""What the folders beside one another hold: finished runs, unfinished and damaged ones, and folders that are no runs.

Reading never fails: whatever is wrong with a folder becomes a sentence about it.
"""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import yaml

from data.errors import reason
from train.console import plain
from train.evaluate.results import DatasetResult
from train.wording import BASE_AND_TUNED, VERDICT_WORDS, Sides

State = Literal["finished", "unfinished", "damaged", "foreign"]

STATE_WORDS: Mapping[State, str] = {
    "finished": "finished",
    "unfinished": "not finished",
    "damaged": "damaged",
    "foreign": "not a run",
}

_MOST_KEYS = 1000
"""Settings that are read of one config; ours have some eighty."""

_MOST_POINTS = 60
"""Points of a learning curve that are kept; a curve of more is thinned out."""

_SIGNS = ("config.yaml", "environment.json", "report.json", "report.html", "scores.jsonl", "per_query.parquet")
"""A folder that has one of these was made by us."""

# libyaml reads a config fifteen times as fast, which matters with a thousand of them
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Damage(Exception):
    """A file of a run that cannot be read."""


@dataclass(frozen=True)
class Run:
    """One folder.

    Attributes:
        name: of the folder, as people read it.
        link: of its page, relative and percent-encoded; None where it has none.
        state: how far it got.
        trouble: what is the matter, in a sentence; empty for a finished run with its page.
        hint: how to go on, in a sentence; may be empty.
        command: what to type for that; may be empty.
        verdict: key of `VERDICT_WORDS`; None where there is none.
        results: of each data set.
        primary: the result that stands for the run; None where there is none.
        sides: what the two models are called.
        base_model: name of the base; empty where it is not known.
        rows: training rows of all data sets; None where not known.
        cost: as in report.json.
        finished: when it was, in UTC; None where it was not.
        config: settings by dotted key, as text.
        curve: (step, dev score) pairs, thinned out.
    """

    name: str
    link: str | None = None
    state: State = "foreign"
    trouble: str = ""
    hint: str = ""
    command: str = ""
    verdict: str | None = None
    results: tuple[DatasetResult, ...] = ()
    primary: DatasetResult | None = None
    sides: Sides = BASE_AND_TUNED
    base_model: str = ""
    rows: int | None = None
    cost: Mapping[str, float] = field(default_factory=dict)
    finished: datetime | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    curve: Sequence[tuple[int, float]] = ()

    @property
    def headline(self) -> DatasetResult | None:
        """The figures behind the verdict: those of cross-validation where it was done, unless the base itself is shipped."""
        return self.primary if self.primary is None or self.primary.kept_base else self.primary.lines()[0]


def read_runs(folder: Path) -> list[Run]:
    """Every folder in `folder` whose name does not begin with a dot, the last finished first, then by name."""
    runs = [read_run(path) for path in sorted(folder.iterdir()) if not path.name.startswith(".") and path.is_dir()]
    return sorted(runs, key=lambda run: -run.finished.timestamp() if run.finished else math.inf)


def read_run(folder: Path) -> Run:
    """What one folder holds."""
    name = plain(folder.name) or "?"
    try:
        return _read(folder, name)
    except OSError as error:
        return Run(name, state="damaged", trouble=f"It cannot be read: {error.strerror or error}.", hint="Look at its rights.")


def _read(folder: Path, name: str) -> Run:
    here = {path.name for path in folder.iterdir()}
    if not here.intersection(_SIGNS) and not any(file.startswith("checkpoint-") for file in here):
        return Run(name, trouble="It has neither a config.yaml nor a report.json.")
    obstacle, known = _settings(folder, here)
    curve = _curve(folder)
    common: dict[str, Any] = {"name": name, "curve": curve, **known}
    if "report.json" not in here:
        return _unfinished(folder, here, common, obstacle)
    judged = f"It cannot be judged again: {obstacle}" if obstacle else "Remove report.json and judge the run again:"
    again: dict[str, Any] = {"hint": judged, "command": "" if obstacle else _resume(folder)}
    try:
        report = _report(folder / "report.json")
    except _Damage as damage:
        return Run(**common, **again, state="damaged", trouble=f"report.json {damage}.")
    has_page = "report.html" in here
    common["base_model"] = plain(str(report.get("base_model") or common.get("base_model", "")))
    return Run(
        **common,
        **({} if has_page else again),
        link=f"{_link(folder)}/report.html" if has_page else None,
        state="finished",
        trouble="" if has_page else "report.html is missing; report.json holds the figures.",
        verdict=report["verdict"],
        results=report["datasets"],
        primary=next((r for r in report["datasets"] if r.name == report.get("primary")), next(iter(report["datasets"]), None)),
        sides=Sides(*map(plain, Sides.of(report))),
        cost=report["cost"],
        finished=_finished(report, folder / "report.json"),
    )


def _unfinished(folder: Path, here: set[str], common: Mapping[str, Any], obstacle: str) -> Run:
    if obstacle:
        return Run(**common, state="damaged", trouble=obstacle, hint="Start it anew, or copy the whole folder again.")
    steps = [int(file.removeprefix("checkpoint-")) for file in here if file.removeprefix("checkpoint-").isdecimal()]
    last = datetime.fromtimestamp(max(path.stat().st_mtime for path in folder.iterdir()), UTC)
    what = f"The last checkpoint is that of step {max(steps):,}" if steps else "There is no checkpoint yet"
    trouble = f"{what}; last written {last:%Y-%m-%d %H:%M} UTC."
    return Run(**common, state="unfinished", trouble=trouble, hint="If it runs no more, go on with it:", command=_resume(folder))


def _settings(folder: Path, here: set[str]) -> tuple[str, dict[str, Any]]:
    """Why the run cannot be resumed (empty: it can), and what its config and audit tell."""
    obstacle = next((f"{file} is missing." for file in ("config.yaml", "environment.json") if file not in here), "")
    known: dict[str, Any] = {}
    for file, read in (("config.yaml", _config), ("environment.json", lambda path: _mapping(path, _json))):
        try:
            if file in here:
                known[file] = read(folder / file)
        except _Damage as damage:
            obstacle = f"{file} {damage}."
    config = known.get("config.yaml", {})
    return obstacle, {"config": config, "base_model": plain(config.get("model.name", "")), "rows": _rows(folder, config)}


def _config(path: Path) -> dict[str, str]:
    try:
        return dict(islice(flatten(_mapping(path, _yaml)), _MOST_KEYS))
    except RecursionError:
        raise _Damage("contains itself") from None


def _rows(folder: Path, config: Mapping[str, str]) -> int | None:
    """Training rows by audit.json, of the data sets that the config trains on."""
    try:
        entries = _mapping(folder / "audit.json", _json)["datasets"]
        counts = [entry["counts"].get("rows_train", 0) for entry in entries]
        trained = [config.get(f"data.datasets.{i}.train", "true") == "true" for i in range(len(counts))]
        return sum(int(count) for count, used in zip(counts, trained, strict=True) if used)
    except (_Damage, KeyError, TypeError, ValueError, AttributeError):
        return None


def _report(path: Path) -> dict[str, Any]:
    """report.json with its data sets as results.

    Raises:
        _Damage: it is no report.
    """
    report = _mapping(path, _json)
    if report.get("verdict") not in VERDICT_WORDS or not isinstance(report.get("datasets"), list):
        raise _Damage("does not hold the results of a run")
    try:
        results = [DatasetResult.model_validate(entry) for entry in report["datasets"]]
    except ValueError:
        raise _Damage("does not hold the results of a run") from None
    figures = [value for r in results for value in (r.base, r.tuned, r.delta, *r.ci95)]
    cost, labels = ({} if not isinstance(report.get(key), dict) else report[key] for key in ("cost", "labels"))
    if not all(map(math.isfinite, figures)):
        raise _Damage("holds figures that are no numbers")
    return report | {
        "datasets": tuple(result.model_copy(update={"name": plain(result.name)}) for result in results),
        "primary": plain(str(report.get("primary"))),
        "cost": {str(key): float(value) for key, value in cost.items() if _is_number(value)},
        "labels": labels,
    }


def _curve(folder: Path) -> list[tuple[int, float]]:
    """Dev scores by step; empty where there are none or the file is damaged, which the run's state does not depend on."""
    try:
        text = (folder / "scores.jsonl").read_text(encoding="utf-8")
        lines = [json.loads(line) for line in text.splitlines() if line.strip()]
        points = [(int(line["step"]), float(line["dev"])) for line in lines if _is_number(line.get("dev"))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []
    stride = max(1, math.ceil(len(points) / _MOST_POINTS))
    return [point for i, point in enumerate(points) if i % stride == 0 or i == len(points) - 1]


def flatten(tree: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Leaves of nested mappings and lists as text, by dotted key, one after another: a tree that repeats itself costs nothing."""
    if isinstance(tree, (dict, list)) and tree:
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from flatten(value, f"{prefix}.{key}" if prefix else str(key))
    elif prefix:
        words = {None: "not set", True: "true", False: "false"}
        yield prefix, words[tree] if tree is None or isinstance(tree, bool) else str(tree)


def _mapping(path: Path, parse: Any) -> dict[str, Any]:
    try:
        found = parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        # the first line says what is wrong; others of YAML's show the place in the file
        raise _Damage(f"cannot be read ({reason(error)})") from None
    if not isinstance(found, dict):
        raise _Damage("does not hold a mapping")
    return found


def _json(text: str) -> Any:
    return json.loads(text, parse_constant=_no_number)


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _finished(report: Mapping[str, Any], path: Path) -> datetime:
    """By the report, or by the time of its file."""
    try:
        found = datetime.fromisoformat(report["finished_at"])
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _link(folder: Path) -> str:
    return f"./{quote(folder.name.encode('utf-8', 'surrogateescape'), safe='')}"


def _resume(folder: Path) -> str:
    return f"embed-tune train --resume {shlex.quote(str(folder))}"
