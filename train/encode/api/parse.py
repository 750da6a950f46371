"""Which words of a command line name a model behind an API. Nothing heavy is imported here."""

from __future__ import annotations

import re
from typing import Any

from data.errors import nearest
from train.config.addresses import without_login
from train.config.choices import Provider
from train.encode.api.catalog import KNOWN
from train.errors import ModelError

LIKE_AN_API_MODEL = re.compile(r"(text-embedding-|embed-(english|multilingual|v\d)|voyage-)", flags=re.IGNORECASE)


def api_words(word: str) -> dict[str, Any] | None:
    """Return the fields of a `ModelConfig` that a word stands for; None where it does not name a model behind an API.

    Understood are `openai:NAME`, `cohere:NAME`, `voyage:NAME`, with `@http://HOST:PORT/v1` behind it for a server of one's own
    that speaks the protocol, and the bare names of known models.

    Raises:
        ModelError: it begins like such a model, and there is none of that name; or name or address are missing.
        ConfigError: the address holds a password.
    """
    prefix, colon, rest = word.partition(":")
    if colon and prefix.lower() in tuple(Provider):
        return _with_provider(word, Provider(prefix.lower()), rest)
    if word in KNOWN:
        return {"name": word, "api": KNOWN[word].provider}
    if LIKE_AN_API_MODEL.match(word):
        near = nearest(word.lower(), KNOWN, cutoff=0.8)
        meant = f"did you mean {near}? " if near else ""
        raise ModelError(
            f"{word} looks like a model behind an API, but none of that name is known",
            hint=f"{meant}a newer one is written with its provider: openai:NAME, cohere:NAME or voyage:NAME",
        )
    return None


def _with_provider(word: str, provider: Provider, rest: str) -> dict[str, Any]:
    written = re.fullmatch(r"(@?[^@]+)(?:@(https?://.+))?", rest)  # a name may begin with @
    if written is None:
        shown = f"{provider}:{rest.partition('@')[0]}"  # what follows may hold a password
        raise ModelError(
            f"{shown}: a model behind an API is written {provider}:NAME or {provider}:NAME@http://HOST:PORT/v1",
            hint="give a name, and an address that begins with http:// or https:// and holds no password",
        )
    name, address = written.groups()
    known = KNOWN.get(name)
    if address is None and known is not None and known.provider != provider:
        raise ModelError(f"{word}: {name} is a model of {known.provider}", hint=f"write {known.provider}:{name}")
    return {"name": name, "api": provider, **({} if address is None else {"base_url": without_login(address)})}
