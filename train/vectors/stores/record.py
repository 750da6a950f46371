"""What stands beside vectors in a store: the model that made them, its contract and its run. Nothing else may be added to them.

A store keeps it where nobody meets it by chance: Qdrant in the collection's metadata, FAISS in a file beside the index.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from data.errors import DataError
from data.storage import digest
from train.errors import ModelError, RunError
from train.vectors.files import VectorInfo

KEY = "embed-tune"
"""Under which the record stands in the metadata of a Qdrant collection."""
SAME = {"role": "role", "precision": "--precision", "similarity": "similarity", "dimensions": "number of dimensions"}
"""What vectors of one collection have in common besides the space, and how it is called."""
ANEW = "name another one, or make this one anew with --overwrite"


@dataclass(frozen=True)
class UploadState:
    """The last upload: a digest of all that it brings, how many of its parts have arrived, and of how many."""

    key: str
    done: int
    of: int

    @property
    def whole(self) -> bool:
        """Whether everything has arrived."""
        return self.done == self.of


@dataclass(frozen=True)
class StoreRecord:
    """What a collection or an index holds.

    Attributes:
        info: model, space, role, precision, contract and run of the vectors; its number of rows is not recorded.
        upload: the last one.
        date: of the last upload.
        own: what one kind of store records besides.
    """

    info: VectorInfo
    upload: UploadState
    date: str = field(default_factory=lambda: datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
    own: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what is written into the store."""
        info = {key: value for key, value in self.info.as_json().items() if key not in ("rows", "ranges")}
        state = {"key": self.upload.key, "parts": self.upload.done, "of": self.upload.of}
        return {**info, "unit_length": self.info.similarity == "cosine", "date": self.date, "upload": state, **self.own}

    @classmethod
    def from_json(cls, content: Any, place: str) -> StoreRecord:
        """Read what `as_json` gave.

        Raises:
            RunError: it is not of that form.
        """
        try:
            info = VectorInfo.from_json({**content, "rows": 0, "ranges": None})
            state = UploadState(str(content["upload"]["key"]), int(content["upload"]["parts"]), int(content["upload"]["of"]))
            return cls(info, state, str(content["date"]), content)
        except (TypeError, KeyError, ValueError) as error:
            raise RunError(f"{place}: its record cannot be read ({error})", hint=ANEW) from None

    def refuse_other(self, info: VectorInfo, place: str) -> None:
        """Refuse vectors that cannot be compared with those that are there.

        Raises:
            ModelError: they are another model's, or of another kind.
        """
        if info.space != self.info.space:
            raise ModelError(
                f"{place} holds vectors of {named(self.info)}, and these are of {named(info)}: another model, other weights or"
                " other settings",
                hint=ANEW,
            )
        for what, word in SAME.items():
            there, new = getattr(self.info, what), getattr(info, what)
            if there != new:
                raise ModelError(f"{place} holds vectors with {word} {there}, and these have {new}", hint=ANEW)


def named(info: VectorInfo) -> str:
    """Return the model of vectors in words by which two of the same label can be told apart."""
    run = f", run {info.run}" if info.run and info.run != info.label else ""
    return f"{info.label} (space {info.space[:8]}{run})"


def foreign(place: str) -> RunError:
    """Return the error for vectors of which nothing is known."""
    return RunError(
        f"{place} is there, and which model its vectors are from is not recorded: embed-tune did not make it", hint=ANEW
    )


def refuse_unknown(info: VectorInfo, place: str) -> None:
    """Refuse vectors of which the model is not known.

    Raises:
        ModelError: it is not.
    """
    if not info.space:
        raise ModelError(f"{place} does not say which model made the vectors", hint="embed the texts with this version")


def number_of(identity: str) -> int:
    """Return the number that stands for an id where a store takes numbers: 0..2^63 − 1, equal on every machine.

    Of a million ids two meet with a probability of 5 · 10⁻⁸ (birthday bound); `refuse_recurring` would find them.
    """
    return int(digest(identity)[:16], 16) >> 1


def refuse_recurring(ids: Iterable[str], place: str) -> np.ndarray:
    """Return the numbers of ids, int64 [N]; refuse ids that recur: a store keeps one vector an id, and would lose the others.

    Raises:
        DataError: one recurs.
    """
    names: list[str] = []
    chunks: list[np.ndarray] = []
    for name in ids:
        names.append(name)
        if len(names) == 1 << 16:
            chunks.append(np.fromiter(map(number_of, names), dtype=np.int64, count=len(names)))
            names.clear()
    chunks.append(np.fromiter(map(number_of, names), dtype=np.int64, count=len(names)))
    numbers = np.concatenate(chunks)
    order = np.argsort(numbers, kind="stable")
    again = np.flatnonzero(numbers[order][1:] == numbers[order][:-1])
    if len(again):
        rows = min((int(order[place]), int(order[place + 1])) for place in again)
        raise DataError(
            f"{len(again):,} ids come more than once, for instance that of texts {rows[0] + 1:,} and {rows[1] + 1:,}, and a store"
            " keeps one vector an id",
            where=place,
            hint="give each text an id of its own, or take another column with --id-column NAME",
        )
    return numbers
