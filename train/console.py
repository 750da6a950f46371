"""What the program says and who hears it: plain lines from rank 0, and libraries kept quiet unless `--debug`."""

from __future__ import annotations

import html
import logging
import os
import threading
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from train.distributed import is_main

Listener = Callable[[str], object]
"""Takes a line of progress."""

NO_BARS = "HF_HUB_DISABLE_PROGRESS_BARS"
QUIETED = ("sentence_transformers", "accelerate", "torch")


@dataclass(frozen=True)
class Progress:
    """How far a long work is.

    Attributes:
        phase: what is being done, as people say it: "training", "judging on test".
        done: share of the whole work, 0 to 1.
        left_seconds: that the whole work will still take, None where nothing is known yet.
        note: figures of the phase: "step 120 of 300, loss 0.412".
    """

    phase: str
    done: float
    left_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True, eq=False)
class _Hearing:
    """Who hears the lines that matter to everybody, the details and the progress, and the thread that this was set in."""

    listener: Listener
    details: Listener
    progress: Callable[[Progress], object]
    thread: int


_hearings: list[_Hearing] = []
_notes: list[Listener] = []


def say(line: str) -> None:
    """Hand a line that everybody should see to the listener, once over all processes. Without a listener nothing is said.

    The command line listens in order to print; whoever calls the Python API listens with `progress=`.
    """
    _note(line)
    if (heard := _who_hears()) is not None:
        heard.listener(line)


def detail(line: str) -> None:
    """Hand over a line that explains what a run does: the command line shows it with `--verbose`, a run's log has it always."""
    _note(line)
    if (heard := _who_hears()) is not None:
        heard.details(line)


def advance(progress: Progress) -> None:
    """Hand over how far the work is."""
    if (heard := _who_hears()) is not None:
        heard.progress(progress)


def _note(line: str) -> None:
    if is_main():
        for note in tuple(_notes):
            note(line)


def _who_hears() -> _Hearing | None:
    hearings = tuple(_hearings)
    if not hearings or not is_main():
        return None
    here = threading.get_ident()
    # A thread that nobody listens to is a helper, such as one of those that send requests
    return next((one for one in reversed(hearings) if one.thread == here), hearings[-1])


def _nobody(_heard: object) -> None:
    """Hear nothing."""


@contextmanager
def heard_by(
    listener: Listener | None, *, details: Listener | None = None, progress: Callable[[Progress], object] | None = None
) -> Iterator[None]:
    """Let a listener hear what this thread says inside the block, and what threads without a listener say.

    Args:
        listener: hears the lines that everybody should see; None hears nothing.
        details: hears the others; None: the listener hears them as well.
        progress: hears how far the work is; None: whoever heard it around the block.
    """
    listener, here = listener or _nobody, threading.get_ident()
    around = next((one.progress for one in reversed(_hearings) if one.thread == here), _nobody)
    hearing = _Hearing(listener, details or listener, progress or around, here)
    _hearings.append(hearing)
    try:
        yield
    finally:
        _hearings.remove(hearing)


@contextmanager
def noted_by(note: Listener) -> Iterator[None]:
    """Let `note` hear every line inside the block, details included, beside whoever listens: a run's log."""
    _notes.append(note)
    try:
        yield
    finally:
        _notes.remove(note)


class _Quiet:
    """What brings back the user's warnings and levels after the last of the blocks that may be open in several threads."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.blocks = 0
        self.undo = ExitStack()
        self.remembered = False


_quiet = _Quiet()


@contextmanager
def quietly() -> Iterator[None]:
    """Ignore warnings inside the block, and afterwards restore them and everything that `quiet_libraries` changed in it.

    For the Python API, which runs in a process that is not ours. Blocks may be nested, and may overlap in several threads:
    warnings belong to the whole process, so the last block that ends restores what there was before the first.
    """
    with _quiet.lock:
        if not _quiet.blocks:
            _quiet.undo.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore")
        _quiet.blocks += 1
    try:
        yield
    finally:
        with _quiet.lock:
            _quiet.blocks -= 1
            if not _quiet.blocks:
                _quiet.remembered = False
                _quiet.undo.close()


def quiet_libraries(debug: bool) -> None:
    """Silence what libraries print about themselves; their errors stay.

    It lasts as long as the process, or until the block of `quietly` ends in which it is called.
    """
    if debug:
        logging.basicConfig(level=logging.INFO)
        return
    warnings.filterwarnings("ignore")
    from datasets.utils import logging as datasets_logging
    from transformers.utils import logging as transformers_logging

    with _quiet.lock:
        if _quiet.blocks and not _quiet.remembered:
            _quiet.remembered = True
            _remember_libraries(_quiet.undo)
        # For processes that are started from here; set only now, because the hub client that is imported under it stays silent
        os.environ.setdefault(NO_BARS, "1")
        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
        datasets_logging.set_verbosity_error()
        datasets_logging.disable_progress_bar()
        for name in QUIETED:
            logging.getLogger(name).setLevel(logging.ERROR)


def _remember_libraries(undo: ExitStack) -> None:
    """Note how to restore what `quiet_libraries` is about to change."""
    from datasets.utils import logging as datasets_logging
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars
    from transformers.utils import logging as transformers_logging

    if NO_BARS not in os.environ:
        undo.callback(os.environ.pop, NO_BARS, None)
    for name in QUIETED:
        undo.callback(logging.getLogger(name).setLevel, logging.getLogger(name).level)
    undo.callback(datasets_logging.set_verbosity, datasets_logging.get_verbosity())
    undo.callback(transformers_logging.set_verbosity, transformers_logging.get_verbosity())
    if datasets_logging.is_progress_bar_enabled():
        undo.callback(datasets_logging.enable_progress_bar)
    if are_progress_bars_disabled():
        undo.callback(disable_progress_bars)  # after those of transformers, which switch these on as well
    if transformers_logging.is_progress_bar_enabled():
        undo.callback(transformers_logging.enable_progress_bar)


def lines_of(captured: str) -> str:
    """Return what a console captured, without blanks at the ends of its lines."""
    return "\n".join(line.rstrip() for line in captured.splitlines())


def plain_table(title: str) -> Table:
    """Return an empty table in the one style of all tables."""
    # No vertical lines and no padding: one blank between columns lets nine of them fit into 80.
    return Table(title=Text(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False, padding=0)


def plain(name: str) -> str:
    """Return a name without control characters and those that change the direction of writing, which would reach beyond it."""
    return "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Cs"} or c in "\u200c\u200d")


def now() -> str:
    """Return the time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def with_warnings(warnings: Sequence[str], words: str) -> str:
    """Return the words of a result below its warnings, so that nobody reads the figures without them."""
    return "\n".join([*warnings, "", words]) if warnings else words


def notebook_view(text: str, table: Any = None) -> str:
    """Return a result as HTML for a notebook: its words, and below them its table (a pandas DataFrame). Texts are escaped."""
    words = f'<pre style="white-space: pre-wrap">{html.escape(text)}</pre>'
    return words if table is None else words + table.to_html(index=False, escape=True)
