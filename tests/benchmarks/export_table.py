"""The table of a run's exports: size, speed beside Sentence Transformers, distance to the original, and what test says.

    embed-tune export RUN --to onnx --to onnx-int8 --to openvino
    python -m tests.benchmarks.export_table RUN [--again]

Run it from the repository's root. The figures are those of each export.json; `--again` times all exports anew, in turn
with Sentence Transformers, on queries of the run's dev. Targets: onnx takes at most .5 of Sentence Transformers' time of a single
text, int8 at most .2, and neither is worse by the run's margin. Exit code 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from sentence_transformers import SentenceTransformer

from tests.benchmarks.console import run_as_program, say
from tests.benchmarks.workloads import BenchmarkError
from train.config.choices import ExportKind, Split
from train.deploy.exporting.make import opened
from train.encode.contract import Role
from train.encode.exported.record import ExportRecord, read_record
from train.evaluate.tasks import build_task, texts_by_role
from train.machine import processor, processor_flags
from train.plan.datasets import load_datasets
from train.runs.find import find_finished
from train.runs.folder import RunFolder
from train.runs.read import RunRecords
from train.wording import change, interval, metric_name
from train.workflows.export.timing import time_in_turns

TARGETS = {ExportKind.ONNX: 0.5, ExportKind.INT8: 0.2}
"""Most that a single text may take, as a share of Sentence Transformers' time."""
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
"""Of a processor, what int8 and bf16 are fast by."""


def main() -> None:
    """Read or time, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--again", action="store_true", help="time all exports anew")
    asked = parser.parse_args()
    run = RunFolder(find_finished(asked.run))
    folders = [run.exports / kind for kind in ExportKind if (run.exports / kind / "export.json").is_file()]
    if not folders:
        raise BenchmarkError(f"{run.path} has no exports: embed-tune export {run.path} --to onnx")
    records = {folder: read_record(folder) for folder in folders}
    timings = timed(run, folders) if asked.again else {folder: one.timing for folder, one in records.items()}
    flags = processor_flags() or frozenset()
    say(f"{processor()}, {', '.join(flag for flag in FLAGS if flag in flags)}")
    print("\n".join(table(records, timings, size_of(run.model))))
    missed = [line for folder in folders for line in misses(records[folder], timings[folder])]
    for line in missed:
        say(line)
    sys.exit(1 if missed else 0)


def timed(run: RunFolder, folders: list[Path]) -> dict[Path, dict[str, Any] | None]:
    """Time each export in turn with Sentence Transformers."""
    prepared = load_datasets(RunRecords.of(run.path).config)
    texts = texts_by_role({name: build_task(one, Split.DEV) for name, one in prepared.items() if Split.DEV in one.splits})
    role = Role.QUERY if Role.QUERY in texts else Role.SYMMETRIC
    stock = SentenceTransformer(str(run.model), device="cpu", local_files_only=True)
    return {folder: time_in_turns(opened(folder, folder.name), stock, texts[role], role).to_dict() for folder in folders}


def table(records: dict[Path, ExportRecord], timings: dict[Path, dict[str, Any] | None], size: int) -> list[str]:
    """Return the lines of the table in Markdown, Sentence Transformers' own first."""
    stock = next((one["stock"] for one in timings.values() if one), None)
    speed = " | | " if stock is None else f"{_milliseconds(stock)} | 1 | {stock['texts_per_second']:.0f}"
    return [
        "| backend | MB | single text, ms: fastest / p50 / p95 | share of stock's | texts/s | largest 1 − cosine | on test |",
        "|---|---|---|---|---|---|---|",
        f"| Sentence Transformers, fp32 | {size / 1e6:.0f} | {speed} | | |",
        *(row(folder, record, timings[folder]) for folder, record in records.items()),
    ]


def row(folder: Path, record: ExportRecord, timing: dict[str, Any] | None) -> str:
    """Return the line of an export."""
    judged = "; ".join(
        f"{metric_name(one['metric'])} {change(one['delta'])} ({interval(one['ci95'])})"
        for one in (record.judged or {}).get("datasets", [])
    )
    speed = " | | "
    if timing is not None:
        share, low, high = timing["single_share"]
        rate = timing["export"]["texts_per_second"]
        speed = f"{_milliseconds(timing['export'])} | {share:.2f} ({low:.2f} to {high:.2f}) | {rate:.0f}"
    backend, megabytes = f"{record.kind}, {record.settings['precision']}", size_of(folder) / 1e6
    return f"| {backend} | {megabytes:.0f} | {speed} | {record.difference.largest:.1g} | {judged} |"


def _milliseconds(speed: dict[str, Any]) -> str:
    fastest = f"{speed['best_ms']:.1f}" if "best_ms" in speed else "–"
    return f"{fastest} / {speed['p50_ms']:.1f} / {speed['p95_ms']:.1f}"


def misses(record: ExportRecord, timing: dict[str, Any] | None) -> list[str]:
    """Return the targets that an export misses, in words."""
    found = []
    most = TARGETS.get(record.kind)
    if most is not None and timing is not None and timing["single_share"][0] > most:
        found.append(
            f"{record.kind}: a single text takes {timing['single_share'][0]:.2f} of stock's time, the target is {most:g}"
        )
    worse = [one["name"] for one in (record.judged or {}).get("datasets", []) if not one["not_worse"]]
    return [*found, *(f"{record.kind}: not shown to be not worse on {name}" for name in worse)]


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    run_as_program(main)
