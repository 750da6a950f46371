"""What the program says: plain lines from rank 0, and libraries kept quiet unless `--debug`."""

from __future__ import annotations

import logging
import os
import sys
import unicodedata
import warnings
from datetime import UTC, datetime

from rich import box
from rich.table import Table
from rich.text import Text

from train.distributed import is_main


def say(line: str) -> None:
    """Print a line, once over all processes."""
    if not is_main():
        return
    try:
        print(line, flush=True)
    except UnicodeEncodeError:  # half of a surrogate pair, or a terminal that knows few signs
        encoding = sys.stdout.encoding or "utf-8"
        print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def quiet_libraries(debug: bool) -> None:
    """Silence what libraries print about themselves; their errors stay."""
    if debug:
        logging.basicConfig(level=logging.INFO)
        return
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.filterwarnings("ignore")
    from datasets.utils import logging as datasets_logging
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    datasets_logging.set_verbosity_error()
    datasets_logging.disable_progress_bar()
    for name in ("sentence_transformers", "accelerate", "torch"):
        logging.getLogger(name).setLevel(logging.ERROR)


def lines_of(captured: str) -> str:
    """What a console captured, without blanks at the ends of its lines."""
    return "\n".join(line.rstrip() for line in captured.splitlines())


def plain_table(title: str) -> Table:
    """An empty table in the one style of all tables."""
    # No vertical lines and no padding: one blank between columns lets nine of them fit into 80.
    return Table(title=Text(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_edge=False, padding=0)


def plain(name: str) -> str:
    """A name without control characters and without those that turn the direction of writing, which would reach beyond it."""
    return "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Cs"} or c in "\u200c\u200d")


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
