"""An exported model as a `TextEncoder`: tokens by the library `tokenizers`, vectors by the graph.

Shapes: N texts, T tokens, D dimensions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from data.progress import progress as bar_of
from data.storage import digest
from train.encode.contract import EncodingContract, Role
from train.encode.exported.record import ExportRecord
from train.encode.exported.runtime import Runtime
from train.encode.finite import checked_vectors
from train.encode.pace import encoded
from train.encode.tokens.eligibility import encodable

if TYPE_CHECKING:
    from torch import Tensor

BATCH_TOKENS = 4096
"""Tokens of a batch: on a CPU larger ones are no faster, and the tensors of attention scores grow."""
WINDOW = 1024
"""Texts that are tokenised at a time."""


@dataclass
class ExportedEncoder:
    """Encodes texts with an exported graph.

    Attributes:
        contract: how it encodes; its prompts may be others than those of the export.
        record: of the export.
        folder: that it lies in.
        tokenizer: of `tokenizers`, with truncation set and without padding.
        runtime: with the graph loaded.
        name: of the model, for messages.
        batch_size: most texts in one run of the graph.
    """

    contract: EncodingContract
    record: ExportRecord
    folder: Path
    tokenizer: Any
    runtime: Runtime
    name: str = "the model"
    batch_size: int = 64

    @property
    def similarity(self) -> Literal["cosine", "dot"]:
        """How the model compares two vectors."""
        return self.contract.similarity

    def space(self, role: Role) -> str:
        """See `TextEncoder.space`."""
        own = self.contract
        parts = [
            "exported",
            sorted(self.record.files.values()),
            sorted(self.runtime.identity.items()),
            own.prompt(role),
            own.max_tokens,
            own.dimensions,
            own.normalized,
        ]
        return digest(json.dumps(parts))

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """Return [N, D] float32 vectors of N texts, in their order; see `TextEncoder.encode`.

        Texts of equal length share a batch, so that none is padded: the vector of a text does not depend on its company, but for
        rounding.

        Raises:
            NotFinite: a vector holds NaN or infinity.
        """
        import torch

        prompt, width = self.contract.prompt(role), self.contract.dimensions
        found = np.empty((len(texts), width), dtype=np.float32)
        with bar_of("encoding", len(texts), "text", wanted=progress) as tick:
            for start in range(0, len(texts), WINDOW):
                window = texts[start : start + WINDOW]
                tokens = self.tokenizer.encode_batch([encodable(prompt + text) for text in window])
                ids = [np.asarray(one.ids, dtype=np.int64) for one in tokens]
                for rows in batches([len(one) for one in ids], self.batch_size):
                    block = np.stack([ids[row] for row in rows])
                    found[[start + row for row in rows]] = self.runtime.run(block, np.ones_like(block))
                    tick(len(rows))
                encoded(window)
        return checked_vectors(torch.from_numpy(found), texts, width, self.name, torch.nn.Module())

    def count_tokens(self, texts: Sequence[str], role: Role) -> list[int]:
        """Return how many tokens the graph reads of each text: with the prompt, and cut at the limit."""
        prompt = self.contract.prompt(role)
        return [len(one.ids) for one in self.tokenizer.encode_batch([encodable(prompt + text) for text in texts])]


def batches(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Yield the numbers of rows that go together: rows of one length, at most so many, at most `BATCH_TOKENS` tokens."""
    order = sorted(range(len(lengths)), key=lambda row: lengths[row])
    rows: list[int] = []
    for row in order:
        full = len(rows) >= most or (len(rows) + 1) * lengths[row] > BATCH_TOKENS
        if rows and (full or lengths[row] != lengths[rows[0]]):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows
