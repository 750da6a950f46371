"""What verifying a copy of a model found: does it give the same vectors, and if not, why."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        code: its short name, which does not change.
        what: is wrong.
        hint: what to do.
        roles: of the texts that it concerns; empty for all.
    """

    code: str
    what: str
    hint: str
    roles: tuple[str, ...] = ()

    def __str__(self) -> str:
        whose = f"{' and '.join(self.roles)} texts: " if self.roles else ""
        return f"{self.code}: {whose}{self.what}\n    What to do: {self.hint}"


@dataclass(frozen=True)
class Difference:
    """How far vectors under one prompt are from the recorded ones.

    Attributes:
        roles: of the texts.
        prompt: before each.
        texts: that were compared.
        cosine: largest cosine distance; None where vectors of different dimensions came back.
        absolute: largest difference of a component; None likewise.
        text: number of the golden text that differs most.
    """

    roles: tuple[str, ...]
    prompt: str
    texts: int
    cosine: float | None
    absolute: float | None
    text: int | None


@dataclass(frozen=True)
class VerifyResult:
    """What was found.

    Attributes:
        model: what was verified.
        against: what it was compared with.
        kind: of copy, which decides the tolerance.
        tolerance: largest cosine distance that is allowed.
        fits: whether it gives the model's vectors.
        differences: by prompt.
        findings: what is wrong.
        notes: what else the user should read.
    """

    model: str
    against: str
    kind: str
    tolerance: float
    fits: bool
    differences: tuple[Difference, ...]
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]

    @property
    def cosine(self) -> float | None:
        """Largest cosine distance; None where some vectors cannot be compared."""
        return _largest([one.cosine for one in self.differences])

    @property
    def absolute(self) -> float | None:
        """Largest difference of a component; None where some vectors cannot be compared."""
        return _largest([one.absolute for one in self.differences])

    def to_dict(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        whole = {"fits": self.fits, "cosine": self.cosine, "absolute": self.absolute}
        return whole | asdict(self)

    def __str__(self) -> str:
        """Return the words for people."""
        head = f"{self.model} {'fits' if self.fits else 'does not fit'} {self.against}"
        lines = [head, *(f"  {self._line(one)}" for one in self.differences)]
        lines += [f"  {one}" for one in self.findings]
        lines += [f"  note: {one}" for one in self.notes]
        return "\n".join(lines)

    def _line(self, one: Difference) -> str:
        whose = " and ".join(one.roles) or "all"
        if one.cosine is None or one.absolute is None:
            return f"{whose}: no vectors that could be compared"
        place = "" if one.text is None or one.cosine <= self.tolerance else f", in golden text {one.text}"
        return (
            f"{whose}: {one.texts} texts, largest cosine distance {one.cosine:.1e} (tolerance {self.tolerance:.0e}, {self.kind}),"
            f" largest difference of a component {one.absolute:.1e}{place}"
        )


def _largest(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.max(known)) if known and len(known) == len(values) else None
