"""What the three providers' clients send, and that each text gets its own vector, against a real server on loopback."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.support.api_server import ApiServer, Fault, api_server, vector_of
from tests.train.encode.api.conftest import MODELS
from train.config.schema import ModelConfig
from train.encode.api.catalog import KNOWN, Limits
from train.encode.api.encoder import ApiEncoder, open_api_model
from train.encode.contract import Role
from train.errors import ModelError

Connect = Callable[..., ApiEncoder]

TYPES: dict[str, dict[Role, str | None]] = {
    "openai": {"query": None, "document": None, "symmetric": None},
    "cohere": {"query": "search_query", "document": "search_document", "symmetric": "clustering"},
    "voyage": {"query": "query", "document": "document", "symmetric": None},
}


@pytest.mark.parametrize("role", ["query", "document", "symmetric"])
def test_each_text_gets_its_own_vector_in_its_role(connect: Connect, provider: str, role: Role) -> None:
    encoder = connect(provider)
    texts = ["first text", "second", "first text", "dritter Täxt 漢字"]
    found = encoder.encode(texts, role).numpy()
    model = MODELS[provider]
    expected = [vector_of(text, model, TYPES[provider][role], KNOWN[model].dimensions) for text in texts]
    assert found.dtype == np.float32 and np.allclose(found, expected, atol=1e-6)


def test_many_batches_in_parallel_keep_the_order(connect: Connect, api: ApiServer, provider: str) -> None:
    encoder = connect(provider, "small-model")
    encoder.limits = Limits(texts=7, tokens=100_000)
    api.requests.clear()
    api.plan = [Fault(hang=0.2), Fault(hang=0.1)]  # the first requests are answered last
    texts = [f"text number {i}" for i in range(100)]
    found = encoder.encode(texts, "document").numpy()
    expected = [vector_of(text, "small-model", TYPES[provider]["document"], 24) for text in texts]
    assert np.allclose(found, expected, atol=1e-6)
    assert sorted(len(one.get("input") or one["texts"]) for one in api.requests) == [2, *[7] * 14]
    assert (encoder.usage.requests, encoder.usage.texts, encoder.usage.tokens) == (15, 100, 300)


def test_a_request_holds_no_more_tokens_than_it_may(connect: Connect, api: ApiServer) -> None:
    encoder = connect("openai", "small-model")
    encoder.limits = Limits(texts=100, tokens=50)
    api.requests.clear()
    encoder.encode(["word " * 20] * 5, "document")  # about 29 tokens each
    assert [len(one["input"]) for one in api.requests] == [1] * 5


def test_a_model_that_is_not_known_is_asked_for_its_size(connect: Connect, api: ApiServer, provider: str) -> None:
    assert connect(provider, "some-new-model").contract.dimensions == 24
    assert len(api.requests) == 1


@pytest.mark.parametrize(("provider", "model"), [("openai", None), ("cohere", "embed-v4.0"), ("voyage", "voyage-3.5")])
def test_fewer_dimensions_are_asked_of_the_provider(connect: Connect, api: ApiServer, provider: str, model: str | None) -> None:
    encoder = connect(provider, model, dimensions=512)
    assert encoder.encode(["a"], "query").shape == (1, 512)
    assert 512 in (api.requests[-1].get("dimensions"), api.requests[-1].get("output_dimension"))


def test_dimensions_that_a_model_does_not_offer_are_refused(connect: Connect) -> None:
    with pytest.raises(ModelError, match="offers 1536"):
        connect("openai", "text-embedding-ada-002", dimensions=512)
    with pytest.raises(ModelError, match="up to 1536"):
        connect("openai", dimensions=2000)


def test_blank_texts_are_not_sent_and_get_zeros(connect: Connect, api: ApiServer, provider: str) -> None:
    found = connect(provider).encode(["", "a text", " \n"], "query")
    assert found[0].abs().sum() == 0 == found[2].abs().sum() and found[1].norm() > 0.9
    assert len(api.requests) == 1 and connect(provider).encode([], "query").shape[0] == 0


def test_prompts_of_the_config_are_put_before_texts(connect: Connect, api: ApiServer) -> None:
    connect("openai", query_prompt="query: ").encode(["a"], "query")
    assert api.requests[0]["input"] == ["query: a"]


def test_spaces_tell_models_addresses_roles_and_sizes_apart(connect: Connect) -> None:
    one = connect("cohere")
    others = [connect("cohere", "embed-multilingual-v3.0"), connect("cohere", "embed-v4.0", dimensions=1024)]
    spaces = {one.space("query"), one.space("document"), one.space("symmetric"), *(other.space("query") for other in others)}
    assert len(spaces) == 5 and connect("cohere").space("query") == one.space("query")


def test_a_server_of_ones_own_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with api_server(needs_key=False) as server:
        opened = open_api_model(ModelConfig(name="bge-m3", api="openai", base_url=f"{server.url}/openai"))
        assert opened.encoder.encode(["a"], "query").shape == (1, 24)
        assert server.requests[-1]["encoding_format"] == "float"  # not every server speaks base64
    assert "texts are sent to http://127.0.0.1" in opened.origin.sentence()


def test_a_missing_key_is_said_with_its_variable(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "CO_API_KEY", "COHERE_API_KEY", "VOYAGE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ModelError, match="_API_KEY is not set"):
        open_api_model(ModelConfig.model_validate({"name": MODELS[provider], "api": provider}))


def test_a_missing_client_is_said_with_the_command_that_installs_it(provider: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = {"voyage": "voyageai"}.get(provider, provider)
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ModelError, match=rf"pip install {package}$"):
        open_api_model(ModelConfig.model_validate({"name": MODELS[provider], "api": provider, "base_url": "http://127.0.0.1:1"}))
