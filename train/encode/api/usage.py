"""What was asked of a provider so far."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class Usage:
    """Counters of what was asked of a provider; several threads add to them.

    Attributes:
        requests: that were answered with vectors.
        texts: in them.
        tokens: that the provider bills; None where it does not say.
        cut: texts that were longer than the model reads (where the server cuts them, those that probably were).
        blank: texts that were not sent.
    """

    requests: int = 0
    texts: int = 0
    tokens: int | None = 0
    cut: int = 0
    blank: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, *, requests: int = 0, texts: int = 0, tokens: int | None = 0, cut: int = 0, blank: int = 0) -> None:
        """Count something."""
        with self._lock:
            self.requests += requests
            self.texts += texts
            self.tokens = None if tokens is None or self.tokens is None else self.tokens + tokens
            self.cut += cut
            self.blank += blank
