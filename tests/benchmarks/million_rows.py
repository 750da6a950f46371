"""How long a million pairs take to load, split and audit, and how much memory: JSONL, CSV and Parquet.

    python -m tests.benchmarks.million_rows --rows 1000000 --formats jsonl,csv,parquet

Run it from the repository's root; it needs no data. Pairs are drawn: questions of 5 to 14 and answers of 15 to 40 words of
Zipf-distributed made-up words; in each 1,000 rows one repeats the pair of another, one its query, one its positive, and one
nearly repeats a query. Each format is read in a process of its own, which does what `embed-tune train` does before the base is
loaded: read and check every row, find near duplicates, deal the splits by groups, take leaks out of train, audit, and plan the
first epoch's batches; and then once more with the caches filled.

Figures: seconds of each part, the seconds that the processor worked for loading and auditing (on a machine that others use the
better figure), and the peak of the process's memory (resident, libraries included) in MB. The marks are 180 seconds and 2,000 MB
for loading, splitting and auditing together on 2 cores. The last line printed is one JSON object with everything.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.console import run_as_program, say
from tests.benchmarks.figures import last_line
from tests.benchmarks.workloads import BenchmarkError

FORMATS = ("jsonl", "csv", "parquet")
SECONDS, MEGABYTES = 180, 2000
"""The marks."""
BLOCK = 10_000
"""Rows that are drawn together."""
SYLLABLES = ("ba", "do", "fe", "gi", "ku", "la", "mo", "ne", "pi", "ru", "sa", "to", "ve", "wi", "zo", "cha", "thi", "sho")
PARTS = ("load_seconds", "audit_seconds", "plan_seconds", "total_seconds", "cpu_seconds", "peak_memory_mb", "again_seconds")


def draw_pairs(rows: int, seed: int) -> Iterator[tuple[str, str]]:
    """`rows` pairs of texts, a few in each thousand with a text of an earlier one."""
    random = np.random.default_rng(seed)
    words = np.array(["".join(random.choice(SYLLABLES, random.integers(1, 5))) for _ in range(50_000)])
    for begin in range(0, rows, BLOCK):
        size = min(BLOCK, rows - begin)
        texts = [_texts(words, random.integers(low, high, size), random) for low, high in ((5, 15), (15, 41))]
        for row in range(size):
            query, document = f"{texts[0][row]}?", f"{texts[1][row]}."
            earlier = (texts[0][row // 2], texts[1][row // 2])
            if row % 1000 == 997:
                query, document = f"{earlier[0]}?", f"{earlier[1]}."
            elif row % 1000 == 998:
                query = f"{earlier[0]}?"
            elif row % 1000 == 999:
                document = f"{earlier[1]}."
            elif row % 1000 == 996:
                query = f"{earlier[0].upper()} !"
            yield query, document


def _texts(words: np.ndarray, lengths: np.ndarray, random: np.random.Generator) -> list[str]:
    drawn = words[np.minimum(random.zipf(1.2, int(lengths.sum())), len(words)) - 1]
    return [" ".join(part) for part in np.split(drawn, np.cumsum(lengths)[:-1])]


def write_pairs(path: Path, rows: int, seed: int) -> None:
    """The pairs as a file of the kind that its suffix says."""
    pairs = draw_pairs(rows, seed)
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema({"query": pa.string(), "document": pa.string()})
        with pq.ParquetWriter(path, schema) as writer:
            for _ in range(0, rows, BLOCK):
                queries, documents = zip(*islice(pairs, BLOCK), strict=True)
                writer.write_table(pa.table([queries, documents], schema=schema))
        return
    with path.open("w", newline="", encoding="utf-8") as file:
        if path.suffix == ".csv":
            csv.writer(file).writerow(("query", "document"))
            csv.writer(file).writerows(pairs)
        else:
            file.writelines(json.dumps({"query": query, "document": document}) + "\n" for query, document in pairs)


def measure(path: Path, cache: Path) -> dict[str, Any]:
    """In a process of its own: what reading, splitting and auditing one file takes."""
    import resource

    import sentence_transformers  # noqa: F401 (imported once a process, whatever the number of rows)

    from data.load import prepare
    from data.schema import RowKind
    from data.spec import DatasetSpec, SplitSpec
    from train.config.schema import DataConfig
    from train.fit.batches.training_set import TrainingRows, TrainingSet
    from train.plan.audit import audited, leak_rules

    spec = DatasetSpec(source=str(path))
    config = DataConfig(datasets=[spec])
    found: dict[str, Any] = {}
    worked = time.process_time()
    for prefix in ("", "again_"):
        began = time.perf_counter()
        prepared = prepare(spec, SplitSpec(), cache, leaks=leak_rules(config))
        loaded = time.perf_counter()
        audit = audited([prepared], {}, config, cache, None)
        done = time.perf_counter()
        found.setdefault("cpu_seconds", time.process_time() - worked)
        found |= {
            f"{prefix}load_seconds": loaded - began,
            f"{prefix}audit_seconds": done - loaded,
            f"{prefix}seconds": done - began,
        }
    found["total_seconds"] = found.pop("seconds")
    unit = 1 if sys.platform == "darwin" else 1024
    found["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    began = time.perf_counter()
    TrainingSet(TrainingRows(prepared.splits["train"], RowKind.PAIR), "mnrl").sampler(128, 0).plan()
    found["plan_seconds"] = time.perf_counter() - began
    found["counts"] = dict(prepared.counts)
    found["findings"] = {finding["code"]: finding["count"] for finding in audit["datasets"][0]["findings"]}
    return found


def _in_child(path: Path, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.benchmarks.million_rows", "--one", str(path), "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    if done.returncode:
        raise BenchmarkError(f"{path.name}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else done.returncode}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(argv: Sequence[str] | None = None) -> None:
    """Write the files, measure each, print a table and the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="pairs in each file")
    parser.add_argument("--formats", default=",".join(FORMATS), help="which, separated by commas")
    parser.add_argument("--folder", type=Path, help="where files and caches are made; by default a temporary folder")
    parser.add_argument("--seed", type=int, default=42, help="of whatever is drawn")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args(argv)
    if asked.one is not None:
        print(json.dumps(measure(asked.one, asked.folder / f"cache-{asked.one.suffix[1:]}")))
        return
    formats = asked.formats.split(",")
    if not set(formats) <= set(FORMATS) or asked.rows < 1000:
        raise BenchmarkError(f"--formats are of {', '.join(FORMATS)}, and --rows at least 1,000")
    with tempfile.TemporaryDirectory(dir=asked.folder) as temporary:
        folder, figures = Path(temporary), {}
        for kind in formats:
            path = folder / f"pairs.{kind}"
            say(f"writing {asked.rows:,} pairs as {kind} …")
            write_pairs(path, asked.rows, asked.seed)
            say(f"reading {path.stat().st_size / 1e6:,.0f} MB …")
            figures[kind] = _in_child(path, folder)
            path.unlink()
    print(f"{'':<18}" + "".join(f"{kind:>12}" for kind in formats))
    for part in PARTS:
        print(f"{part.replace('_', ' '):<18}" + "".join(f"{figures[kind][part]:>12,.1f}" for kind in formats))
    within = all(one["total_seconds"] <= SECONDS and one["peak_memory_mb"] <= MEGABYTES for one in figures.values())
    print(f"{'within' if within else 'NOT within'} {SECONDS} seconds and {MEGABYTES:,} MB")
    print(last_line({"rows": asked.rows, "within": within, "formats": figures}))


if __name__ == "__main__":
    run_as_program(main)
