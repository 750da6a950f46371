"""What the program says: plain lines from rank 0, and libraries kept quiet unless `--debug`."""

from __future__ import annotations

import logging
import os
import sys
import warnings

from train.ranks import is_main


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
