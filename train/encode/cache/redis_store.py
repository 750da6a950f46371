"""Vectors in Redis, where several machines share them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from data.errors import reason
from train.config.addresses import without_password
from train.encode.cache.protocol import StoreError
from train.errors import ConfigError

if TYPE_CHECKING:
    from redis import Redis

KEYS_AT_ONCE = 1000
"""Keys in one MGET, and values in one pipeline."""
PATIENCE = 5.0
"""Seconds until a server that does not answer counts as gone."""
NAMESPACE = "embed-tune"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
FORM = "redis://HOST:PORT/DB?namespace=NAME&ttl=7d"


class RedisStore:
    """Vectors in a Redis database, each under `namespace:key`.

    Args:
        url: redis:// or rediss:// with host, port and database; in its query `namespace` (default embed-tune) and `ttl`, after
            which a vector that was not written again expires (`90s`, `15m`, `12h`, `7d`; never by default). User and password
            come from REDIS_USERNAME and REDIS_PASSWORD.

    Raises:
        ConfigError: the address is wrong, or the client is not installed.
        StoreError: the server does not answer.
    """

    def __init__(self, url: str) -> None:
        self._address = _Address(url)
        self._client = _connect(self._address)
        with self._watched():
            self._client.ping()

    @property
    def name(self) -> str:
        """Address without user and password, and the namespace."""
        return self._address.shown

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See `VectorStore`."""
        out: list[bytes | None] = []
        with self._watched():
            for start in range(0, len(keys), KEYS_AT_ONCE):
                found: Any = self._client.mget([self._address.prefix + key for key in keys[start : start + KEYS_AT_ONCE]])
                out += found
        return out

    def put_many(self, keys: Sequence[bytes], values: Sequence[bytes]) -> None:
        """See `VectorStore`."""
        with self._watched():
            for start in range(0, len(keys), KEYS_AT_ONCE):
                pipeline = self._client.pipeline(transaction=False)
                part = slice(start, start + KEYS_AT_ONCE)
                for key, value in zip(keys[part], values[part], strict=True):
                    pipeline.set(self._address.prefix + key, value, ex=self._address.ttl)
                pipeline.execute()

    def close(self) -> None:
        """See `VectorStore`."""
        self._client.close()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        from redis.exceptions import RedisError

        try:
            yield
        except (RedisError, OSError) as error:
            raise StoreError(self._address.without_secrets(f"{self.name}: {reason(error)}")) from None


class _Address:
    """A redis:// address taken apart.

    Attributes:
        shown: for people, without user and password.
        prefix: of every key.
        ttl: seconds until a vector expires; None for never.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(without_password(url))
        query = parse_qs(parts.query, keep_blank_values=True)
        try:
            self.host, self.port = parts.hostname or "localhost", parts.port or 6379
            self.database = int(parts.path.strip("/") or 0)
        except ValueError:
            raise ConfigError(
                "the address of the vector cache has no valid port or database number", hint=f"write {FORM}"
            ) from None
        if unknown := sorted(set(query) - {"namespace", "ttl"}):
            raise ConfigError(f"the address of the vector cache has an unknown part {unknown[0]!r}", hint=f"write {FORM}")
        self.secure = parts.scheme == "rediss"
        self.user = unquote(parts.username or "") or os.environ.get("REDIS_USERNAME") or None
        self.password = os.environ.get("REDIS_PASSWORD") or None
        self.ttl = _seconds(query["ttl"][0]) if "ttl" in query else None
        namespace = query.get("namespace", [NAMESPACE])[0]
        if not namespace:
            raise ConfigError("the address of the vector cache has an empty namespace", hint=f"write {FORM}")
        self.prefix = namespace.encode() + b":"
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.shown = f"{parts.scheme}://{host}:{self.port}/{self.database} ({namespace})"

    def without_secrets(self, text: str) -> str:
        """Return the text with the password struck out, should a library have put it there."""
        return text.replace(self.password, "***") if self.password else text


def _seconds(text: str) -> int:
    match = re.fullmatch(r"([1-9]\d*)([smhd]?)", text)
    if match is None:
        raise ConfigError(f"ttl={text} of the vector cache is not a duration", hint="write 90s, 15m, 12h or 7d")
    return int(match[1]) * _UNITS[match[2] or "s"]


def _connect(address: _Address) -> Redis:
    try:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise ConfigError("Redis needs its client", hint="install it: pip install redis hiredis") from None
    return Redis(
        host=address.host,
        port=address.port,
        db=address.database,
        username=address.user,
        password=address.password,
        ssl=address.secure,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
        retry=Retry(NoBackoff(), 1),  # a connection that the server closed while it was idle
    )
