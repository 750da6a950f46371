"""The server of vectors: what clients get, what they are refused, and how it ends."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from train.config.load import load_config
from train.config.schema import ModelConfig
from train.console import heard_by
from train.deploy.server.batching import Batcher, Encoded, Overloaded
from train.deploy.server.limits import USUAL, Limits
from train.encode.contract import Role
from train.encode.encoding_file import write_encoding
from train.encode.open import open_model
from train.errors import ConfigError, RunError
from train.resolve.models import Candidate
from train.resolve.vectors import read_model
from train.workflows import serve as serving
from train.workflows.serve import ServeRequest, read_key, serve
from train.workflows.verify import VerifyRequest, verify_copy

TEXTS = ["how do I restart the pod", "the cat sat on the mat " * 60, "naïve café ☕", "x"]


class SlowEncoder:
    """Counts letters; waits until it may go on."""

    def __init__(self) -> None:
        self.may_go, self.seen = threading.Event(), list[list[str]]()
        self.begun = threading.Semaphore(0)

    def __call__(self, texts: list[str], role: Role) -> Encoded:
        self.seen.append(texts)
        self.begun.release()
        assert self.may_go.wait(20)
        if "bad" in texts:
            raise ValueError("what a library says")
        rows = [[len(text), texts.count(text)] for text in texts]
        return Encoded(np.array(rows, dtype=np.float32), [len(text) for text in texts])


@dataclass
class Served:
    address: str
    said: list[str]
    server: Any

    def post(self, **fields: Any) -> httpx.Response:
        return httpx.post(f"{self.address}/embeddings", json={"model": "tiny", **fields}, timeout=30)


@contextmanager
def running(model: Path, limits: Limits = USUAL, **options: Any) -> Iterator[Served]:
    """Serve in a thread of this process, which ends with the block."""
    candidate, config = read_model(str(model), ["model.device=cpu"])
    ready, found, said = threading.Event(), [], list[str]()

    def began(server: Any, address: str) -> None:
        found.append(Served(address, said, server))
        ready.set()

    def work() -> None:
        try:
            with heard_by(said.append):
                serve(ServeRequest(candidate, config, port=0, limits=limits, **options), began=began)
        finally:
            ready.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert ready.wait(60) and found, said
    try:
        yield found[0]
    finally:
        found[0].server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """The small model under a name that clients can say, with a prompt for queries."""
    from sentence_transformers import SentenceTransformer

    folder = tmp_path_factory.mktemp("served") / "tiny"
    model = SentenceTransformer(str(tiny_model), device="cpu")
    model.prompts = {"query": "query: ", "document": ""}
    model.save_pretrained(str(folder), create_model_card=False)
    return folder


@pytest.fixture(scope="module")
def served(tiny: Path) -> Iterator[Served]:
    with running(tiny, Limits(body_bytes=100_000, texts=8, characters=2000)) as found:
        yield found


@pytest.fixture(scope="module")
def own(tiny: Path) -> dict[Role, np.ndarray]:
    encoder = open_model(ModelConfig(name=str(tiny), device="cpu")).encoder
    return {role: encoder.encode(TEXTS, role).numpy() for role in (Role.QUERY, Role.DOCUMENT)}


def test_openais_client_gets_the_vectors_of_embed(served: Served, own: dict[Role, np.ndarray]) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=served.address, api_key="none", max_retries=0)
    for form in ("float", "base64"):
        found = client.embeddings.create(model="tiny", input=TEXTS, encoding_format=form)
        rows = [one.embedding for one in found.data]
        vectors = [np.frombuffer(base64.b64decode(one), dtype="<f4") if isinstance(one, str) else np.array(one) for one in rows]
        np.testing.assert_allclose(np.stack(vectors), own[Role.DOCUMENT], atol=1e-6)
    plain = client.embeddings.create(model="tiny", input=TEXTS[0])  # base64 behind the scenes
    np.testing.assert_allclose(plain.data[0].embedding, own[Role.DOCUMENT][0], atol=1e-6)
    asked = client.embeddings.create(model="tiny", input=TEXTS, extra_body={"input_type": "query"})
    np.testing.assert_allclose([one.embedding for one in asked.data], own[Role.QUERY], atol=1e-6)
    assert np.abs(own[Role.QUERY] - own[Role.DOCUMENT]).max() > 1e-3
    assert [one.id for one in client.models.list().data] == ["tiny"] and client.models.retrieve("tiny").id == "tiny"
    with pytest.raises(openai.NotFoundError) as missing:
        client.embeddings.create(model="other", input="x")
    assert missing.value.code == "model_not_found" and missing.value.param == "model"


def test_tokens_are_those_that_the_model_reads(served: Served, tiny: Path) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(tiny), device="cpu")
    expected = [min(len(model.tokenizer(text)["input_ids"]), model.max_seq_length) for text in TEXTS]
    assert max(expected) == model.max_seq_length, "one text is cut"
    assert served.post(input=TEXTS).json()["usage"] == {"prompt_tokens": sum(expected), "total_tokens": sum(expected)}
    longer = served.post(input=[TEXTS[0]], input_type="query").json()["usage"]["prompt_tokens"]
    assert longer == len(model.tokenizer("query: " + TEXTS[0])["input_ids"])


@pytest.mark.parametrize(
    ("status", "param", "fields"),
    [
        (400, "input", {}),
        (400, "input", {"input": []}),
        (400, "input", {"input": [1, 2]}),
        (400, "input", {"input": [[1, 2], [3]]}),
        (400, "input", {"input": ["a", None]}),
        (400, "input", {"input": ["a", ""]}),
        (413, "input", {"input": ["a"] * 9}),
        (413, "input", {"input": "a" * 2001}),
        (413, None, {"input": ["a" * 60_000, "b" * 60_000]}),
        (400, "encoding_format", {"input": "a", "encoding_format": "int8"}),
        (400, "input_type", {"input": "a", "input_type": "passage"}),
        (400, "input_typ", {"input": "a", "input_typ": "query"}),
        (400, "dimensions", {"input": "a", "dimensions": 16}),
        (400, "dimensions", {"input": "a", "dimensions": True}),
        (404, "model", {"input": "a", "model": "other"}),
    ],
)
def test_what_is_wrong_or_too_large_is_named(served: Served, status: int, param: str | None, fields: dict[str, Any]) -> None:
    found = served.post(**fields)
    error = found.json()["error"]
    assert (found.status_code, error["param"]) == (status, param), found.text
    assert error.keys() == {"message", "type", "param", "code"} and error["type"] == "invalid_request_error"


def test_other_bodies_paths_and_methods_are_refused_in_json(served: Served) -> None:
    url, kind = f"{served.address}/embeddings", {"Content-Type": "application/json"}
    for body, headers, status in ((b"{", kind, 400), (b"[]", kind, 400), (b"\xff", kind, 400), (b"{}", {}, 415)):
        found = httpx.post(url, content=body, headers=headers)
        assert found.status_code == status and found.json()["error"]["message"]
    surrogate = httpx.post(url, content=rb'{"model": "tiny", "input": "\ud800"}', headers=kind)
    assert surrogate.status_code == 400 and surrogate.json()["error"]["param"] == "input"
    assert httpx.get(url).status_code == 405 and httpx.get(url).json()["error"]["message"]
    assert httpx.get(f"{served.address}/nothing").json()["error"]["message"]
    assert httpx.get(served.address.removesuffix("/v1") + "/health").json() == {"status": "ok"}


def test_requests_that_come_together_are_encoded_together(tiny: Path) -> None:
    encoder = open_model(ModelConfig(name=str(tiny), device="cpu")).encoder
    texts = [f"text number {number} of twenty" for number in range(20)]
    expected = encoder.encode(texts, Role.DOCUMENT).numpy()
    with running(tiny, Limits(gather_seconds=0.5)) as found, ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda text: found.post(input=text).json(), texts))
        counters = httpx.get(found.address.removesuffix("/v1") + "/metrics").text
    vectors = [one["data"][0]["embedding"] for one in answers]
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    batches = int(re.search(r"^embed_tune_batches_total (\d+)$", counters, re.MULTILINE)[1])  # type: ignore[index]
    assert batches <= 3 and "embed_tune_requests_total 20" in counters
    assert found.said[-1].startswith("stopped: 20 requests with 20 texts were answered, in ")


def test_too_much_is_turned_away_and_told_when_to_come_again(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = SlowEncoder()
    slow.may_go.set()
    monkeypatch.setattr(serving, "Encoding", lambda opened: slow)
    with running(tiny, Limits(waiting=2)) as found, ThreadPoolExecutor(2) as threads:
        assert slow.begun.acquire(timeout=10)
        slow.may_go.clear()
        first = [threads.submit(found.post, input="a")]
        assert slow.begun.acquire(timeout=10)
        first.append(threads.submit(found.post, input="b"))
        while len(found.server.server_state.tasks) < 2:
            time.sleep(0.01)
        time.sleep(0.2)  # until the server has read what it was sent
        busy = found.post(input="c")
        slow.may_go.set()
        assert [one.result().status_code for one in first] == [200, 200]
    assert busy.status_code == 503 and busy.headers["retry-after"] == "1" and busy.json()["error"]["type"] == "server_error"


def test_a_request_that_takes_too_long_is_given_up(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = SlowEncoder()
    slow.may_go.set()
    monkeypatch.setattr(serving, "Encoding", lambda opened: slow)
    with running(tiny, Limits(seconds=0.2)) as found:
        slow.may_go.clear()
        late = found.post(input="a")
        slow.may_go.set()
        assert late.status_code == 503 and "0.2 seconds" in late.json()["error"]["message"]
        assert found.post(input="b").status_code == 200
        failed = found.post(input="bad")
    assert failed.status_code == 500 and "a library" not in failed.text


def test_a_key_is_asked_for_where_one_is_set(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBED_TUNE_SERVER_KEY", "geheim")
    with running(tiny) as found:
        for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic geheim"}, {"Authorization": "geheim"}):
            refused = httpx.post(f"{found.address}/embeddings", json={"model": "tiny", "input": "a"}, headers=given)
            assert refused.status_code == 401 and refused.json()["error"]["code"] == "invalid_api_key"
            assert httpx.get(f"{found.address}/models", headers=given).status_code == 401
        right = {"Authorization": "Bearer geheim"}
        assert httpx.post(f"{found.address}/embeddings", json={"model": "tiny", "input": "a"}, headers=right).status_code == 200
    assert not [line for line in found.said if "geheim" in line]
    monkeypatch.delenv("EMBED_TUNE_SERVER_KEY")
    with pytest.raises(ConfigError, match="not set"):
        read_key("MY_KEY")


def test_a_port_that_is_taken_is_said(served: Served, tiny: Path) -> None:
    candidate, config = read_model(str(tiny), ["model.device=cpu"])
    port = int(served.address.rpartition(":")[2].removesuffix("/v1"))
    with pytest.raises(RunError, match=f":{port} cannot be listened on"):
        serve(ServeRequest(candidate, config, port=port))


def test_matryoshka_lengths_are_those_that_the_run_was_trained_for(tiny: Path, tmp_path: Path) -> None:
    from train.config.load import dump_config
    from train.config.schema import TrainSettings

    run = tmp_path / "run"
    run.mkdir()
    config = load_config(None, data="x.csv", overrides=["training.matryoshka=[32,16,8]"], kind=TrainSettings)
    (run / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    (run / "environment.json").write_text("{}", encoding="utf-8")
    assert serving.trained_lengths(Candidate("run", ModelConfig(name=str(run / "model")), run)) == [32, 16, 8]
    assert serving.trained_lengths(Candidate("tiny", ModelConfig(name=str(tiny)), None)) == []


def test_one_bad_request_spoils_no_other_and_what_was_given_up_is_never_encoded() -> None:
    slow = SlowEncoder()
    batcher = Batcher(slow, Limits(gather_seconds=0.0))
    first = batcher.submit(["a"], Role.QUERY)
    assert slow.begun.acquire(timeout=10)
    waiting: dict[str, Future[Encoded]] = {text: batcher.submit([text], Role.QUERY) for text in ("bb", "bad", "gone")}
    assert waiting["gone"].cancel()
    slow.may_go.set()
    assert first.result(10).tokens == [1] and waiting["bb"].result(10).vectors.tolist() == [[2, 1]]
    with pytest.raises(ValueError, match="library"):
        waiting["bad"].result(10)
    with pytest.raises(CancelledError):
        waiting["gone"].result(10)
    batcher.close()
    assert slow.seen == [["a"], ["bb", "bad"], ["bb"], ["bad"]]
    assert (batcher.counters.requests, batcher.counters.failed) == (3, 1)
    with pytest.raises(Overloaded):
        batcher.submit(["late"], Role.QUERY)


def test_a_long_request_is_dealt_to_batches_and_comes_back_in_order() -> None:
    slow = SlowEncoder()
    slow.may_go.set()
    batcher = Batcher(slow, Limits(batch_tokens=10, gather_seconds=0.0))
    texts = ["x" * length for length in (4, 90, 1, 7, 30)]
    found = batcher.submit(texts, Role.QUERY).result(10)
    assert found.vectors[:, 0].tolist() == found.tokens == [4, 90, 1, 7, 30]
    batcher.close()
    assert slow.seen == [["x" * 4], ["x" * 90], ["x", "x" * 7], ["x" * 30]]


@pytest.mark.slow
def test_verify_takes_the_server_for_its_model_and_another_for_another(served: Served, tiny: Path, tmp_path: Path) -> None:
    small = read_model(str(tiny), ["model.device=cpu"])[0].config
    (tmp_path / "own").mkdir()
    (tmp_path / "other").mkdir()
    write_encoding(open_model(small).local, tmp_path / "own")
    with_prompt = small.model_copy(update={"query_prompt": "another prompt: "})
    write_encoding(open_model(with_prompt).local, tmp_path / "other")
    with running(tiny) as found:  # whose limits let the longest texts in
        own, other = (verify_copy(VerifyRequest(found.address, str(tmp_path / name))) for name in ("own", "other"))
    assert own.fits, str(own)
    assert not other.fits, str(other)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_when_what_was_begun_is_answered(
    tiny: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_beside_a_browser()
    slow, said, answers, clients = SlowEncoder(), list[str](), list[httpx.Response](), list[threading.Thread]()
    slow.may_go.set()
    monkeypatch.setattr(serving, "Encoding", lambda opened: slow)
    handlers = [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]

    def began(server: Any, address: str) -> None:
        assert slow.begun.acquire(timeout=10)
        slow.may_go.clear()
        asks = Served(address, said, server)
        clients.append(threading.Thread(target=lambda: answers.append(asks.post(input="a"))))
        clients.append(threading.Thread(target=lambda: signal_when_busy(slow, number)))
        for one in clients:
            one.start()

    candidate, config = read_model(str(tiny), ["model.device=cpu"])
    with heard_by(said.append):
        serve(ServeRequest(candidate, config, port=0), began=began)
    for one in clients:
        one.join(10)
    assert [one.status_code for one in answers] == [200] and said[-1].startswith("stopped: 1 request with 1 text was")
    assert handlers == [signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)]


def skip_beside_a_browser() -> None:
    """Skip where an event loop runs in this thread: no server can begin another one. `make test`, without a browser, has none."""
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        pytest.skip("the browser of other tests has an event loop running in this process")


def signal_when_busy(slow: SlowEncoder, number: signal.Signals) -> None:
    """Send this process a signal while a request is being encoded, and let that go on a little later."""
    assert slow.begun.acquire(timeout=10)
    os.kill(os.getpid(), number)
    time.sleep(0.3)
    slow.may_go.set()
