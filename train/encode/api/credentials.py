"""Where requests for a model go, and with which key. Keys come from the environment only and stand in no file and no message."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from train.config.choices import Provider
from train.config.schema import ModelConfig
from train.errors import ModelError

NO_KEY = "none"
"""Sent to servers that ask for no key; the clients insist on one."""
KEYS: dict[Provider, tuple[str, ...]] = {
    Provider.OPENAI: ("OPENAI_API_KEY",),
    Provider.COHERE: ("CO_API_KEY", "COHERE_API_KEY"),
    Provider.VOYAGE: ("VOYAGE_API_KEY",),
}
ADDRESS_VARIABLES: dict[Provider, str] = {
    Provider.OPENAI: "OPENAI_BASE_URL",
    Provider.COHERE: "CO_API_URL",
    Provider.VOYAGE: "VOYAGE_BASE_URL",
}
ADDRESSES: dict[Provider, tuple[str, ...]] = {
    Provider.OPENAI: ("https://api.openai.com/v1",),
    Provider.COHERE: ("https://api.cohere.com",),
    Provider.VOYAGE: ("https://api.voyageai.com/v1", "https://ai.mongodb.com/v1"),
}
"""Of the providers' own servers; the first unless the key says otherwise."""
ATLAS_KEYS = "al-"
"""What keys for Voyage's models begin with that MongoDB gives out; they are for the second address (the client does the same)."""
LOCAL_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


@dataclass(frozen=True)
class Access:
    """Where requests go, and with which key.

    Attributes:
        address: without a slash at its end.
        variable: the environment variable that held the key; None where there is none.
        own: whether this is another server than the provider's.
        key: what is sent.
    """

    address: str
    variable: str | None
    own: bool
    key: str = field(repr=False)


def address_of(config: ModelConfig) -> str:
    """Return where requests for a model go: `model.base_url`, or what the environment says, or the provider's own server."""
    if config.api is None:
        raise ValueError("the model is not behind an API")
    given = config.base_url or os.environ.get(ADDRESS_VARIABLES[config.api], "").strip()
    if given:
        return given.rstrip("/")
    official = ADDRESSES[config.api]
    key = next((os.environ[name].strip() for name in KEYS[config.api] if os.environ.get(name)), "")
    return official[-1] if key.startswith(ATLAS_KEYS) else official[0]


def is_official(config: ModelConfig) -> bool:
    """Tell whether requests for a model go to its provider."""
    return config.api is not None and address_of(config) in ADDRESSES[config.api]


def in_own_network(address: str) -> bool:
    """Tell whether an address is on this machine or in a private network, as far as its form tells."""
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(LOCAL_NAMES)


def access_of(config: ModelConfig) -> Access:
    """Return address and key for a model. A server of one's own may need no key.

    Raises:
        ModelError: the provider needs a key and none is set, or what is set cannot be one.
    """
    if config.api is None:
        raise ValueError("the model is not behind an API")
    address, official = address_of(config), is_official(config)
    variable = next((name for name in KEYS[config.api] if os.environ.get(name, "").strip()), None)
    if variable is None and official:
        raise ModelError(
            f"{config.api}:{config.name} needs a key, and {KEYS[config.api][0]} is not set",
            hint=f"set the environment variable {KEYS[config.api][0]}; keys are read from nowhere else",
        )
    key = NO_KEY if variable is None else os.environ[variable].strip()
    if not re.fullmatch(r"[!-~]+", key):  # the clients' own messages about such a key would show it
        raise ModelError(
            f"{variable} holds characters that cannot occur in a key", hint="set it again, without spaces or line breaks"
        )
    return Access(address, variable, not official, key)
