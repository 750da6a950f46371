"""Everything that can go wrong between here and a provider ends in the right vectors or in a sentence, never with a key in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import numpy as np
import pytest

from tests.support.api_server import KEY, ApiServer, Fault, vector_of
from tests.train.encode.api.conftest import MODELS
from train.encode.api import providers
from train.encode.api.catalog import Limits
from train.encode.api.encoder import ApiEncoder
from train.errors import ModelError

Connect = Callable[..., ApiEncoder]


def assert_right(encoder: ApiEncoder, provider: str) -> None:
    kind = {"openai": None, "cohere": "search_document", "voyage": "document"}[provider]
    found = encoder.encode(["a text"], "document").numpy()[0]
    assert np.allclose(found, vector_of("a text", MODELS[provider], kind, len(found)), atol=1e-6)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_asked_again(connect: Connect, api: ApiServer, provider: str, status: int, waits: list[float]) -> None:
    encoder = connect(provider)
    api.plan = [Fault(status=status), Fault(status=status)]
    assert_right(encoder, provider)
    assert len(api.requests) == 3 and len(waits) == 2
    assert 0.7 < waits[0] <= 1 and 1.4 < waits[1] <= 2  # twice as long each time, less a little chance


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_honoured(connect: Connect, api: ApiServer, provider: str, form: str, waits: list[float]) -> None:
    encoder = connect(provider)
    value = "17" if form == "seconds" else formatdate(time.time() + 17, usegmt=True)
    api.plan = [Fault(status=429, headers={"Retry-After": value})]
    assert_right(encoder, provider)
    assert len(waits) == 1 and waits[0] == pytest.approx(17, abs=2)


def test_waiting_has_an_end(connect: Connect, api: ApiServer, provider: str, waits: list[float]) -> None:
    encoder = connect(provider)
    api.plan = [Fault(status=429, headers={"Retry-After": "200"})] * 5
    with pytest.raises(ModelError, match=r"HTTP 429.*asked 2 times") as refused:
        encoder.encode(["a text"], "document")
    assert waits == [200.0] and KEY not in str(refused.value)


def test_a_server_that_fails_for_ever_is_given_up(connect: Connect, api: ApiServer, provider: str, waits: list[float]) -> None:
    encoder = connect(provider)
    api.plan = [Fault(status=500)] * 50
    with pytest.raises(ModelError, match=r"HTTP 500.*asked 8 times") as refused:
        encoder.encode(["a text"], "document")
    assert len(api.requests) == 8 and sum(waits) < 300 and "try again later" in str(refused.value)


@pytest.mark.parametrize(
    ("status", "what"), [(401, "key is not accepted"), (403, "key is not allowed"), (404, "no such model"), (400, "refused")]
)
def test_what_does_not_pass_is_asked_once(
    connect: Connect,
    api: ApiServer,
    provider: str,
    status: int,
    what: str,
    waits: list[float],
    capsys: pytest.CaptureFixture[str],
) -> None:
    encoder = connect(provider)
    api.plan = [Fault(status=status)] * 3
    with pytest.raises(ModelError, match=what) as refused:
        encoder.encode(["a text"], "document")
    assert len(api.requests) == 1 and waits == []
    assert KEY not in str(refused.value) + capsys.readouterr().out


def test_a_wrong_key_is_not_repeated(
    connect: Connect, api: ApiServer, provider: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("OPENAI_API_KEY", "CO_API_KEY", "VOYAGE_API_KEY"):
        monkeypatch.setenv(name, "sk-wrong-42")
    with pytest.raises(ModelError, match="HTTP 401") as refused:
        connect(provider).encode(["a"], "query")
    shown = capsys.readouterr()
    assert "sk-wrong-42" not in str(refused.value) + repr(refused.value) + shown.out + shown.err


@pytest.mark.parametrize("fault", [Fault(cut=True), Fault(broken=True)], ids=["cut", "half of the JSON"])
def test_a_body_that_was_cut_is_asked_for_again(
    connect: Connect, api: ApiServer, provider: str, fault: Fault, waits: list[float]
) -> None:
    encoder = connect(provider)
    api.plan = [fault]
    assert_right(encoder, provider)
    assert len(api.requests) == 2 and len(waits) == 1


def test_bodies_that_are_always_cut_end_in_a_sentence(
    connect: Connect, api: ApiServer, provider: str, waits: list[float]
) -> None:
    encoder = connect(provider)
    api.plan = [Fault(cut=True)] * 20
    with pytest.raises(ModelError, match="could not be asked"):
        encoder.encode(["a text"], "document")


def test_a_server_that_hangs_is_asked_again(
    connect: Connect, api: ApiServer, provider: str, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "SECONDS", 0.3)
    encoder = connect(provider)
    api.plan = [Fault(hang=1.5)]
    assert_right(encoder, provider)
    assert len(waits) == 1


def test_nobody_listens(connect: Connect, provider: str, waits: list[float]) -> None:
    encoder = connect(provider, base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ModelError, match="could not be asked") as refused:
        encoder.encode(["a text"], "document")
    assert len(waits) == 7 and "cannot be reached" in str(refused.value)


def _rows(answer: dict[str, Any]) -> list[Any]:
    return answer["data"] if "data" in answer else answer["embeddings"]["float"]


def _shorter(answer: dict[str, Any]) -> None:
    if "data" in answer:
        for row in answer["data"]:
            row["embedding"] = [0.5] * 8
    else:
        answer["embeddings"]["float"] = [[0.5] * 8 for _ in answer["embeddings"]["float"]]


def _fewer(answer: dict[str, Any]) -> None:
    _rows(answer).pop()


def _nan(answer: dict[str, Any]) -> None:
    size = len(_rows(answer)[0]) if "embeddings" in answer else 1536
    if "data" in answer:
        answer["data"][0]["embedding"] = [float("nan")] * size
    else:
        answer["embeddings"]["float"][0] = [float("nan")] * size


@pytest.mark.parametrize(("change", "what"), [(_shorter, "8 dimensions came back"), (_fewer, "vectors"), (_nan, "NaN")])
def test_an_answer_that_is_not_what_was_asked_for_is_refused(
    connect: Connect, api: ApiServer, provider: str, change: Any, what: str, waits: list[float]
) -> None:
    encoder = connect(provider)
    api.plan = [Fault(change=change)]
    with pytest.raises(ModelError, match=what):
        encoder.encode(["a text", "another"], "document")
    assert len(api.requests) == 1 and waits == []


def test_one_failure_stops_the_other_requests(connect: Connect, api: ApiServer) -> None:
    encoder = connect("cohere")
    api.plan = [Fault(status=401)] * 50
    with pytest.raises(ModelError):
        encoder.encode([f"text {i}" for i in range(96 * 40)], "document")
    assert len(api.requests) < 20


def test_a_quota_that_is_used_up_is_not_asked_for_again(connect: Connect, api: ApiServer, waits: list[float]) -> None:
    encoder = connect("openai")
    api.plan = [Fault(status=429, code="insufficient_quota", words="You exceeded your current quota")] * 9
    with pytest.raises(ModelError, match=r"429.*exceeded your current quota"):
        encoder.encode(["a text"], "document")
    assert len(api.requests) == 1 and waits == []


def test_a_wait_of_no_seconds_is_no_leave_to_hammer(connect: Connect, api: ApiServer, provider: str, waits: list[float]) -> None:
    encoder = connect(provider)
    api.plan = [Fault(status=429, headers={"Retry-After": "0"})] * 4
    assert_right(encoder, provider)
    assert len(waits) == 4 and waits == sorted(waits) and waits[0] > 0.7


def test_a_wait_that_is_too_long_is_said(connect: Connect, api: ApiServer, provider: str, waits: list[float]) -> None:
    encoder = connect(provider)
    api.plan = [Fault(status=429, headers={"Retry-After": "3600"})]
    with pytest.raises(ModelError, match=r"says to wait 3,600 s"):
        encoder.encode(["a text"], "document")
    assert len(api.requests) == 1 and waits == []


def test_nobody_waits_for_requests_that_lost_their_meaning(connect: Connect, api: ApiServer, provider: str) -> None:
    """One request is refused for good while others wait for their next try: the refusal is told at once."""
    encoder = connect(provider)
    encoder.patience.sleep = None  # waits indeed
    encoder.limits = Limits(texts=1, tokens=1000)
    api.plan = [Fault(status=429, headers={"Retry-After": "120"})] * 2 + [Fault(status=403, hang=0.2)]
    began = time.monotonic()
    with pytest.raises(ModelError, match="403"):
        encoder.encode(["one", "two", "three"], "document")
    assert time.monotonic() - began < 60 and len(api.requests) == 3


def test_a_page_instead_of_an_answer(connect: Connect, api: ApiServer, provider: str, waits: list[float]) -> None:
    encoder = connect(provider)
    api.raw = b"<html>welcome</html>"
    with pytest.raises(ModelError, match=r"127\.0\.0\.1.* could not be asked") as refused:
        encoder.encode(["a text"], "document")
    assert "welcome" not in str(refused.value)


def test_vectors_of_which_it_is_not_known_whose_they_are(connect: Connect, api: ApiServer) -> None:
    def same_number(answer: dict[str, Any]) -> None:
        for row in answer["data"]:
            row["index"] = 0

    encoder = connect("openai")
    api.plan = [Fault(change=same_number)]
    with pytest.raises(ModelError, match="not numbered"):
        encoder.encode(["a text", "another"], "document")


def test_the_first_wait_is_said_and_all_are_counted(
    connect: Connect, api: ApiServer, provider: str, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = connect(provider)
    api.plan = [Fault(status=429), Fault(status=503), Fault(status=500)]
    assert_right(encoder, provider)
    out = capsys.readouterr().out
    assert out.count("asking again") == 1 and "HTTP 429" in out and KEY not in out
    assert encoder.patience.retries == 3 and 5 < encoder.patience.waited <= 7  # 1 + 2 + 4, less up to a quarter


def test_many_threads_count_together(connect: Connect, api: ApiServer, provider: str) -> None:
    encoder = connect(provider)
    encoder.limits = Limits(texts=1, tokens=1000)
    api.plan = [Fault(status=500) if i % 3 == 0 else None for i in range(60)]
    encoder.encode([f"a text {i}" for i in range(60)], "document")
    assert (encoder.usage.requests, encoder.usage.texts, encoder.usage.tokens) == (60, 60, 180)
    assert len(api.requests) == 60 + encoder.patience.retries and encoder.patience.retries >= 20
