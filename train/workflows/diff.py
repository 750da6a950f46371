"""`embed-tune diff`: the models that two finished runs ship against each other, from their files alone.

Every query's value is on disk, so nothing is encoded: the comparison is the paired one of `train.evaluate.statistics`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from train import wording
from train.console import notebook_view
from train.errors import RunError
from train.evaluate.correlations import compare_spearman
from train.evaluate.frames import paired_frame
from train.evaluate.holm import together
from train.evaluate.results import DatasetResult, MetricPair, run_verdict
from train.evaluate.statistics import compare_means
from train.evaluate.units import by_wider
from train.evaluate.verdict import RunVerdict
from train.report.terminal import plain_console, side_by_side, story
from train.runs.find import RUNS
from train.runs.finished import FinishedRun, Values, flatten, read_finished
from train.runs.folder import RunFolder
from train.runs.read import BrokenRecord
from train.runs.records import EnvironmentRecord

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

SEED = 0
"""Of the resampling: the same two runs always give the same interval."""

TOLERANCE = 1e-6
"""By how much a mean over per_query.parquet may differ from report.json before they are called files of different runs."""

NAMES_OF_RUNS = frozenset({"run_name", "output_dir"})
"""Settings that differ between any two runs and change nothing."""

SURROUNDINGS = ("git_revision", "device", "gpus", "world_size", "packages", "python")
"""What of environment.json is compared, beside the base model."""


class NotComparableError(Exception):
    """Why two runs cannot be compared on a data set, as half a sentence."""


@dataclass(frozen=True)
class Difference:
    """A setting or fact that differs: its dotted key and its value in both runs (None where it is not set)."""

    key: str
    base: object
    tuned: object


@dataclass(frozen=True)
class Diff:
    """Run B against run A.

    Attributes:
        runs: A and B.
        sides: what they are called.
        results: `base` is the model that A ships, `tuned` is B's.
        left_out: data set → why it is not compared.
        config, base_model, surroundings: what differs.
        recipe: lines of what `auto` was settled to that only A, and that only B has.
        notes: what the user should know.
    """

    runs: tuple[FinishedRun, FinishedRun]
    sides: wording.Sides
    results: list[DatasetResult]
    left_out: dict[str, str]
    config: list[Difference]
    base_model: list[Difference]
    surroundings: list[Difference]
    recipe: tuple[list[str], list[str]]
    notes: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> RunVerdict:
        """Return the verdict on B over all data sets."""
        return run_verdict(self.results)

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints; `base` is A and `tuned` is B throughout."""
        a, b = self.runs
        lists = {"config": self.config, "base_model": self.base_model, "surroundings": self.surroundings}
        return {
            "verdict": self.verdict,
            "primary": self.results[0].name,
            "labels": {"base": self.sides.before, "tuned": self.sides.after},
            "runs": {"base": str(a.folder), "tuned": str(b.folder)},
            "datasets": [result.model_dump(mode="json") for result in self.results],
            "left_out": [{"name": name, "reason": reason} for name, reason in self.left_out.items()],
            **{name: [vars(one) for one in found] for name, found in lists.items()},
            "recipe": {"base": self.recipe[0], "tuned": self.recipe[1]},
            "cost": {"base": a.report.cost, "tuned": b.report.cost},
            "notes": self.notes,
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return the results as a table, one row a data set."""
        return paired_frame(self.results)

    def text(self, console: Console | None = None) -> str:
        """Return the words for people, verdict first.

        Args:
            console: decides width and colour; by default that of standard output.
        """
        a, b = self.runs
        blocks = ["\n".join(f"note: {note}" for note in self.notes)] if self.notes else []
        blocks.append(story(self.results, console=console, sides=self.sides))
        if self.left_out:
            blocks.append("\n".join(["Not compared:", *(f"  {name}: {why}" for name, why in self.left_out.items())]))

        def add(title: str, rows: Sequence[tuple[str, str, str]]) -> None:
            if rows:
                blocks.append(side_by_side(title, rows, self.sides, console))

        for title, found in (
            ("Settings that differ", self.config),
            ("Base model", self.base_model),
            ("Software and hardware", self.surroundings),
        ):
            add(title, [(one.key, shown(one.base), shown(one.tuned)) for one in found])
        if any(self.recipe):
            add("What the recipe settled", [("recipe", "\n".join(self.recipe[0]), "\n".join(self.recipe[1]))])
        before, after = (dict(wording.cost_lines(run.report.cost)) for run in (a, b))
        labels = dict.fromkeys([*before, *after])
        add("Cost", [(label, before.get(label, "not known"), after.get(label, "not known")) for label in labels])
        return "\n\n".join(blocks)

    def __str__(self) -> str:
        return self.text(plain_console())

    def _repr_html_(self) -> str:
        return notebook_view(str(self), self.to_pandas())


def diff_runs(run_a: str | Path, run_b: str | Path, *, output_dir: str | Path = RUNS) -> Diff:
    """Compare two finished runs.

    Args:
        run_a, run_b: run folders, or bare names of runs.
        output_dir: where bare names are looked for.

    Raises:
        RunError: a run is not there, not finished or broken, or no data set can be compared.
    """
    return compare_runs(read_finished(run_a, output_dir), read_finished(run_b, output_dir))


def compare_runs(a: FinishedRun, b: FinishedRun) -> Diff:
    """Compare the model that B ships with A's on every data set that both judged.

    Raises:
        RunError: a file is broken, or no data set can be compared.
    """
    results: list[DatasetResult] = []
    left_out: dict[str, str] = {}
    for name in dict.fromkeys([*a.results, *b.results]):
        try:
            results.append(compare_on(name, a, b))
        except NotComparableError as reason:
            left_out[name] = str(reason)
    if not results:
        why = "; ".join(f"{name}: {reason}" for name, reason in left_out.items()) or "neither judged a data set"
        raise RunError(
            f"{a.folder} and {b.folder} have no data set that can be compared: {why}",
            hint="judge both models on one data set: embed-tune evaluate MODEL OTHER --data …",
        )
    return Diff(
        runs=(a, b),
        sides=_sides(a, b),
        results=together(results),
        left_out=left_out,
        config=[one for one in _differences(a.config, b.config) if one.key not in NAMES_OF_RUNS],
        base_model=_base_models(a, b),
        surroundings=_differences(*(_part(run.environment, SURROUNDINGS) for run in (a, b))),
        recipe=_recipes(a, b),
        notes=_notes(a, b),
    )


def compare_on(name: str, a: FinishedRun, b: FinishedRun) -> DatasetResult:
    """Compare the model that B ships with A's on one data set.

    Raises:
        NotComparableError: they did not judge it on the same items, or the values of the items are not there.
        RunError: a file is missing or broken.
    """
    for run in (a, b):
        if name not in run.results:
            raise NotComparableError(f"{run.folder} did not judge it")
    x, y = a.results[name], b.results[name]
    _refuse_other_items(name, a, b)
    if x.metric != y.metric:
        raise NotComparableError(f"judged by {wording.metric_name(x.metric)} there and by {wording.metric_name(y.metric)} here")
    kept = "cosine" if x.kind == "scored" else x.metric
    before, after = _aligned(name, a.values(name, kept), b.values(name, kept))
    old, new = (getattr(values, _side(run)) for run, values in ((a, before), (b, after)))
    gold = next((values.gold for values in (before, after) if values.has_gold), None)
    if x.kind == "scored" and gold is None:
        raise NotComparableError("both runs were made by a version that did not keep the gold scores; judge both models again")
    try:
        if x.kind == "scored":
            test = partial(compare_spearman, np.array(gold), np.array(old), np.array(new), seed=SEED)
        else:
            test = partial(compare_means, np.array(old), np.array(new), seed=SEED)
        found = by_wider(before.units(x.kind), lambda groups: test(groups=groups))
    except (TypeError, ValueError) as error:
        why = f"cannot be read, or that of {a.folder} ({error})"
        raise BrokenRecord(RunFolder(b.folder).per_query, why) from None
    for run, value, recorded in ((a, found.base, getattr(x, _side(a))), (b, found.tuned, getattr(y, _side(b)))):
        if abs(value - recorded) > TOLERANCE:
            raise NotComparableError(
                f"per_query.parquet of {run.folder} gives {value:.6f}, its report.json says {recorded:.6f}: "
                "they are not of one run"
            )
    metrics = {
        metric: MetricPair(base=getattr(pair, _side(a)), tuned=getattr(y.metrics[metric], _side(b)))
        for metric, pair in x.metrics.items()
        if metric in y.metrics
    }
    return DatasetResult.of(
        found, name=name, kind=x.kind, split=x.split, metric=x.metric, metrics=metrics, test_sha256=x.test_sha256 or y.test_sha256
    )


def _side(run: FinishedRun) -> str:
    """Return whose values are those of the model that a run ships."""
    return "base" if run.report.selection.withheld else "tuned"


def shown(value: object) -> str:
    """Return a setting as YAML writes it, on one line; hashes are cut to what tells them apart."""
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{40,64}", value):
        return f"{value[:12]}…"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _refuse_other_items(name: str, a: FinishedRun, b: FinishedRun) -> None:
    x, y = a.results[name].test_sha256, b.results[name].test_sha256
    if x and y:
        if x != y:
            raise NotComparableError("the runs judged different items (other queries, documents or judgements)")
        return
    older = a.folder if not x else b.folder
    fingerprints = [None if run.environment is None else run.environment.data.get(name) for run in (a, b)]
    if fingerprints[0] is None or fingerprints[0] != fingerprints[1]:
        raise NotComparableError(
            f"whether the runs judged the same items is not known: {older} was made by a version that recorded only the data "
            "set and its options, and these differ"
        )


def _aligned(name: str, before: Values, after: Values) -> tuple[Values, Values]:
    """Put B's values in the order of A's items."""
    place = {item: i for i, item in enumerate(after.items)}
    if not before.items or set(before.items) != place.keys() or len(before.items) != len(after.items):
        raise NotComparableError("the items in the two files per_query.parquet are not the same")
    order = [place[item] for item in before.items]
    base, tuned = ([values[i] for i in order] for values in (after.base, after.tuned))
    return before, Values(before.items, base, tuned, [after.gold[i] for i in order], [after.group[i] for i in order])


def _sides(a: FinishedRun, b: FinishedRun) -> wording.Sides:
    """Return the names of the runs; where both have the same name, their folders."""
    if a.name == b.name and not _same(a, b):
        return wording.Sides(str(a.folder), str(b.folder))
    return wording.Sides(a.name, b.name)


def _same(a: FinishedRun, b: FinishedRun) -> bool:
    return a.folder.resolve() == b.folder.resolve()


def _notes(a: FinishedRun, b: FinishedRun) -> list[str]:
    notes = []
    if _same(a, b):
        notes.append("both names lead to the same run, so nothing can differ")
    for run in (a, b):
        if run.report.selection.withheld:
            notes.append(f"{run.folder} ships the base, as the gain of what it trained is unproven; the base is compared")
        if run.report.labels is not None:
            continue  # an evaluation has neither
        if run.config is None:
            notes.append(f"{run.folder} has no {RunFolder(run.folder).config.name}, so settings are not compared")
        if run.environment is None:
            lacking = f"{run.folder} has no {RunFolder(run.folder).environment.name}"
            notes.append(f"{lacking}, so base models, software and hardware are not compared")
    return notes


def _differences(a: Mapping[str, object] | None, b: Mapping[str, object] | None) -> list[Difference]:
    """Return the keys whose values differ; none where one side is not known."""
    if a is None or b is None:
        return []
    return [Difference(key, a.get(key), b.get(key)) for key in dict.fromkeys([*a, *b]) if a.get(key) != b.get(key)]


def _part(environment: EnvironmentRecord | None, keys: tuple[str, ...]) -> Mapping[str, object] | None:
    recorded = {} if environment is None else environment.to_dict()
    return None if environment is None else flatten({key: recorded[key] for key in keys if key in recorded})


def _base_models(a: FinishedRun, b: FinishedRun) -> list[Difference]:
    """Return how the bases and their encoding differ, as far as both runs recorded it."""
    known = [_part(run.environment, ("model", "contract")) for run in (a, b)]
    found = _differences(*known)
    shared = {key for key in known[0] or () if key in (known[1] or ())}
    return [one for one in found if one.key in shared and one.key != "model.from"]


def _recipes(a: FinishedRun, b: FinishedRun) -> tuple[list[str], list[str]]:
    one, two = ([] if run.environment is None else list(run.environment.recipe) for run in (a, b))
    return [line for line in one if line not in two], [line for line in two if line not in one]
