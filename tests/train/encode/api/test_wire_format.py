"""What is sent, and what the loopback server answers, held against the types in the client packages of the providers."""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, Literal, Union, get_args, get_origin

import pytest

from tests.support.api_server import KEY, SCHEMAS, ApiServer, cohere, openai, vector_of, voyage
from tests.train.encode.api.conftest import MODELS
from train.encode.api.encoder import ApiEncoder

Connect = Callable[..., ApiEncoder]


def published(provider: str) -> tuple[dict[str, Any], set[str]]:
    """The type of each field of a request by its name on the wire, and the fields that must be there."""
    if provider == "openai":
        from openai.types import EmbeddingCreateParams

        hints = typing.get_type_hints(EmbeddingCreateParams, include_extras=True)
        return hints, {name for name, kind in hints.items() if get_origin(kind) is typing.Required}
    if provider == "cohere":
        from cohere.v2.client import V2Client as Client
    else:
        from voyageai import Client
    method = Client.embed
    hints = {name: kind for name, kind in typing.get_type_hints(method).items() if name not in ("return", "request_options")}
    defaults = inspect.signature(method).parameters
    required = {name for name in hints if defaults[name].default is inspect.Parameter.empty}
    if provider == "voyage":  # the client's own name for `input`, and what it adds to each request
        hints["input"] = hints.pop("texts")
        hints["encoding_format"] = Literal["base64"] | None
        required = {"input", "model"}  # the API needs a model; the client has a default that it warns of
    return hints, required


def choices(kind: Any) -> set[Any]:
    """The values of a type that lists its values, else nothing."""
    if get_origin(kind) is Literal:
        return set(get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        return set().union(*map(choices, get_args(kind)))
    return set()


def fits(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of a type. `Any` beside a list of values stands for later values, and counts for none."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin is typing.Required:
        return fits(value, inner[0])
    if origin in (Union, types.UnionType):
        listed = [one for one in inner if one is not Any] if choices(kind) else inner
        return any(fits(value, one) for one in listed)
    if origin is Literal:
        return value in inner
    if kind is Any:
        return True
    name = getattr(origin, "__name__", "")
    if origin is not None and (issubclass(origin, collections.abc.Iterable) or "Sequence" in name):
        return isinstance(value, list) and all(fits(one, inner[0]) for one in value)
    return type(value) is kind


def test_the_check_itself_can_fail() -> None:
    hints, _ = published("cohere")
    assert fits("END", hints["truncate"]) and not fits("end", hints["truncate"]) and not fits(3, hints["truncate"])
    assert fits(["a"], hints["texts"]) and not fits("a", hints["texts"]) and not fits([1], hints["texts"])
    hints, required = published("openai")
    assert required == {"input", "model"} and fits(["a"], hints["input"]) and not fits([1.5], hints["input"])
    assert not fits("hex", hints["encoding_format"]) and not fits("12", hints["dimensions"])


@pytest.mark.parametrize("own", [False, True], ids=["plain", "with every setting"])
def test_requests_are_of_the_published_types(connect: Connect, api: ApiServer, provider: str, own: bool) -> None:
    settings: dict[str, Any] = {"max_tokens": 100, "dimensions": 512, "query_prompt": "query: "} if own else {}
    model = {"openai": "text-embedding-3-small", "cohere": "embed-v4.0", "voyage": "voyage-3.5"}[provider]
    for role in ("query", "document", "symmetric"):
        connect(provider, model, **settings).encode(["a text", "another"], role)
    hints, required = published(provider)
    assert len(api.requests) == 3
    for body in api.requests:
        assert required <= set(body)
        for name, value in body.items():
            assert fits(value, hints[name]), f"{name}={value!r} is not {hints[name]}"
        assert ("dimensions" in body or body.get("output_dimension") is not None) is own


def test_the_fields_that_carry_the_meaning(connect: Connect, api: ApiServer) -> None:
    for provider in MODELS:
        connect(provider).encode(["a text"], "query")
    openai, cohere, voyage = api.requests
    assert (openai["model"], openai["input"]) == ("text-embedding-3-small", ["a text"]) and "dimensions" not in openai
    assert (cohere["texts"], cohere["input_type"]) == (["a text"], "search_query")
    assert (cohere["embedding_types"], cohere["truncate"]) == (["float"], "END") and "max_tokens" not in cohere
    assert (voyage["input"], voyage["input_type"], voyage["truncation"]) == (["a text"], "query", True)
    assert api.keys == [f"Bearer {KEY}"] * 3
    assert api.paths == ["/openai/embeddings", "/v2/embed", "/voyage/embeddings"]


def test_the_server_takes_what_the_provider_takes_and_nothing_else(provider: str) -> None:
    """The loopback server is as strict as the published types: the same fields, the same values."""
    hints, required = published(provider)
    schema = SCHEMAS[provider]
    ours = {**schema.required, **schema.optional}
    assert set(schema.required) == required and set(ours) <= set(hints)
    for name, kind in hints.items():
        if name in ours and (listed := choices(kind)):
            assert set(ours[name]) - {None} == listed - {None}, name
    left_out = set(hints) - set(ours)
    assert left_out <= {"images", "inputs", "priority"}  # pictures, and what a text needs not


def test_answers_of_the_server_are_of_the_published_types() -> None:
    from cohere.types import EmbedByTypeResponse
    from openai.types import CreateEmbeddingResponse
    from voyageai.api_resources import VoyageResponse
    from voyageai.object import EmbeddingsObject

    body = {"model": "m", "input": ["one two", "three"]}
    first, second = (vector_of(text, "m", None, 24).tolist() for text in body["input"])
    answer = CreateEmbeddingResponse.model_validate(openai(body), strict=True)
    assert {row.index: row.embedding for row in answer.data} == {0: first, 1: second} and answer.usage.total_tokens == 3
    found = EmbeddingsObject(VoyageResponse.construct_from(voyage(body)))
    assert (found.embeddings, found.total_tokens) == ([first, second], 3)
    told = EmbedByTypeResponse.model_validate(cohere({"model": "m", "input_type": "search_query", "texts": ["one two"]}))
    assert told.embeddings.float_ == [vector_of("one two", "m", "search_query", 24).tolist()]
    assert told.meta is not None and told.meta.billed_units is not None and told.meta.billed_units.input_tokens == 2


@pytest.mark.parametrize(
    "change",
    [{"input_type": "Query"}, {"model": 3}, {"surprise": 1}, {"input": "a"}, {"truncation": "yes"}, {"output_dimension": 7}],
)
def test_the_server_refuses_what_is_not_in_the_schema(change: dict[str, Any]) -> None:
    voyage({"model": "m", "input": ["a"]})
    with pytest.raises(ValueError):
        voyage({"model": "m", "input": ["a"], **change})
