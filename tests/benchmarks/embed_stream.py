"""How much memory `embed` takes on a stream of short texts, how fast it is, and whether it goes on after a kill.

    python -m tests.benchmarks.embed_stream --texts 1000000 --parts 4 --limit-mb 2000

Run it from the repository's root; it needs no data and a Linux system. A file of short texts (8 to 24 words) is made. `embed`
with all-MiniLM-L6-v2 works on it in a process of its own, is killed (SIGKILL) when half of `--parts` parts are there, and begun
again: the parts that were there must stay as they are. It is killed again when all of `--parts` are there; its speed between the
parts gives the time of the whole stream. Then everything but the model runs over the whole stream, with vectors of 384
dimensions that cost nothing: reading, keys, quantising, writing, and making one file of all parts. Peak memory (VmHWM) is that
of whole processes, libraries and model included. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tests.benchmarks.console import run_as_program, say
from tests.benchmarks.workloads import BenchmarkError

DIMENSIONS = 384
PART = 8192
WORDS = 4000
"""Different words in the texts."""
POLL = 0.2
"""Seconds between two looks at a child."""


class FreeEncoder:
    """An encoder whose vectors cost nothing: random numbers."""

    similarity: Literal["cosine", "dot"] = "cosine"

    def __init__(self) -> None:
        from train.encode.contract import EncodingContract

        self.contract = EncodingContract("", "", "", "nowhere", "mean", True, 256, DIMENSIONS, "cosine")
        self._rng = np.random.default_rng(0)

    def space(self, role: str) -> str:
        """A name of its own."""
        return "free"

    def encode(self, texts: Sequence[str], role: str, progress: bool | None = None) -> Any:
        """Float32 [N, 384]."""
        import torch

        return torch.from_numpy(self._rng.standard_normal((len(texts), DIMENSIONS), dtype=np.float32))


def main() -> None:
    """Make texts, run, kill, run again, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--parts", type=int, default=4, help="parts that the model really encodes")
    parser.add_argument("--part", type=int, default=PART, help="texts of a part")
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--precision", default="int8")
    parser.add_argument("--limit-mb", type=int, default=2000)
    parser.add_argument("--without-model", nargs=2, metavar=("FILE", "OUT"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.without_model:
        stream_without_model(*map(Path, asked.without_model), asked.part, asked.precision)
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder), asked)))


def measure(folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Peak memory, speed, extrapolated time, and whether the second start went on."""
    file, out = folder / "texts.txt", folder / "vectors.parquet"
    write_texts(file, asked.texts)
    say(f"{asked.texts:,} texts, {file.stat().st_size / 1e6:,.0f} MB")
    words = ["-m", "train.cli.app", "embed", str(file), "--out", str(out), "--model", asked.model, "--cache", "off"]
    command = [*words, "--part", str(asked.part), "--precision", asked.precision]
    first = run_until(command, out, max(1, asked.parts // 2))
    kept = {path.name: path.stat().st_mtime_ns for path in parts_of(out)}
    say(f"killed with {len(kept)} parts; started again")
    second = run_until(command, out, asked.parts)
    same = all(path.stat().st_mtime_ns == kept[path.name] for path in parts_of(out) if path.name in kept)
    went_on = same and len(parts_of(out)) >= asked.parts > len(kept)
    seconds = [later - earlier for run in (first, second) for earlier, later in zip(run["at"], run["at"][1:], strict=False)]
    if not seconds:
        raise BenchmarkError("too few parts to see a speed; give more --parts")
    rate = asked.part / float(np.mean(seconds))
    whole = run_to_end([*SELF, "--without-model", str(file), str(folder / "free.parquet"), "--part", str(asked.part)])
    encoding = asked.texts / rate
    peak = max(run["peak_mb"] for run in (first, second, whole))
    say(f"model: {rate:,.0f} texts/s, peak {max(first['peak_mb'], second['peak_mb']):,.0f} MB; went on after the kill: {went_on}")
    say(f"all but the model, whole stream: {whole['seconds']:,.0f} s, peak {whole['peak_mb']:,.0f} MB")
    say(f"extrapolated: {(encoding + whole['seconds']) / 60:,.0f} minutes for {asked.texts:,} texts")
    return {
        "texts": asked.texts,
        "encoded": (len(first["at"]) + len(second["at"])) * asked.part,
        "texts_per_second": round(rate, 1),
        "extrapolated_minutes": round((encoding + whole["seconds"]) / 60, 1),
        "without_model_seconds": round(whole["seconds"], 1),
        "peak_mb": round(peak),
        "peak_mb_without_model": round(whole["peak_mb"]),
        "under_limit": peak < asked.limit_mb,
        "went_on": went_on,
    }


SELF = ["-m", "tests.benchmarks.embed_stream"]


def write_texts(file: Path, count: int) -> None:
    """Lines of 8 to 24 words, all different."""
    rng = np.random.default_rng(0)
    words = np.array([f"{a}{b}" for a in ("re", "un", "out", "over", "sub") for b in rng.permutation(WORDS // 5)])
    common = np.array(
        ["the", "pod", "server", "does", "not", "start", "after", "update", "how", "file", "error", "when", "of", "in"]
    )
    with file.open("w", encoding="utf-8") as stream:
        for number in range(count):
            length = int(rng.integers(6, 22))
            stream.write(f"{' '.join(common[rng.integers(0, len(common), length)])} {words[number % len(words)]} {number}\n")


def parts_of(out: Path) -> list[Path]:
    """The parts that are there."""
    return sorted(out.with_name(f".{out.name}.parts").glob("*.parquet"))


def run_until(command: list[str], out: Path, parts: int) -> dict[str, Any]:
    """Start a process and kill it when so many parts are there.

    Returns:
        `at`, when each new part was seen, in seconds; `peak_mb` of the process.
    """
    child = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    seen, peak, at = len(parts_of(out)), 0.0, []
    try:
        while child.poll() is None:
            peak = max(peak, peak_mb(child.pid))
            now = len(parts_of(out))
            at += [time.perf_counter()] * (now - seen)
            seen = now
            if seen >= parts:
                break
            time.sleep(POLL)
        else:
            raise BenchmarkError(f"embed ended before: {child.stderr.read() if child.stderr else ''}")
    finally:
        child.kill()
        child.communicate()
    return {"at": at, "peak_mb": peak}


def run_to_end(command: list[str]) -> dict[str, Any]:
    """Run a process; seconds and peak memory."""
    began, peak = time.perf_counter(), 0.0
    child = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while child.poll() is None:
        peak = max(peak, peak_mb(child.pid))
        time.sleep(POLL)
    if child.returncode:
        raise BenchmarkError(f"{' '.join(command)} ended with code {child.returncode}")
    return {"seconds": time.perf_counter() - began, "peak_mb": peak}


def peak_mb(process: int) -> float:
    """The most memory that a process has had, in MB; 0 where it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM")), 0.0)


def stream_without_model(file: Path, out: Path, part: int, precision: str) -> None:
    """All of `embed` but the model: in a child."""
    from data.sources.texts import open_texts
    from train.config.schema import ModelConfig
    from train.vectors.embed_job import Work
    from train.vectors.files import VectorInfo, write_vectors
    from train.vectors.shards import Parts

    encoder: Any = FreeEncoder()
    parts = Parts(out)
    work = Work(encoder, encoder, ModelConfig(), "document", precision, None, open_texts(str(file)), part, False, parts)  # type: ignore[arg-type]
    work.settle_ranges(work.split())
    plan = work.make(work.plan(), progress=False)
    rows = parts.rows(plan.parts)
    info = VectorInfo("free", {}, "document", "free", work.precision, DIMENSIONS, "cosine", True, rows, work.ranges)
    write_vectors(out, info, parts.tables(plan.parts))
    parts.discard()


if __name__ == "__main__":
    run_as_program(main)
