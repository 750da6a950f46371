"""Make real runs with the packaged model and take their pictures: pages at two widths in light and dark, and the terminal.

    python -m tests.pictures OUT            # everything, into OUT
    python -m tests.pictures OUT --readme   # and the pictures of the README anew, into docs/pictures

Takes some five minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.pictures.pages import SCHEMES, WIDTHS, chromium, take
from tests.pictures.terminal import broken_words, record
from train.config.packaged import packaged

PROGRAM = os.environ.get("EMBED_TUNE", str(Path(sys.executable).with_name("embed-tune")))
QUICK = ["--config", str(packaged("quick.yaml"))]
README = Path(__file__).parents[2] / "docs" / "pictures"
OFFLINE = {"HF_HUB_OFFLINE": "1"}

RUNS = {
    "several": [],  # the default: two data sets
    "finished": QUICK,
    "kept": [*QUICK, "training.learning_rate=1e-12"],  # nothing is learnt, so nothing is better on dev
}
"""Arguments of each run whose page is taken when it is finished."""


def main() -> None:
    """Make the runs and take all pictures."""
    arguments = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--readme", action="store_true", help="also write the README's pictures")
    given = arguments.parse_args()
    out: Path = given.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    for name, words in RUNS.items():
        for columns in (80, 120) if name == "finished" else (80,):
            recorded(out, f"{name}-{columns}", [*words, f"run_name={name}{'' if columns == 80 else columns}"], columns)
    subprocess.run([PROGRAM, "report"], cwd=out, check=True, env=os.environ | OFFLINE)
    running = start_running(out)
    try:
        photographed(out, ["running"])
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(120)
    photographed(out, [*RUNS, "index"])
    if given.readme:
        README.mkdir(exist_ok=True)
        shutil.copy(out / "several-80.svg", README / "terminal.svg")
        with chromium() as browser:
            take(browser, page_of(out, "several"), README / "report.png", width=960, height=1100, scheme="light", whole=False)


def recorded(out: Path, name: str, words: list[str], columns: int) -> None:
    """Record a run at a terminal: its last screen as text and picture, and what is wrong with it on standard output."""
    found = record([PROGRAM, "train", *words], columns, out, OFFLINE)
    (out / f"{name}.txt").write_text("\n".join(found.lines) + "\n", encoding="utf-8")
    (out / f"{name}.svg").write_text(found.svg("embed-tune train"), encoding="utf-8")
    print(f"{name}: exit code {found.code}, {len(found.lines)} lines, words broken: {broken_words(found.lines, columns)}")


def start_running(out: Path) -> subprocess.Popen[bytes]:
    """Start a long run, and return once it has been training for a while."""
    words = [*QUICK, "run_name=running", "training.max_steps=2000", "training.evaluations=40"]
    running = subprocess.Popen([PROGRAM, "train", *words], cwd=out, env=os.environ | OFFLINE, stdout=subprocess.DEVNULL)
    until, scores = time.monotonic() + 300, out / "checkpoints/running/scores.jsonl"
    while not scores.is_file() or len(scores.read_text(encoding="utf-8").splitlines()) < 5:
        if running.poll() is not None or time.monotonic() > until:
            raise RuntimeError("the run that was to be seen running has ended")
        time.sleep(0.5)
    return running


def page_of(out: Path, name: str) -> Path:
    """Return the page of a run, or the index."""
    return out / "checkpoints" / ("index.html" if name == "index" else f"{name}/report.html")


def photographed(out: Path, names: list[str]) -> None:
    """Take each page at both widths, light and dark; say what it asked for or complained about."""
    with chromium() as browser:
        for name in names:
            for width in WIDTHS:
                for scheme in SCHEMES:
                    picture = out / f"{name}-{width}-{scheme}.png"
                    wrong = take(browser, page_of(out, name), picture, width=width, scheme=scheme)
                    print(f"{picture.name}{'' if not wrong else f': {wrong}'}")


if __name__ == "__main__":
    main()
