"""`accelerate launch train/run.py`, really launched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def test_the_launcher_starts_a_run_that_uses_every_core_and_finds_its_own_packages(tiny_model: Path, tmp_path: Path) -> None:
    launcher = Path(sys.executable).with_name("accelerate")
    settings = [
        f"model.name={tiny_model}",
        "model.device=cpu",
        "run_name=x",
        f"output_dir={tmp_path}",
        "evaluation.resamples=100",
    ]
    words = [str(launcher), "launch", "--quiet", str(ROOT / "train" / "run.py"), "--config", str(ROOT / "configs" / "quick.yaml")]
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    # a working directory of its own: the packages must be found beside run.py, not by luck
    done = subprocess.run([*words, *settings], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    recorded = json.loads((tmp_path / "x" / "environment.json").read_text())
    assert recorded["threads"] == len(os.sched_getaffinity(0))
    assert (tmp_path / "x" / "report.json").is_file()
