"""What stands in encoding.json: how a model encodes, and vectors of our own texts by which a copy of it can be checked.

Shapes: N texts, D dimensions.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from data.storage import write_json
from train.encode.contract import EncodingContract, Role

FORMAT = 1
"""Format that is written, and the newest that is read."""

NAME = "encoding.json"


class _Part(BaseModel):
    """A part of the file. What another version adds is kept."""

    model_config = ConfigDict(extra="allow", frozen=True)


class Vectors(_Part):
    """An array of vectors: little-endian numbers of one type, row after row, in base64."""

    type: Literal["float32", "float16"] = "float32"
    dimensions: int = Field(ge=1)
    base64: str

    @classmethod
    def of(cls, vectors: np.ndarray, kind: Literal["float32", "float16"] = "float32") -> Vectors:
        """Return the record of an array [N, D]."""
        raw = np.ascontiguousarray(vectors, dtype="<f4" if kind == "float32" else "<f2").tobytes()
        return cls(type=kind, dimensions=vectors.shape[1], base64=base64.b64encode(raw).decode())

    def array(self) -> np.ndarray:
        """Return [N, D] float32.

        Raises:
            ValueError: it is no base64, or not as long as it should be.
        """
        raw = base64.b64decode(self.base64, validate=True)
        return (
            np.frombuffer(raw, dtype="<f4" if self.type == "float32" else "<f2").reshape(-1, self.dimensions).astype(np.float32)
        )


class Hypothesis(_Part):
    """What the model would give if it were served in a certain wrong way; directions only, at unit length.

    Attributes:
        kind: `no prompt`, `prompt twice`, `both prompts`, `pooling`, `left out`, `cut` or `not cut`.
        detail: the other prompt, the pooling, the module that is left out, or the number of tokens.
        texts: [N] numbers of the golden texts.
        vectors: [N, D'] of them; D' is another number than the model's where a module is left out.
    """

    kind: str
    detail: str = ""
    texts: tuple[int, ...]
    vectors: Vectors


class Golden(_Part):
    """The vectors of golden texts under one prompt.

    Attributes:
        prompt: what is put before each text; "" for nothing.
        task: of a model with a router, what it is told of the texts.
        roles: of texts that are read so.
        names: under which the model's files know the prompt, besides the roles.
        texts: [N] numbers of the golden texts.
        vectors: [N, D] of them.
        tokens: [N] tokens of prompt and text with special tokens, nothing cut; None where they cannot be counted.
        hypotheses: what wrongly served copies would give.
    """

    prompt: str
    task: str | None = None
    roles: tuple[Role, ...] = ()
    names: tuple[str, ...] = ()
    texts: tuple[int, ...]
    vectors: Vectors
    tokens: tuple[int, ...] | None = None
    hypotheses: tuple[Hypothesis, ...] = ()

    def called(self) -> str:
        """Return whose texts these are, for people."""
        return " and ".join([*(role.value for role in self.roles), *self.names])


class EncodingFile(_Part):
    """How a model encodes, with vectors that prove it.

    Attributes:
        format: counts changes that older versions cannot read.
        made_by: this program and its version.
        contract: what decides a vector besides the weights.
        prompts: all prompts in the model's files, by name.
        modules: names of the kinds of modules that a text passes.
        weights: digest of all weights, as loaded in fp32.
        versions: of the libraries that computed the vectors.
        device: on which.
        texts: the golden texts.
        token_ids: [N] digest of the token ids of each golden text, without prompt, nothing cut; None where there are none.
        golden: vectors by prompt; each role is in exactly one of them, unless the model has no way for it.
        bf16: largest cosine distance that bf16 makes to the probes; None where it was not measured.
        left_out: what could not be recorded, a sentence each.
    """

    format: int = FORMAT
    made_by: str = ""
    contract: EncodingContract
    prompts: dict[str, str] = Field(default_factory=dict)
    modules: tuple[str, ...] = ()
    weights: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    device: str = ""
    texts: tuple[str, ...]
    token_ids: tuple[str, ...] | None = None
    golden: tuple[Golden, ...]
    bf16: float | None = None
    left_out: tuple[str, ...] = ()

    def of_role(self, role: Role) -> Golden | None:
        """Return the vectors of texts in a role; None where the model has no way for such texts."""
        return next((one for one in self.golden if role in one.roles), None)

    def texts_of(self, numbers: Sequence[int]) -> list[str]:
        """Return golden texts by their numbers."""
        return [self.texts[number] for number in numbers]

    def write(self, folder: Path) -> Path:
        """Write the file into a folder, whole or not at all, and return its path.

        Raises:
            OSError: it cannot be written.
        """
        write_json(folder / NAME, self.model_dump(mode="json"))
        return folder / NAME
