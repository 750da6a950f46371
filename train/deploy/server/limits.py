"""How much one request may ask for, and how much may wait."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of a server. Tokens are estimated from characters, before anything is tokenised.

    Attributes:
        body_bytes: of a request.
        texts: of a request; as many as OpenAI takes.
        characters: of a text.
        seconds: that a request may take, waiting included.
        waiting: requests that wait or are worked on.
        waiting_tokens: of these, beside one request, which is always taken.
        batch_tokens: that are encoded together; a request with more takes several batches, between which others get a turn.
        gather_seconds: that a batch waits for further requests: long beside what clients that ask at once are apart, short beside
            the 5 to 30 ms that a single text takes.
    """

    body_bytes: int = 16 << 20
    texts: int = 2048
    characters: int = 200_000
    seconds: float = 60.0
    waiting: int = 256
    waiting_tokens: int = 1 << 19
    batch_tokens: int = 1 << 13
    gather_seconds: float = 0.003


USUAL = Limits()
"""What a server takes unless it is told otherwise."""
