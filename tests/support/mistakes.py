"""What a mistake is to the tests: how it is made, and what the user reads. The tables are in `mistakes_*.py`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OFFLINE = {"HF_HUB_OFFLINE": "1"}
QUICK = ("model.device=cpu", "training.max_steps=2", "training.precision=fp32", "evaluation.resamples=100")
"""Settings of a training that takes a second."""


@dataclass(frozen=True)
class Mistake:
    """A command that must end in a sentence.

    Attributes:
        words: the command line. `train` gets a tiny model unless it names one or resumes a run.
        what: what was wrong, as the message says it.
        where: the place: file with line or row, or key.
        hint: the way out, as the line "What to do" (or the message, where that is one line) says it.
        files: made in the working directory beside `pairs.csv`; bytes as they are, texts as UTF-8.
        prepare: makes what files alone cannot; gets the working directory.
        run: a run `checkpoints/x` that was stopped after its first checkpoint lies there.
        fault: function of `tests.support.faults` with its arguments.
        environment: variables of the process.
        keeps: a run folder stays, since the run can go on.
        slow: more than a few seconds.
    """

    words: Sequence[str]
    what: str
    where: str
    hint: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    prepare: Callable[[Path], object] = lambda folder: None
    run: bool = False
    fault: Sequence[Any] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    keeps: bool = False
    slow: bool = False


@dataclass(frozen=True)
class Works:
    """Something that looks like a mistake, works, and is said: every one of `says` stands in the output."""

    words: Sequence[str]
    says: Sequence[str]
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    prepare: Callable[[Path], object] = lambda folder: None
    environment: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False


def data(path: str, *settings: str) -> list[str]:
    """Return the arguments of a training on one data set."""
    return ["train", "--data", path, *QUICK, *settings]


def dry(path: str, *settings: str) -> list[str]:
    """Return the arguments of a dry run on one data set."""
    return ["train", "--dry-run", "--data", path, "model.device=cpu", *settings]


def pairs(*settings: str) -> list[str]:
    """Return the arguments of a training on `pairs.csv`, which is in order."""
    return data("pairs.csv", *settings)


def table(*lines: str, end: str = "\n") -> str:
    """Return the lines of a file."""
    return "".join(line + end for line in lines)


def rows(header: str, pattern: str, count: int = 60) -> str:
    """Return a table of `count` lines made from a pattern with `{i}`."""
    return table(header, *(pattern.replace("{i}", str(i)) for i in range(count)))


def objects(*items: object) -> str:
    """Return one JSON object per line."""
    return table(*map(json.dumps, items))


def beir(folder: str, **files: str) -> dict[str, str]:
    """Return the files of a BEIR folder of 40 queries and documents; `corpus`, `queries`, `train`, `test` replace one."""

    def judged(numbers: range) -> str:
        return table("query-id\tcorpus-id\tscore", *(f"q{i}\td{i}\t1" for i in numbers))

    content = {
        "corpus": objects(*({"_id": f"d{i}", "text": f"document {i}"} for i in range(40))),
        "queries": objects(*({"_id": f"q{i}", "text": f"query {i}"} for i in range(40))),
        "train": judged(range(20)),
        "test": judged(range(20, 40)),
    }
    names = {"corpus": "corpus.jsonl", "queries": "queries.jsonl", "train": "qrels/train.tsv", "test": "qrels/test.tsv"}
    return {f"{folder}/{names[key]}": files.get(key, text) for key, text in content.items()}


PAIRS = rows("question,answer", "which red thing is number {i}?,the blue car that is {i}", 80)
SCORED = table("sentence1,sentence2,score", *(f"a red thing {i},a blue one {i},{i % 5 / 4}" for i in range(80)))
