"""What encodes texts, and what a model is once it is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from train.encode.contract import EncodingContract, Role

if TYPE_CHECKING:
    from torch import Tensor


class TextEncoder(Protocol):
    """What everything that turns texts into vectors offers, whatever computes them."""

    @property
    def contract(self) -> EncodingContract:
        """What decides a vector besides the weights."""
        ...

    @property
    def similarity(self) -> Literal["cosine", "dot"]:
        """How two vectors are compared."""
        ...

    def space(self, role: Role) -> str:
        """A digest of everything but the text that decides the vector of a text in this role.

        That is: weights (not their name), architecture, tokenizer, prompt, pooling, normalisation, maximum tokens, dimensions and
        precision. Two encoders with equal digests give equal vectors, up to rounding; a retrained model has another one.
        """
        ...

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """[N, D] float32 on the CPU, row i for text i."""
        ...


class Origin(Protocol):
    """Where a model came from: a `WeightsOrigin`, or the API that it is behind."""

    @property
    def name(self) -> str:
        """The model's full name."""
        ...

    @property
    def kind(self) -> str:
        """`folder`, `hub cache`, `package`, `hub` or `api`."""
        ...

    @property
    def revision(self) -> str | None:
        """Commit on the Hub, where known."""
        ...

    @property
    def sha256(self) -> str | None:
        """Of the weights file, where there is exactly one."""
        ...

    def sentence(self) -> str:
        """One line for the terminal."""
        ...


@dataclass
class OpenedModel:
    """A model that is ready to encode.

    Attributes:
        encoder: the model.
        origin: where it came from.
        notes: what the person should read (pooling that was added, …).
    """

    encoder: TextEncoder
    origin: Origin
    notes: list[str] = field(default_factory=list)

    @property
    def device(self) -> str | None:
        """Where it computes (`cpu`, `cuda:0`); None for a model behind an API."""
        device = getattr(getattr(self.encoder, "model", None), "device", None)
        return None if device is None else str(device)
