"""How often the monitor raises a false alarm, and how often it finds foreign texts, on queries of public data sets.

    python -m tests.benchmarks.monitor_calibration --datasets FOLDER --cache PLACE banking77 finqa10k nl2bash

Run it from the repository's root. FOLDER (by default EMBED_TUNE_DATASETS) holds BEIR folders of these names. Their queries and
2,000 documents of each are encoded once with all-MiniLM-L6-v2 and kept in PLACE. A reference and windows are drawn at random,
without a common text; foreign texts are queries of the next data set in the list (of the first after the last), and those with
typing errors are further texts of the same data set with letters swapped, left out and doubled in a third of their words. A
window counts as found, and as a false alarm, where its level is not `quiet`; a second figure counts `alarm` alone. Targets: of
200 windows of the same kind at most 16 are not `quiet` (5% and two standard errors), for every data set and size of the
reference; of 50 windows of 200 texts of which 20% are foreign, 45 are an `alarm`. The last line is one JSON object; exit code 1
where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from data.storage import atomic_path
from tests.benchmarks.console import run_as_program, say
from tests.benchmarks.workloads import BenchmarkError
from train.watch.alarm import judge_window
from train.watch.permute import PERMUTATIONS
from train.watch.sample import Sample

QUERIES, DOCUMENTS = 4000, 2000
"""Texts of a data set that are encoded: the first ones by a random order."""

WINDOWS_OF_A_REFERENCE = 20
"""Windows judged against one reference before the next one is drawn."""

TOPICS = 10
"""Topics of a data set that are kept out of a reference in turn: the twentieth of its queries nearest to one of them."""

MODEL = "all-MiniLM-L6-v2"


@dataclass(frozen=True, eq=False)
class Pool:
    """Encoded queries of a data set, their copies with typing errors, and some of its documents."""

    name: str
    queries: Sample
    typos: Sample
    documents: np.ndarray


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: data set and situation.
        reference, window: texts.
        judged: windows.
        moved: of these, how many were not `quiet`.
        alarms: how many were `alarm`.
        by: checks that spoke, with how often.
        worst: the largest number that was not `quiet` of the windows of one reference.
        share: mean estimate of the share of foreign texts; None where none are foreign, or where they are only mistyped.
        covered: windows whose interval of this share held the true one.
        target: the largest `moved` that is allowed (same texts), or the least `alarms` (foreign ones); None without one.
    """

    what: str
    reference: int
    window: int
    judged: int
    moved: int
    alarms: int
    by: dict[str, int]
    worst: int
    target: int | None = None
    least: bool = False
    share: float | None = None
    covered: int = 0

    @property
    def kept(self) -> bool:
        """Whether the target is met."""
        return self.target is None or (self.alarms >= self.target if self.least else self.moved <= self.target)

    def __str__(self) -> str:
        limit = "" if self.target is None else f"{'≥' if self.least else '≤'} {self.target}"
        speaking = ", ".join(f"{name} {count}" for name, count in sorted(self.by.items(), key=lambda item: -item[1]))
        share = "" if self.share is None else f"{self.share:.1%}, {self.covered} of {self.judged}"
        counts = (f"{self.moved} of {self.judged}", self.worst, self.alarms, limit)
        cells = (self.what, self.reference, self.window, *counts, share, speaking)
        return "| " + " | ".join(map(str, cells)) + (" |" if self.kept else " | MISSED")


def load(folder: Path, cache: Path) -> Pool:
    """Return a data set's queries and documents, encoded or from the cache."""
    kept = cache / f"{folder.name}.npz"
    if not kept.is_file():
        _encode(folder, kept)
    with np.load(kept) as found:
        samples = [
            Sample.of(*(found[f"{side}_{name}"] for name in ("vectors", "lengths", "cut", "unknown")))
            for side in ("queries", "typos")
        ]
        return Pool(folder.name, samples[0], samples[1], found["documents"])


def _encode(folder: Path, kept: Path) -> None:
    from train.config.schema import ModelConfig
    from train.encode.contract import Role
    from train.encode.open import open_model

    opened = open_model(ModelConfig(name=MODEL)).local
    tokenizer, limit = opened.model.tokenizer, opened.contract.max_tokens
    generator = np.random.default_rng(0)
    queries = _texts(folder / "queries.jsonl", QUERIES, generator)
    documents = _texts(folder / "corpus.jsonl", DOCUMENTS, generator)
    arrays = {"documents": opened.encode(documents, Role.DOCUMENT, progress=False).numpy()}
    for side, texts in (("queries", queries), ("typos", [mistyped(text, generator) for text in queries])):
        ids = [tokenizer.encode(text, verbose=False) for text in texts]
        lengths = np.array([len(one) for one in ids])
        arrays[f"{side}_vectors"] = opened.encode(texts, Role.QUERY, progress=False).numpy()
        arrays[f"{side}_lengths"], arrays[f"{side}_cut"] = lengths, lengths > limit
        arrays[f"{side}_unknown"] = np.array([one.count(tokenizer.unk_token_id) / len(one) for one in ids])
    kept.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(kept) as staged, staged.open("wb") as file:
        np.savez(file, **arrays)


def _texts(path: Path, most: int, generator: np.random.Generator) -> list[str]:
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    texts = list(dict.fromkeys(f"{row.get('title', '')} {row['text']}".strip() for row in rows))
    return [texts[place] for place in generator.permutation(len(texts))[:most]]


def mistyped(text: str, generator: np.random.Generator) -> str:
    """Return the text with one letter swapped, left out or doubled in a third of its words, at least in one."""
    words = text.split()
    for place in generator.permutation(len(words))[: max(1, len(words) // 3)]:
        word = words[place]
        if len(word) > 2:
            at = int(generator.integers(0, len(word) - 1))
            kind = generator.integers(3)
            swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            words[place] = (swapped, word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:])[kind]
    return " ".join(words)


def drawn(pool: Pool, other: Sample, reference: int, window: int, share: float, seed: int) -> Iterator[tuple[Sample, Sample]]:
    """Yield references with their windows, of which a share are texts of another sample; no text is in both."""
    generator = np.random.default_rng(seed)
    foreign = round(share * window)
    while True:
        order = generator.permutation(len(pool.queries))
        known = _beside(pool, pool.queries.take(order[:reference]))
        for _ in range(WINDOWS_OF_A_REFERENCE):
            own = generator.choice(order[reference:], window - foreign, replace=False)
            left = np.setdiff1d(order[reference:], own) if other in (pool.queries, pool.typos) else np.arange(len(other))
            mixed = _mixed(pool.queries.take(own), other.take(generator.choice(left, foreign, replace=False)))
            yield known, _beside(pool, mixed)


def _mixed(one: Sample, other: Sample) -> Sample:
    names = ("vectors", "lengths", "cut", "unknown", "top1")
    return Sample(*(np.concatenate([getattr(one, name), getattr(other, name)]) for name in names))


def _beside(pool: Pool, sample: Sample) -> Sample:
    """Return the sample with the similarities to the nearest of the pool's documents."""
    top1 = (sample.vectors @ pool.documents.T).max(axis=1)
    return Sample(sample.vectors, sample.lengths, sample.cut, sample.unknown, top1)


def measure(
    what: str,
    pool: Pool,
    other: Sample,
    reference: int,
    window: int,
    share: float,
    judged: int,
    permutations: int,
    target: int | None = None,
) -> Row:
    """Judge windows and count; `target` is the most that may move where nothing is foreign, the least that must where it is."""
    by: dict[str, int] = {}
    moved: list[bool] = []
    shares: list[float] = []
    alarms = covered = 0
    for seed, (known, new) in zip(range(judged), drawn(pool, other, reference, window, share, seed=window), strict=False):
        found = judge_window(known, new, seed=seed, permutations=permutations)
        moved.append(found.level != "quiet")
        alarms += found.level == "alarm"
        if found.foreign is not None:
            estimate, (low, high) = found.foreign
            shares.append(estimate)
            covered += low <= share <= high
        for check in found.checks:
            if check.level != "quiet":
                by[check.name] = by.get(check.name, 0) + 1
    worst = max(sum(moved[start : start + WINDOWS_OF_A_REFERENCE]) for start in range(0, judged, WINDOWS_OF_A_REFERENCE))
    mean = float(np.mean(shares)) if share and other is not pool.typos else None
    return Row(what, reference, window, judged, sum(moved), alarms, by, worst, target, share > 0, mean, covered)


def same_kind(pool: Pool, other: Pool, judged: int, permutations: int) -> Iterator[Row]:
    """Yield the lines of windows that hold nothing new."""
    most = math.floor(0.05 * judged + 2 * math.sqrt(0.05 * 0.95 * judged))
    for reference, window in ((60, 200), (200, 200), (500, 200), (1000, 200), (500, 20)):
        if reference + 1.5 * window <= len(pool.queries):
            what = f"{pool.name}, same kind"
            yield measure(what, pool, pool.queries, reference, window, 0.0, judged, permutations, most)


def foreign(pool: Pool, other: Pool, judged: int, permutations: int) -> Iterator[Row]:
    """Yield the lines of windows of which a share is foreign."""
    for share in (0.05, 0.1, 0.2):
        for reference in (200, 500):
            target = math.ceil(0.9 * judged) if share == 0.2 else None
            what = f"{pool.name}, {share:.0%} of {other.name}"
            yield measure(what, pool, other.queries, reference, 200, share, judged, permutations, target)


def mistakes(pool: Pool, other: Pool, judged: int, permutations: int) -> Iterator[Row]:
    """Yield the lines of windows of which a share has typing errors."""
    for share in (0.2, 1.0):
        yield measure(f"{pool.name}, {share:.0%} with typing errors", pool, pool.typos, 500, 200, share, judged, permutations)


def topics(pool: Pool, other: Pool, judged: int, permutations: int) -> Iterator[Row]:
    """Yield the lines of windows of which a share is about a topic of the same data set that the reference lacks."""
    generator = np.random.default_rng(0)
    asked = generator.choice(len(pool.queries), TOPICS, replace=False)
    for share in (0.1, 0.2):
        rows = []
        for query in pool.queries.vectors[asked]:
            near = np.argsort(-(pool.queries.vectors @ query))
            own, rest = np.split(near, [len(near) // 20])
            left = Pool(pool.name, pool.queries.take(rest), pool.typos, pool.documents)
            what = f"{pool.name}, {share:.0%} of a topic that the reference lacks"
            rows.append(measure(what, left, pool.queries.take(own), 500, 200, share, max(1, judged // TOPICS), permutations))
        yield _together(rows)


def _together(rows: Sequence[Row]) -> Row:
    """Return one line of several, whose windows are summed."""
    total = {name: sum(getattr(row, name) for row in rows) for name in ("judged", "moved", "alarms", "covered")}
    by = Counter[str]()
    for row in rows:
        by.update(row.by)
    mean = float(np.mean([row.share for row in rows]))
    return replace(rows[0], **total, by=dict(by), worst=max(row.worst for row in rows), share=mean)


PARTS = {"same": same_kind, "foreign": foreign, "topics": topics, "typos": mistakes}


def main(words: list[str] | None = None) -> list[Row]:
    """Print the table; returns its lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["banking77", "finqa10k", "nl2bash", "medquad"])
    parser.add_argument("--datasets", type=Path, default=os.environ.get("EMBED_TUNE_DATASETS"))
    parser.add_argument("--cache", type=Path, required=True, help="folder in which vectors are kept")
    parser.add_argument("--same", type=int, default=200, help="windows of the same kind a line")
    parser.add_argument("--foreign", type=int, default=50, help="windows with foreign texts a line")
    parser.add_argument("--only", help="one of the names: its lines alone")
    parser.add_argument("--part", choices=list(PARTS), help="its lines alone")
    parser.add_argument("--permutations", type=int, default=PERMUTATIONS, help="of a window; the level is exact with any number")
    asked = parser.parse_args(words)
    if asked.datasets is None:
        raise BenchmarkError("it is not said where the data sets are: give --datasets FOLDER")
    began, rows = time.perf_counter(), []
    pools = [load(Path(asked.datasets) / name, asked.cache) for name in asked.names]
    say("| situation | reference | window | not quiet | worst 20 | alarm | target | share, in interval | checks that spoke |")
    say("|---|---|---|---|---|---|---|---|---|")
    for part in (part for name, part in PARTS.items() if asked.part in (None, name)):
        for place, pool in enumerate(pools):
            if asked.only in (None, pool.name):
                judged = asked.same if part is same_kind else asked.foreign
                for row in part(pool, pools[(place + 1) % len(pools)], judged, asked.permutations):
                    rows.append(row)
                    say(str(row))
    say(f"{time.perf_counter() - began:.0f} s")
    return rows


def run() -> None:
    """Measure, and end with 1 where a target is missed."""
    rows = main()
    print(json.dumps({"rows": [asdict(row) for row in rows], "targets_met": all(row.kept for row in rows)}))
    sys.exit(0 if all(row.kept for row in rows) else 1)


if __name__ == "__main__":
    run_as_program(run)
