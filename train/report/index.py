"""One page over all runs of a folder: sort, filter, open, compare two."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from data.storage import write_text
from train import wording
from train.console import plain
from train.errors import RunError
from train.evaluate.results import run_verdict
from train.report.drawing.intervals import Bar, Forest
from train.report.html_page import RELOADED_EVERY, build, live_data
from train.runs.listing import STATE_WORDS, Run, read_runs
from train.runs.others import Other, counted_others, read_others

NAME = "index.html"
GENERATOR = "embed-tune report"
"""By which an index is known."""

_OWN = ("run_name", "output_dir")
"""Settings in which every run differs."""

_FITTING = 0.95
"""Share of the intervals' ends that the drawing shows whole; a ruined run would press all others together."""


class Row(NamedTuple):
    """A line of the table: the run and its drawn interval."""

    run: Run
    bar: Bar | None


def write_index(folder: Path, others: Sequence[Other] | None = None) -> tuple[Path, list[Run]]:
    """Build `index.html` over the runs in a folder, whole or not at all.

    Args:
        folder: of the runs.
        others: what `read_others` found there; None looks.

    Returns:
        Its path, and what was found in the folder, see `read_runs`.

    Raises:
        RunError: there is no such folder, or no run in it.
        OSError: it cannot be written.
    """
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise RunError(f"{folder} {what}", hint="name the folder that holds your runs, or start a run: embed-tune train")
    runs, others = read_runs(folder), read_others(folder) if others is None else others
    if not others and all(run.state == "foreign" for run in runs):
        raise RunError(f"{folder} holds no runs", hint="name the folder that holds your runs, or start a run: embed-tune train")
    path = folder / NAME
    write_text(path, render_index(runs, folder, others))
    return path, runs


def is_index(path: Path) -> bool:
    """Tell whether a file is an index that `write_index` made."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return f'<meta name="generator" content="{GENERATOR}">' in file.read(4000)
    except OSError:
        return False


def counted(runs: Sequence[Run], others: Sequence[Other] = ()) -> str:
    """Count the runs in each state, and what else there is: "12 runs: 9 finished, 2 not finished, 1 damaged; 1 comparison"."""
    states = Counter(run.state for run in runs if not run.is_evaluation)
    states_in_words = [f"{states[state]:,} {word}" for state, word in STATE_WORDS.items() if states[state] and state != "foreign"]
    number, evaluations = states.total() - states["foreign"], sum(run.is_evaluation for run in runs)
    found = [f"{number:,} run{'s' * (number != 1)}" + (f": {', '.join(states_in_words)}" if number else "")]
    found += [f"{evaluations:,} evaluation{'s' * (evaluations != 1)}"] if evaluations else []
    found += counted_others(others)
    if states["foreign"]:
        found.append(f"{states['foreign']:,} other folder{'s' * (states['foreign'] != 1)}")
    return "; ".join(found)


def render_index(runs: Sequence[Run], folder: Path, others: Sequence[Other] = ()) -> str:
    """Render the page over these runs and what lies beside them; `folder` is where they lie, as it is typed in commands.

    The best on dev come first: whoever chooses among runs by their test scores chooses the luckiest, too.
    """
    runs = sorted(runs, key=lambda run: (run.dev_gain is None, -(run.dev_gain or 0)))
    forest = Forest.of([run.headline.ci95 for run in runs if run.headline], _FITTING)
    results = [result for run in runs for result in run.results]
    updated = max((run.progress.updated_at for run in runs if run.state == "running" and run.progress), default="")
    models = sorted({run.base_model for run in runs if run.base_model})
    return build(
        "index.html.j2",
        styles=["style.css", "index.css", "drawing.css"],
        scripts=["shared.js", "drawing.js", "index.js", "index_compare.js", *(["reload.js"] if updated else [])],
        data={"runs": _compared(runs, folder), "words": wording.VERDICT_WORDS, "live": live_data(updated)},
        every=RELOADED_EVERY if updated else 0,
        verdict=run_verdict(results),
        title=f"Runs in {plain(folder.resolve().name)}",
        generator=GENERATOR,
        place=plain(folder.resolve().name),
        summary=counted(runs, others),
        others=others,
        rows=[Row(run, forest.bar(run.headline.delta, run.headline.ci95) if run.headline else None) for run in runs],
        forest=forest,
        models=models,
        verdicts={run.verdict for run in runs if run.verdict},
        unjudged=any(run.verdict is None for run in runs),
    )


def _keys(run: Run) -> dict[str, str | float | None]:
    """Return what each column is sorted by; None where a run has nothing there."""
    return {
        "name": run.name,
        "dev": run.dev_gain,
        "verdict": wording.VERDICT_WORDS.get(run.verdict or ""),
        "score": run.headline.tuned if run.headline else None,
        "change": run.headline.delta if run.headline else None,
        "model": run.base_model or None,
        "datasets": ", ".join(result.name for result in run.results) or None,
        "trained": run.cost.get("train_seconds"),
        "rows": run.rows,
        "finished": run.finished.timestamp() if run.finished else None,
        "state": run.status,
    }


def _compared(runs: Sequence[Run], folder: Path) -> list[dict[str, Any]]:
    """Return what sorting, filtering and comparing need of each run, in the order of the rows."""
    differing = _differing(runs)
    return [
        {
            "name": run.name,
            "keys": _keys(run),
            "search": " ".join((run.trouble, *run.sides)),
            "path": shlex.quote(str(folder / run.name)),
            "link": run.link,
            "verdict": run.verdict,
            "state": run.status,
            "model": run.base_model,
            "results": {r.name: [wording.metric_name(r.metric), r.n, r.base, r.tuned, r.test_sha256] for r in run.results},
            "config": {key: run.config[key] for key in differing if key in run.config},
            "cost": dict(wording.cost_lines(run.cost)),
            "curve": run.curve,
        }
        for run in runs
    ]


def _differing(runs: Sequence[Run]) -> list[str]:
    """Return the settings that are not the same in all runs that have settings; others never differ between two."""
    configs = [run.config for run in runs if run.config]
    values: dict[str, set[str | None]] = {}
    for config in configs:
        for key, value in config.items():
            values.setdefault(key, set()).add(value)
    counts = Counter(key for config in configs for key in config)
    return [key for key, found in values.items() if key not in _OWN and (len(found) > 1 or counts[key] < len(configs))]
