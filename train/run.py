"""Entry of `accelerate launch train/run.py`."""

import os
import sys
from pathlib import Path

# `accelerate launch train/run.py` puts this folder first on the path, where `evaluate` would shadow a library of that name
sys.path[0] = str(Path(__file__).resolve().parents[1])
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

from train.cli import main  # noqa: E402  (the path has to be set first)

if __name__ == "__main__":
    main(["train", *sys.argv[1:]], program="accelerate launch train/run.py")
