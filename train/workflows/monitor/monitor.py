"""Look at a window: encode it, compare it with the reference, ask the canaries, and write what came of it."""

from __future__ import annotations

import shlex
from contextlib import suppress
from pathlib import Path
from typing import Any

from train.config.choices import Backend
from train.console import detail, now, quiet_libraries, say
from train.encode.contract import Role
from train.errors import ConfigError
from train.report.monitor_page import NewText, Past, headline, render
from train.resolve.monitor import MonitorTask
from train.resolve.vectors import TextChoice
from train.tracking.windows import log_window
from train.watch.alarm import WindowVerdict, judge_window
from train.watch.checks import LEVELS
from train.watch.foreign import most_foreign
from train.watch.reference import Reference
from train.watch.sample import Sample
from train.workflows.monitor.index import (
    Production,
    ask_canaries,
    open_index,
    similarities_to_documents,
    similarities_to_reference,
)
from train.workflows.monitor.opened import Watched, open_watched
from train.workflows.monitor.results import MonitorResult, earlier, stem_of, word_of, write_results
from train.workflows.monitor.sheet import write_sheet
from train.workflows.monitor.window import Window, encoded, mistaken, read_window, suspicions, with_similarities

EXAMPLES = 12
"""New texts that are kept and shown on the page."""
LIKE = 3
"""Further texts of the kind of each of them."""
LABEL = 30
"""Texts to label that a report proposes."""


def watch_window(task: MonitorTask, *, debug: bool = False) -> MonitorResult:
    """Compare a window of new texts with what the model of a run was judged on.

    Args:
        task: the run, and what is wanted.
        debug: show what libraries log.

    Raises:
        ConfigError, DataError, ModelError, RunError: something cannot be compared; nothing was written about the window.
    """
    quiet_libraries(debug)
    choice = task.request.window
    if choice is None:
        raise ConfigError("no window is named", hint="name a file of new texts, or a folder to watch with --follow")
    watched = open_watched(task)
    return look_at(choice, task, watched, production_of(task, watched))


def production_of(task: MonitorTask, watched: Watched) -> Production | None:
    """Open the index that the request names."""
    return None if task.request.index is None else open_index(task.request.index, watched)


def look_at(choice: TextChoice, task: MonitorTask, watched: Watched, production: Production | None) -> MonitorResult:
    """Look at one window with a model that is open; see `watch_window`."""
    request, reference, run = task.request, watched.reference, task.records.folder
    source = source_of(choice)
    window = read_window(choice, watched)
    detail(f"looking at {len(window.ids):,} texts of {window.name} …")
    known, new = encoded(window, watched)
    known, new = _with_documents(known, new, window, watched, production)
    canaries, asked, lost = ask_canaries(watched, production) if reference.role is not Role.DOCUMENT else (None, "", None)
    verdict = judge_window(known, new, canaries, None if production is None else production.facts, lost=lost)
    doubts = _doubts(window, new, watched, verdict)
    notes = (*doubts, *(() if production is None else production.notes), *watched.notes, *window.notes)
    stem = stem_of(run, window.name)
    file, page = (stem.with_name(f"{stem.name}{suffix}") for suffix in (".json", ".html"))
    sheet = None
    if request.label is not None:
        sheet = request.sheet or stem.with_name(f"{stem.name}-label.csv")
        write_sheet(sheet, request.label, window, known, new, reference, production)
    result = MonitorResult(
        run=run,
        dataset=reference.about.name,
        role=reference.role.value,
        model=watched.label,
        window={"name": window.name, "rows": window.rows, "different": window.distinct, "texts": len(window.ids)},
        verdict=verdict,
        headline=headline(window.name, verdict),
        new=_examples(window, known, new, reference),
        canaries_asked=asked,
        notes=notes,
        doubts=doubts,
        next_steps=_next_steps(task, choice, verdict, reference.role, sheet),
        finished_at=now(),
        source=source,
        file=file,
        page=page,
        sheet=sheet,
    )
    share = None if verdict.shown_share is None else verdict.shown_share[0]
    about = (*notes, *reference.about.notes)
    past = [
        *earlier(run, result.dataset, result.role),
        Past(window.name, result.finished_at, word_of(verdict.level, verdict.told), share),
    ]
    write_results(result, render(result.to_dict(), verdict, past, about))
    _track(task, result, len(past))
    return result


def source_of(choice: TextChoice) -> dict[str, Any]:
    """Return what makes the file of a window known again: path, bytes, and when it was last changed (ns)."""
    path = Path(choice.place)
    with suppress(OSError):
        about = path.stat()
        return {"path": str(path.resolve()), "bytes": about.st_size, "changed": about.st_mtime_ns}
    return {"path": choice.place, "bytes": None, "changed": None}


def _with_documents(
    known: Sample, new: Sample, window: Window, watched: Watched, production: Production | None
) -> tuple[Sample, Sample]:
    """Return both samples with similarities to the same documents: those of production, else those of the reference."""
    if watched.reference.role is Role.DOCUMENT:
        return known, new
    if production is not None and production.index is not None:
        before, here = similarities_to_documents(known, new, production)
        return with_similarities(known, before), with_similarities(new, here)
    return known, with_similarities(new, similarities_to_reference(window.texts, new, watched.reference))


def _doubts(window: Window, new: Sample, watched: Watched, verdict: WindowVerdict) -> tuple[str, ...]:
    """Return what makes the window look like a mistake."""
    certain = mistaken(window, watched.reference)
    suspected = suspicions(window, new, watched.reference) if verdict.level != "quiet" or not verdict.told else ()
    return (*certain, *(() if certain else suspected))


def _examples(window: Window, known: Sample, new: Sample, reference: Reference) -> tuple[NewText, ...]:
    """Return the most foreign texts, each of another kind, the most foreign first."""
    found = most_foreign(known, new, EXAMPLES) if window.texts else []
    return tuple(
        NewText(
            id=window.ids[one.row],
            text=window.texts[one.row],
            nearest=reference.texts[one.nearest],
            similarity=one.similarity,
            like=tuple(window.texts[row] for row in one.like[1 : LIKE + 1]),
            count=len(one.like),
        )
        for one in found
    )


def _next_steps(
    task: MonitorTask, choice: TextChoice, verdict: WindowVerdict, role: Role, sheet: Path | None
) -> tuple[tuple[str, str], ...]:
    """Return commands that follow from what was found, each with what it is for."""
    grave = {one.name for one in verdict.checks if one.level != "quiet" and one.told}
    run, index = str(task.request.run), task.request.index
    steps = []
    if grave & {"index", "documents"} and index is not None:
        words = ["embed-tune", "embed", "DOCUMENTS", "--model", run, "--out", str(index), "--overwrite"]
        steps.append((shlex.join(words), "build the index again, with the texts of production as DOCUMENTS"))
    if "canaries" in grave and "index" not in grave:
        steps.append((shlex.join(["embed-tune", "verify", run]), "see whether the model still gives the vectors that it should"))
    if sheet is not None:
        column = "score" if role is Role.SYMMETRIC else "positive"
        words = ["embed-tune", "train", "--data", str(sheet), "data.bad_rows=drop", f"model.name={run}"]
        steps.append(
            (shlex.join(words), f"train on from this model, once the column {column} is filled in; empty rows are left out")
        )
    elif grave - {"index", "documents", "canaries"} and choice.place != "-" and role is not Role.DOCUMENT:
        columns = [word for one in choice.columns for word in ("--column", one)]
        words = ["embed-tune", "monitor", run, choice.place, *columns, "--label", str(LABEL)]
        steps.append((shlex.join(words), "write a sheet of the most foreign texts to label"))
    return tuple(steps)


def _track(task: MonitorTask, result: MonitorResult, number: int) -> None:
    """Tell the dashboard the figures, and never a text."""
    backend = task.request.track or task.records.config.tracking.backend
    if backend is Backend.NONE:
        return
    figures = {"monitor/level": float(LEVELS.index(result.verdict.level)), "monitor/texts": float(result.window["texts"])}
    if result.verdict.foreign is not None:
        figures["monitor/foreign"] = result.verdict.foreign[0]
    figures |= {f"monitor/{one.name}": one.figure for one in result.verdict.checks if one.told and one.figure is not None}
    settings = task.records.config.tracking.model_copy(update={"backend": backend})
    if (said := log_window(settings, task.records.folder, figures, number)) is not None:
        say(said)
