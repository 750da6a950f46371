"""Which words of a command line name a model behind an API. Nothing heavy is imported here."""

from __future__ import annotations

import difflib
import re
from typing import Any

from train.encode.api.known import KNOWN
from train.errors import ModelError

PROVIDERS = ("openai", "cohere", "voyage")
LIKE_AN_API_MODEL = re.compile(r"(text-embedding-|embed-(english|multilingual|v\d)|voyage-)", flags=re.IGNORECASE)


def api_words(word: str) -> dict[str, Any] | None:
    """The fields of a `ModelConfig` that a word stands for; None where it does not name a model behind an API.

    Understood are `openai:NAME`, `cohere:NAME`, `voyage:NAME`, with `@http://HOST:PORT/v1` behind it for a server of one's own
    that speaks the protocol, and the bare names of known models.

    Raises:
        ModelError: it begins like such a model, and there is none of that name; or name or address are missing.
    """
    prefix, colon, rest = word.partition(":")
    if colon and prefix.lower() in PROVIDERS:
        name, at, address = rest.partition("@")
        if not name or (at and not re.match(r"https?://", address)):
            raise ModelError(f"{word}: a model behind an API is written {prefix}:NAME or {prefix}:NAME@http://HOST:PORT/v1")
        return {"name": name, "api": prefix.lower(), **({"base_url": address} if at else {})}
    if word in KNOWN:
        return {"name": word, "api": KNOWN[word].provider}
    if LIKE_AN_API_MODEL.match(word):
        near = difflib.get_close_matches(word.lower(), KNOWN, n=1, cutoff=0.8)
        meant = f"did you mean {near[0]}? " if near else ""
        raise ModelError(
            f"{word} looks like a model behind an API, and none of that name is known",
            mend=f"{meant}a newer one is written with its provider: openai:NAME, cohere:NAME or voyage:NAME",
        )
    return None
