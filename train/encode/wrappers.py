"""The wrappers in front of a model while it is judged, and their order.

From the model outwards: the prompts of a data set, the cache on disk, the other processes, memory; and outermost, where shorter
vectors are wanted, the cut. The cache is asked for one process's share of the texts only; memory holds what all have gathered.

Shapes: N texts, D dimensions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from data.spec import PromptSpec
from train import distributed
from train.encode.cache.cache import VectorCache
from train.encode.cache.encoder import CachedEncoder
from train.encode.contract import EncodingContract, Role
from train.encode.prompts import prompted
from train.encode.protocol import TextEncoder, WrappedEncoder
from train.errors import NotFinite, OutOfMemory

if TYPE_CHECKING:
    from torch import Tensor


def wrapped(
    encoder: TextEncoder, *, cache: VectorCache | None = None, shared: bool = False, remembered: bool = False
) -> TextEncoder:
    """Put the wanted wrappers in front of a model, in the one order.

    Args:
        encoder: the model.
        cache: where vectors are looked for before they are computed; None for nowhere.
        shared: deal the texts to all processes, which must then ask for the same texts at the same time.
        remembered: encode each text once for as long as the weights stay as they are.
    """
    if cache is not None:
        encoder = CachedEncoder(encoder, cache)
    if shared:
        encoder = SharedEncoder(encoder)
    return RememberingEncoder(encoder) if remembered else encoder


def for_judging(
    encoder: TextEncoder,
    prompts: Mapping[str, PromptSpec],
    *,
    cache: VectorCache | None = None,
    shared: bool = False,
    remembered: bool = True,
) -> dict[str, TextEncoder]:
    """Return an encoder for each data set, under its prompts; data sets with equal prompts share one.

    Args:
        encoder: the model.
        prompts: by data set name.
        cache, shared, remembered: see `wrapped`.
    """
    made = {
        one: wrapped(prompted(encoder, one), cache=cache, shared=shared, remembered=remembered) for one in set(prompts.values())
    }
    return {name: made[one] for name, one in prompts.items()}


class RememberingEncoder(WrappedEncoder):
    """Encodes each text of a space once, for as long as the weights stay as they are. Holds 4 · D bytes a text."""

    def __init__(self, encoder: TextEncoder) -> None:
        super().__init__(encoder)
        self._spaces: dict[Role, str] = {}
        self._rows: dict[tuple[str, str], int] = {}
        self._blocks: list[Tensor] = []

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """See `TextEncoder.encode`."""
        import torch

        space = self.space(role)
        new = [text for text in dict.fromkeys(texts) if (space, text) not in self._rows]
        if new:
            start = len(self._rows)
            self._blocks.append(self.encoder.encode(new, role, progress))
            self._rows.update({(space, text): start + i for i, text in enumerate(new)})
        if len(self._blocks) > 1:
            self._blocks = [torch.cat(self._blocks)]
        if not texts:
            return torch.empty(0, self.encoder.contract.dimensions)
        index = torch.tensor([self._rows[(space, text)] for text in texts])
        return self._blocks[0].index_select(0, index)

    def space(self, role: Role) -> str:
        """See `TextEncoder.space`; worked out once. Equal prompts are not enough: an API may be sent the role itself."""
        if role not in self._spaces:
            self._spaces[role] = self.encoder.space(role)
        return self._spaces[role]


class SharedEncoder(WrappedEncoder):
    """Deals the texts to all processes and gathers the vectors. Every process must ask for the same texts at the same time.

    Holds 4 · D bytes a text.
    """

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """See `TextEncoder.encode`."""
        if distributed.world_size() == 1:
            return self.encoder.encode(texts, role, progress)
        import torch

        # dealt out by length, so that every process gets as many tokens as the others
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        shares = [order[start :: distributed.world_size()] for start in range(distributed.world_size())]
        mine = _or_all_stop(lambda: self.encoder.encode([texts[i] for i in shares[distributed.rank()]], role, progress))
        together = distributed.gather_rows(mine, [len(share) for share in shares])
        vectors = torch.empty_like(together)
        vectors[torch.tensor([i for share in shares for i in share], dtype=torch.long)] = together
        return vectors


def _or_all_stop(encode: Callable[[], Tensor]) -> Tensor:
    """Return this process's vectors, if every process has its own; otherwise rank 0 says why, and nobody waits for the others.

    Raises:
        EmbedTuneError: what one of them raised.
    """
    vectors, error = None, None
    try:
        vectors = encode()
    except (NotFinite, OutOfMemory) as raised:
        error = raised
    found = next(filter(None, distributed.collect(None if error is None else (type(error), error.what, error.hint))), None)
    if vectors is None or found is not None:
        if found is not None and distributed.is_main():
            kind, what, hint = found
            raise kind(what, hint=hint) from error
        raise distributed.PeerStopped("another process stopped and says why")
    return vectors


class ShortenedEncoder(WrappedEncoder):
    """Encodes as another encoder does and keeps the first dimensions, at unit length.

    Args:
        encoder: should remember vectors, where several lengths are wanted.
        dimensions: how many are kept.
    """

    def __init__(self, encoder: TextEncoder, dimensions: int) -> None:
        super().__init__(encoder)
        self.dimensions = dimensions

    @property
    def contract(self) -> EncodingContract:
        """The model's, with fewer dimensions of unit length."""
        return dataclasses.replace(self.encoder.contract, dimensions=self.dimensions, normalized=True)

    @property
    def similarity(self) -> Literal["cosine", "dot"]:
        """Cosine: lengths are lost in the cut."""
        return "cosine"

    def space(self, role: Role) -> str:
        """See `TextEncoder.space`."""
        return f"{self.encoder.space(role)}-{self.dimensions}"

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """See `TextEncoder.encode`."""
        from torch.nn.functional import normalize

        return normalize(self.encoder.encode(texts, role, progress)[:, : self.dimensions], dim=1)
