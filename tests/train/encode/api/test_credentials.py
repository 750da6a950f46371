"""Where requests go and with which key, that keys stay out of everything that is written, and which settings have no meaning."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest
from pydantic import ValidationError

from tests.support.api_server import KEY, ApiServer, Fault
from tests.train.encode.api.conftest import MODELS
from train.config.schema import ModelConfig
from train.encode.api.credentials import access_of, address_of, in_own_network
from train.encode.api.encoder import ApiEncoder, open_api_model
from train.encode.api.parse import api_words
from train.encode.open import open_model
from train.errors import ConfigError, ModelError

Connect = Callable[..., ApiEncoder]


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "CO_API_KEY", "COHERE_API_KEY", "VOYAGE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_addresses_come_from_the_config_then_the_environment_then_the_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    config = ModelConfig(name="m", api="openai")
    assert address_of(config) == "https://api.openai.com/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "http://env:1/v1/")
    assert address_of(config) == "http://env:1/v1"
    assert address_of(config.model_copy(update={"base_url": "http://own:2/v1/"})) == "http://own:2/v1"


def test_keys_of_mongodb_go_to_mongodb_as_the_client_sends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from voyageai.util import get_default_base_url

    config = ModelConfig(name="voyage-3.5", api="voyage")
    for key in ("al-abc", "pa-abc"):
        monkeypatch.setenv("VOYAGE_API_KEY", key)
        assert access_of(config).address == get_default_base_url(key) and not access_of(config).own


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("http://localhost:8080/v1", True),
        ("http://127.0.0.1/v1", True),
        ("http://[::1]:80/v1", True),
        ("http://192.168.1.5:8000/v1", True),
        ("http://tei:80/v1", True),
        ("http://box.local/v1", True),
        ("https://api.openai.com/v1", False),
        ("https://api.example.org/v1", False),
        ("http://8.8.8.8/v1", False),
        ("https://localhost.example.org/v1", False),
    ],
)
def test_what_is_in_ones_own_network(address: str, own: bool) -> None:
    assert in_own_network(address) is own


@pytest.mark.parametrize("key", ["sk-\nabc", "sk abc", "sk-ä"])
def test_a_key_that_cannot_be_one_is_refused_without_being_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ModelError, match="OPENAI_API_KEY holds characters") as refused:
        open_api_model(ModelConfig(name="text-embedding-3-small", api="openai"))
    assert key not in str(refused.value)


def test_the_key_is_in_nothing_that_is_printed_or_logged(
    connect: Connect, api: ApiServer, provider: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("OPENAI_API_KEY", "CO_API_KEY", "VOYAGE_API_KEY"):
        monkeypatch.setenv(name, KEY)
    caplog.set_level(logging.DEBUG)
    encoder = connect(provider)
    api.plan = [None, Fault(status=500, words="down"), None, Fault(status=400, words="bad")]
    encoder.encode(["a"], "query")
    encoder.encode(["a"], "query")
    with pytest.raises(ModelError) as refused:
        encoder.encode(["a"], "query")
    shown = [caplog.text, repr(encoder), repr(encoder.patience), repr(encoder.client.access), repr(refused.value)]
    assert len(api.requests) == 4 and api.keys == [f"Bearer {KEY}"] * 4
    assert caplog.records and KEY not in "".join(shown)


def test_it_is_said_that_a_key_goes_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    config = ModelConfig(name="text-embedding-3-small", api="openai", base_url="http://127.0.0.1:9/v1")
    assert not any("key" in note for note in open_api_model(config).notes)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    notes = open_api_model(config).notes
    assert "the key in OPENAI_API_KEY is sent to http://127.0.0.1:9/v1" in notes and KEY not in "".join(notes)


@pytest.mark.parametrize("address", ["http://me:secret-7@host/v1", "https://secret-7@host/v1"])
def test_a_login_in_an_address_is_refused_without_being_shown(address: str) -> None:
    with pytest.raises((ConfigError, ValidationError), match="password") as refused:
        ModelConfig(name="m", api="openai", base_url=address)
    assert "secret-7" not in str(refused.value)
    with pytest.raises((ConfigError, ModelError), match="password") as refused:
        api_words(f"openai:m@{address}")
    assert "secret-7" not in str(refused.value)


@pytest.mark.parametrize("settings", [{"pooling": "mean"}, {"revision": "main"}])
def test_settings_without_a_meaning_are_refused(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    config = ModelConfig.model_validate({"name": "text-embedding-3-small", "api": "openai", **settings})
    with pytest.raises(ModelError, match=f"model.{next(iter(settings))} has no meaning"):
        open_model(config)


def test_a_model_behind_an_api_has_no_weights_to_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    opened = open_model(ModelConfig(name="text-embedding-3-small", api="openai"))
    assert opened.device is None
    with pytest.raises(ModelError, match="weights are not on this machine") as refused:
        _ = opened.local
    assert refused.value.hint == "name a model with open weights"


def test_an_address_without_an_api_is_refused() -> None:
    with pytest.raises(ModelError, match="base_url is for models behind an API"):
        open_model(ModelConfig(name="all-MiniLM-L6-v2", base_url="http://localhost/v1"))


def test_a_model_that_the_client_would_load_onto_this_machine_is_refused() -> None:
    """Voyage's client would download weights, whatever the address."""
    local = pytest.importorskip("voyageai.local.model_registry", reason="this release of the client loads no models")
    for name in local.SUPPORTED_MODELS:
        with pytest.raises(ModelError, match=f"voyageai/{name}"):
            open_api_model(ModelConfig(name=name, api="voyage", base_url="http://127.0.0.1:9"))


def test_servers_that_differ_have_spaces_of_their_own_and_a_slash_is_no_difference(
    connect: Connect, api: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    one = connect("openai")
    assert connect("openai", base_url=f"{api.url}/openai/").space("query") == one.space("query")
    assert connect("openai", base_url=f"{api.url}/other").space("query") != one.space("query")
    assert connect("openai", max_tokens=8191).space("query") != one.space("query")  # it is cut in another place


@pytest.mark.parametrize("provider", list(MODELS))
def test_what_comes_with_a_word_is_what_the_encoder_uses(provider: str, api: ApiServer) -> None:
    address = {"openai": f"{api.url}/openai", "cohere": api.url, "voyage": f"{api.url}/voyage"}[provider]
    api.needs_key = False
    fields = api_words(f"{provider}:{MODELS[provider]}@{address}")
    assert fields is not None
    opened = open_model(ModelConfig.model_validate(fields))
    assert opened.encoder.encode(["a"], "query").shape[0] == 1 and len(api.requests) == 1
    assert opened.origin.kind == "api" and opened.origin.sha256 is None
