"""Entry of `accelerate launch train/run.py`."""

import os
import sys
from pathlib import Path

# A file that is started has its own folder first on the path, where `evaluate` would hide a library of that name. The clone takes
# its place: only from there can anything of ours be found, and it need not be installed.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

# Accelerate's launcher starts processes with one CPU thread each unless told otherwise, which on a CPU wastes every core but one.
# Whether the 1 is the user's cannot be seen from here: `training.threads=1` says so.
if os.environ.get("OMP_NUM_THREADS") == "1" and "EMBED_TUNE_KEEP_THREADS" not in os.environ:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    os.environ["OMP_NUM_THREADS"] = str(max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))

from embed_tune import main  # noqa: E402  (the path has to be set first)

if __name__ == "__main__":
    words = sys.argv[1:]
    # the one other command whose work several processes share
    command = [] if words[:1] == ["embed"] else ["train"]
    main([*command, *words], program="accelerate launch train/run.py")
