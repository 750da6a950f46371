"""A loopback server and encoders that ask it, with waiting that takes no time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.api_server import KEY, ApiServer, api_server
from train.config.schema import ModelConfig
from train.encode.api.credentials import ADDRESS_VARIABLES
from train.encode.api.encoder import ApiEncoder
from train.encode.open import open_model

PATHS = {"openai": "/openai", "cohere": "", "voyage": "/voyage"}
MODELS = {"openai": "text-embedding-3-small", "cohere": "embed-english-v3.0", "voyage": "voyage-large-2"}


@pytest.fixture(autouse=True)
def no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No address of the person at the keyboard leads a test out of this machine."""
    for name in ADDRESS_VARIABLES.values():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    for name in ("OPENAI_API_KEY", "CO_API_KEY", "VOYAGE_API_KEY"):
        monkeypatch.setenv(name, KEY)
    with api_server() as server:
        yield server


@pytest.fixture
def waits() -> list[float]:
    """Seconds that were waited, were it not a test."""
    return []


@pytest.fixture(params=["openai", "cohere", "voyage"])
def provider(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def connect(api: ApiServer, waits: list[float]) -> Callable[..., ApiEncoder]:
    """Opens a provider's model on the loopback server."""

    def opened(provider: str, model: str | None = None, **settings: object) -> ApiEncoder:
        fields = {"name": model or MODELS[provider], "api": provider, "base_url": api.url + PATHS[provider], **settings}
        encoder = open_model(ModelConfig.model_validate(fields)).encoder
        assert isinstance(encoder, ApiEncoder)
        encoder.patience.sleep = waits.append
        return encoder

    return opened
