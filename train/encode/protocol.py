"""The one protocol for "encodes texts", and what a model is once it is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from train.encode.contract import EncodingContract, Role
from train.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

    from train.encode.local import Encoder


class TextEncoder(Protocol):
    """Turns texts into vectors, whatever computes them."""

    @property
    def contract(self) -> EncodingContract:
        """What decides a vector besides the weights."""
        ...

    @property
    def similarity(self) -> Literal["cosine", "dot"]:
        """How two vectors are compared."""
        ...

    def space(self, role: Role) -> str:
        """Return a digest of everything but the text that decides the vector of a text in this role.

        That is: weights (not their name), architecture, tokenizer, prompt, pooling, normalisation, maximum tokens, dimensions and
        precision. Two encoders with equal digests give equal vectors, up to rounding; a retrained model has another one.
        """
        ...

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """Return the vectors of N texts, in their order.

        Args:
            texts: N texts.
            role: decides the prompt.
            progress: show a bar; by default as `data.progress.bars` says.

        Returns:
            [N, D] float32 on the CPU, row i for text i.
        """
        ...


class WrappedEncoder:
    """Base of encoders that stand in front of another one: everything but `encode` is the other's.

    Args:
        encoder: the model, or another encoder that stands in front of it.
    """

    def __init__(self, encoder: TextEncoder) -> None:
        self.encoder = encoder

    @property
    def contract(self) -> EncodingContract:
        """How the model encodes."""
        return self.encoder.contract

    @property
    def similarity(self) -> Literal["cosine", "dot"]:
        """How the model compares two vectors."""
        return self.encoder.similarity

    def space(self, role: Role) -> str:
        """See `TextEncoder.space`."""
        return self.encoder.space(role)


class Origin(Protocol):
    """Where a model came from: a `WeightsOrigin`, or the API that it is behind."""

    @property
    def name(self) -> str:
        """The model's full name."""
        ...

    @property
    def kind(self) -> str:
        """`folder`, `export`, `hub cache`, `package`, `hub` or `api`."""
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
        """Return one line for the terminal."""
        ...


@dataclass
class OpenedModel:
    """A model that is ready to encode.

    Attributes:
        encoder: the model.
        origin: where it came from.
        notes: what the user should read (pooling that was added, …).
    """

    encoder: TextEncoder
    origin: Origin
    notes: list[str] = field(default_factory=list)

    @property
    def device(self) -> str | None:
        """Where it computes (`cpu`, `cuda:0`); None for a model behind an API."""
        device = getattr(getattr(self.encoder, "model", None), "device", None)
        return None if device is None else str(device)

    @property
    def local(self) -> Encoder:
        """The model with its weights, which can be trained, saved and looked into.

        Raises:
            ModelError: it is behind an API, or an exported graph.
        """
        from train.encode.local import Encoder

        if self.origin.kind == "export":
            raise ModelError(
                f"{self.origin.name} is an exported graph, which can only encode: its weights cannot be trained or looked into",
                hint="name the run or the model that it was exported from",
            )
        if not isinstance(self.encoder, Encoder):
            raise ModelError(
                f"{self.origin.name} is behind an API: its weights are not on this machine", hint="name a model with open weights"
            )
        return self.encoder
