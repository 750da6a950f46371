"""Texts and requests that are too long: what is cut is said, what need not be cut is whole, and no text suffers for another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.support.api_server import ApiServer, vector_of
from tests.train.encode.api.conftest import MODELS
from train.encode.api.catalog import Limits
from train.encode.api.encoder import ApiEncoder

Connect = Callable[..., ApiEncoder]

KINDS = {"openai": None, "cohere": "search_document", "voyage": "document"}


def expected(texts: list[str], provider: str, model: str | None = None) -> np.ndarray:
    name = model or MODELS[provider]
    size = {"text-embedding-3-small": 1536, "embed-english-v3.0": 1024, "voyage-large-2": 1536}.get(name, 24)
    return np.array([vector_of(text, name, KINDS[provider], size) for text in texts])


def test_a_text_that_fits_is_sent_whole(connect: Connect, api: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    """English has more than four bytes a token: 500 tokens are 2,150 bytes, and the model reads 512."""
    text = " ".join(["retrieval", "of", "the", "best"] * 125)  # 500 words, 2,374 bytes
    encoder = connect("cohere")
    encoder.encode([text], "document")
    assert api.requests[0]["texts"] == [text]


def test_texts_are_cut_where_the_config_says(connect: Connect, api: ApiServer, capsys: pytest.CaptureFixture[str]) -> None:
    encoder = connect("openai", max_tokens=100)
    encoder.encode(["x" * 1000, "short", "é" * 500], "document")
    assert [len(text.encode()) for text in api.requests[0]["input"]] == [350, 5, 350]
    assert encoder.usage.cut == 2
    encoder.encode(["y" * 1000], "document")
    assert capsys.readouterr().out.count("texts of more than 100 tokens are cut") == 1


def test_cohere_cuts_at_the_token_itself(connect: Connect, api: ApiServer) -> None:
    text = "word " * 50
    found = connect("cohere", "embed-v4.0", max_tokens=10).encode([text], "document").numpy()
    assert api.requests[0]["max_tokens"] == 10 and len(api.requests[0]["texts"][0].split()) > 10  # more than enough is sent
    assert np.allclose(found[0], vector_of("word " * 10, "embed-v4.0", "search_document", found.shape[1]), atol=1e-6)


@pytest.mark.parametrize("words", [9000, 60_000])
def test_a_text_that_the_server_finds_too_long_is_cut_to_what_it_takes(connect: Connect, api: ApiServer, words: int) -> None:
    encoder = connect("openai")
    found = encoder.encode(["a " * words], "document").numpy()
    assert np.allclose(found, expected(["a"], "openai"), atol=1e-6)  # all its words are the same, so only the rest must fit
    assert 0.8 * 8191 < len(api.requests[-1]["input"][0].split()) <= 8191  # and nearly all that may be sent is
    assert len(api.requests) <= 4 and encoder.usage.cut == 1


def test_its_neighbours_are_sent_whole(connect: Connect, api: ApiServer) -> None:
    """A vector may not depend on what was sent in the same request."""
    encoder = connect("openai")
    near = ["b " * 8000, "c " * 8100]  # 16,000 bytes, and less than the 8,191 tokens that it reads
    texts = [near[0], "a b " * 6000, near[1], "d"]
    together = encoder.encode(texts, "document").numpy()
    assert np.allclose(together[[0, 2, 3]], expected([*near, "d"], "openai"), atol=1e-6)
    alone = connect("openai").encode([texts[1]], "document").numpy()
    assert np.array_equal(together[1], alone[0]) and encoder.usage.cut == 1


@pytest.mark.parametrize("provider", ["openai", "voyage"])
def test_too_many_tokens_in_a_request_are_sent_in_two(connect: Connect, api: ApiServer, provider: str) -> None:
    """Tokens are estimated; where there were more, nothing is cut, the request is halved."""
    encoder = connect(provider)
    api.max_total = 10
    texts = [f"three words {i}" for i in range(8)]  # 24 tokens
    found = encoder.encode(texts, "document").numpy()
    assert np.allclose(found, expected(texts, provider), atol=1e-6)
    sizes = [len(body["input"]) for body in api.requests]
    assert sizes == [8, 4, 2, 2, 4, 2, 2] and encoder.usage.cut == 0 and encoder.patience.retries == 0


def test_a_server_that_takes_fewer_texts_gets_fewer(connect: Connect, api: ApiServer) -> None:
    api.max_texts = 4
    texts = [f"text {i}" for i in range(10)]
    assert np.allclose(connect("openai").encode(texts, "document").numpy(), expected(texts, "openai"), atol=1e-6)


def test_servers_of_ones_own_get_as_many_texts_as_they_take_by_default(connect: Connect, api: ApiServer) -> None:
    encoder = connect("openai")
    encoder.encode([f"text {i}" for i in range(70)], "document")
    assert sorted(len(body["input"]) for body in api.requests) == [6, 32, 32] and encoder.window == 128


def test_a_server_that_finds_everything_too_long_is_given_up(connect: Connect, api: ApiServer) -> None:
    from train.errors import ModelError

    encoder = connect("openai")
    api.max_tokens = -1
    with pytest.raises(ModelError, match=r"too long.*HTTP 400"):
        encoder.encode(["some words"], "document")
    assert len(api.requests) < 40


def test_halves_of_characters_are_replaced(connect: Connect, provider: str) -> None:
    """Half a surrogate pair cannot be written in UTF-8; one such text may not cost the others their vectors."""
    found = connect(provider).encode(["bad \ud83d end", "good"], "document").numpy()
    assert np.allclose(found, expected(["bad ? end", "good"], provider), atol=1e-6)


def test_blank_texts_are_said_once(connect: Connect, capsys: pytest.CaptureFixture[str]) -> None:
    encoder = connect("openai")
    encoder.encode(["", " ", "a"], "document")
    encoder.encode([""], "document")
    assert capsys.readouterr().out.count("blank texts are not sent") == 1 and encoder.usage.blank == 3


def test_a_request_holds_no_more_tokens_than_the_model_reads_of_each_text(connect: Connect, api: ApiServer) -> None:
    encoder = connect("cohere")
    encoder.limits = Limits(texts=96, tokens=1100)
    encoder.encode(["word " * 4000] * 4, "document")  # 20,000 bytes each, of which 512 tokens are read
    assert sorted(len(body["texts"]) for body in api.requests) == [2, 2]
