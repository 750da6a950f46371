"""What the benchmarks train on and encode: public data sets from a folder of the user's, and texts drawn from a written rule.

Drawn texts consist of words that are one token each, so that their lengths in tokens are exact; every length here counts the
special tokens.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import EmbedTuneError

if TYPE_CHECKING:
    from datasets import Dataset

    from data.prepared import PreparedDataset
    from data.schema import RowKind

DATA_VARIABLE = "EMBED_TUNE_DATASETS"
"""Environment variable with the folder of data sets; the tests read the same one."""

FOLDERS = {"stsb": "stsb_en", "finqa10k": "finqa10k", "scifact": "scifact"}
"""Workload → its folder below the one given by `--data`."""

DRAWN = ("fixed", "generated")
"""Workloads that need no data."""

WORKLOADS = (*FOLDERS, *DRAWN)

MAX_TOKENS = {"stsb": 128, "finqa10k": 256, "scifact": 256, "fixed": 64, "generated": 256}
"""Training texts are cut at this many tokens, in all arms."""


class BenchmarkError(EmbedTuneError):
    """A benchmark cannot be run as asked, or its arms did not do the same work."""


@dataclass(frozen=True)
class Lengths:
    """A log-normal distribution of text lengths in tokens, rounded and clipped to low..high; `sigma` 0 is one fixed length."""

    median: float
    sigma: float
    low: int
    high: int

    def draw(self, rng: np.random.Generator, count: int) -> list[int]:
        """`count` lengths."""
        raw = np.rint(self.median * np.exp(self.sigma * rng.standard_normal(count)))
        return np.clip(raw, self.low, self.high).astype(int).tolist()

    def sentence(self) -> str:
        """In words, for the report."""
        if not self.sigma:
            return f"{self.median:g} tokens exactly"
        return f"log-normal, median {self.median:g}, sigma {self.sigma:g}, clipped to {self.low}..{self.high} tokens"


FIXED = Lengths(64, 0, 64, 64)
SHORT, LONG = Lengths(12, 0.4, 5, 48), Lengths(150, 0.4, 64, 256)
MIXED = Lengths(40, 0.9, 5, 256)
PAIRS = {"fixed": (FIXED, FIXED), "generated": (SHORT, Lengths(60, 0.7, 8, 256))}
"""Lengths of anchors and positives of the drawn training workloads."""

ENCODED = {"mixed": MIXED, "short": SHORT, "long": LONG, "fixed": FIXED}
"""Lengths of the texts to encode."""

LEFT_ALONE = 3
"""Seed of the words that are drawn from the vocabulary; rows are drawn with the benchmark's own seed."""


@dataclass(frozen=True)
class Workload:
    """Training rows, and the data set that they belong to where the result can be scored.

    Attributes:
        name: one of `WORKLOADS`.
        table: columns `sentence1, sentence2, score` or `anchor, positive` (others may stand beside them).
        kind: scored or pair.
        max_tokens: texts are cut there.
        prepared: the loaded data set with its splits; None for drawn rows.
    """

    name: str
    table: Dataset
    kind: RowKind
    max_tokens: int
    prepared: PreparedDataset | None

    @property
    def loss(self) -> str:
        """The project's name of the loss."""
        return "cosine" if self.kind.value == "scored" else "mnrl"


def data_folder(given: str | None, workload: str) -> Path | None:
    """The folder of a workload's data set, None for drawn ones.

    Raises:
        BenchmarkError: it is not there.
    """
    if workload in DRAWN:
        return None
    root = given or os.environ.get(DATA_VARIABLE)
    if root is None:
        raise BenchmarkError(
            f"workload {workload} needs data",
            hint=f"give the folder of data sets with --data or {DATA_VARIABLE}, or use generated",
        )
    folder = Path(root).expanduser() / FOLDERS[workload]
    if not folder.is_dir():
        raise BenchmarkError(f"{folder} is not there", hint=f"--data names the folder that holds {FOLDERS[workload]}")
    return folder


def load_workload(name: str, folder: Path | None, cache: Path, tokenizer: Any, rows: int, seed: int) -> Workload:
    """Read or draw the training rows; the same in every process.

    Args:
        name: one of `WORKLOADS`.
        folder: from `data_folder`.
        cache: the loader's Arrow files are kept here.
        tokenizer: of the model; decides which words are one token.
        rows: how many to draw (read data sets are used whole).
        seed: of the drawing.
    """
    from datasets import Dataset

    from data.load import prepare
    from data.schema import RowKind
    from data.spec import DatasetSpec, SplitSpec

    if folder is not None:
        prepared = prepare(DatasetSpec(source=str(folder)), SplitSpec(), cache)
        return Workload(name, prepared.splits["train"], prepared.kind, MAX_TOKENS[name], prepared)
    rng = np.random.default_rng(seed)
    columns = [draw_texts(tokenizer, lengths.draw(rng, rows), rng) for lengths in PAIRS[name]]
    table = Dataset.from_dict(dict(zip(("anchor", "positive"), columns, strict=True)))
    return Workload(name, table, RowKind.PAIR, MAX_TOKENS[name], None)


def draw_texts(tokenizer: Any, lengths: Sequence[int], rng: np.random.Generator) -> list[str]:
    """Texts of exactly these lengths in tokens, special ones included.

    Raises:
        BenchmarkError: the tokenizer joins words, so that lengths cannot be planned.
    """
    words = np.array(single_token_words(tokenizer))
    special = tokenizer.num_special_tokens_to_add(pair=False)
    texts = [" ".join(rng.choice(words, size=max(1, length - special))) for length in lengths]
    found = [len(ids) for ids in tokenizer(texts)["input_ids"]]
    if any(a != max(b, special + 1) for a, b in zip(found, lengths, strict=True)):
        raise BenchmarkError("texts of planned lengths cannot be drawn with this tokenizer", hint="use a workload with data")
    return texts


def single_token_words(tokenizer: Any, count: int = 2000) -> list[str]:
    """Lower-case ASCII words of the vocabulary that are one token each, at the start of a text and inside it."""
    plain = sorted({word.lstrip("Ġ▁") for word in tokenizer.get_vocab()})
    plain = [word for word in plain if len(word) > 2 and word.isascii() and word.isalpha() and word.islower()]
    np.random.default_rng(LEFT_ALONE).shuffle(plain)
    candidates = plain[: 2 * count]
    ids = tokenizer([f"{word} {word}" for word in candidates], add_special_tokens=False)["input_ids"]
    words = [word for word, found in zip(candidates, ids, strict=True) if len(found) == 2]
    if len(words) < 100:
        raise BenchmarkError("the tokenizer has too few words of one token to draw texts from", hint="use a workload with data")
    return words[:count]
