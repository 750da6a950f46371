"""What `--fail-on` says."""

from __future__ import annotations

from dataclasses import dataclass

from train.config.choices import FailOn
from train.errors import ConfigError


@dataclass(frozen=True)
class Condition:
    """What makes a run or a comparison a failure.

    Attributes:
        what: the kind of condition.
        margin: of `worse-than`, the loss that must be ruled out; else None.
    """

    what: FailOn
    margin: float | None = None

    @classmethod
    def read(cls, words: str) -> Condition:
        """Read `worse`, `unproven` or `worse-than=NUMBER`; `regressed` and `no_evidence`, as in report.json, mean the first two.

        Raises:
            ConfigError: it is none of them, or the number is not above 0 and at most 1.
        """
        name, sign, number = words.strip().partition("=")
        try:
            what = FailOn(_IN_JSON.get(name, name))
        except ValueError:
            raise ConfigError(f"--fail-on {words!r} is no condition", hint=_HINT) from None
        if what is not FailOn.WORSE_THAN:
            if sign:
                raise ConfigError(f"--fail-on {what} takes no number, got {words!r}", hint=_HINT)
            return cls(what)
        try:
            margin = float(number)
        except ValueError:
            margin = 0.0
        if not 0 < margin <= 1:
            raise ConfigError(f"--fail-on {what} needs a number above 0 and at most 1, got {words!r}", hint=_HINT)
        return cls(what, margin)

    def __str__(self) -> str:
        return str(self.what) if self.margin is None else f"{self.what}={self.margin:g}"


_IN_JSON = {"regressed": "worse", "no_evidence": "unproven"}
_HINT = "write worse, unproven, or worse-than=NUMBER, such as worse-than=0.02"
