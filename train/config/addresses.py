"""Addresses in settings, which are written to files and must hold no secret."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from train.errors import ConfigError


def without_login(address: str) -> str:
    """Return the address of a model's server if it holds no secret: it is written to files.

    Raises:
        ConfigError: it holds a user's name or password, or is malformed. The message does not repeat it.
    """
    try:
        host = urlsplit(address).netloc
    except ValueError:
        raise ConfigError("the address of the model's server is malformed", hint="write http://HOST:PORT/v1") from None
    if "@" in host:
        raise ConfigError(
            "model.base_url contains a user name or a password, but settings are written to files",
            hint="leave it out of the address; the key comes from the environment (OPENAI_API_KEY, CO_API_KEY, VOYAGE_API_KEY)",
        )
    return address


def without_password(address: str) -> str:
    """Return the address of a vector cache if it holds no secret: it is written to files.

    Raises:
        ConfigError: it holds a password (or what may be one), or is malformed. The message does not repeat it.
    """
    try:
        query = parse_qs(urlsplit(address).query)
    except ValueError:
        raise ConfigError("the address of the vector cache is malformed", hint="write redis://HOST:PORT/DB") from None
    before, at, _ = address.partition("://")[2].rpartition("@")  # a password may hold /, ? and #, which end a host
    if (at and ":" in before) or "password" in query:
        raise ConfigError(
            "the address of the vector cache contains a password, but settings are written to files",
            hint="set REDIS_PASSWORD (and REDIS_USERNAME) and leave it out of the address",
        )
    return address
