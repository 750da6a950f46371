"""A server on the loopback interface that speaks the embedding protocols of OpenAI, Cohere (v2) and Voyage, and as strictly.

It checks each request against the provider's schema and answers 400 where a field is missing, unknown or of the wrong type.
Vectors depend on text, model and input type alone, so a test can work them out. What should go wrong is put into `plan`, an entry a
request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

KEY = "sk-test-0123456789abcdef"
SIZES = {"text-embedding-3-small": 1536, "embed-english-v3.0": 1024, "voyage-large-2": 1536}
"""Dimensions of the models that it has; others have 24."""


def vector_of(text: str, model: str, input_type: str | None, dimensions: int) -> np.ndarray:
    """[D] float32 of unit length. Texts that share words have similar vectors, so that a search among them means something."""
    total = np.zeros(dimensions)
    for word in text.lower().split() or [""]:
        seed = int.from_bytes(hashlib.blake2b(f"{model} {word}".encode(), digest_size=8).digest(), "big")
        total += np.random.default_rng(seed).standard_normal(dimensions)
    if input_type is not None:  # queries and documents of one text differ a little
        total[0] += {"search_query": 0.1, "query": 0.1}.get(input_type, -0.1)
    return (total / np.linalg.norm(total)).astype(np.float32)


@dataclass
class Fault:
    """What goes wrong with one request.

    Attributes:
        status: answer with this HTTP state instead of vectors.
        headers: of that answer.
        hang: seconds of silence before the answer.
        cut: send half of the body and hang up.
        broken: half of the JSON, as if it were whole.
        change: called with the answer before it is sent.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0.0
    cut: bool = False
    broken: bool = False
    change: Any = None


@dataclass
class ApiServer:
    """What the server has seen, and what it shall do next."""

    url: str = ""
    plan: list[Fault | None] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    needs_key: bool = True

    def next_fault(self) -> Fault | None:
        with self.lock:
            return self.plan.pop(0) if self.plan else None


@contextmanager
def api_server(needs_key: bool = True) -> Iterator[ApiServer]:
    """A server that listens inside the `with` block."""
    state = ApiServer(needs_key=needs_key)

    class Handler(_Handler):
        server_state = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_state: ApiServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        state = self.server_state
        with state.lock:
            state.requests.append(body)
            state.keys.append(self.headers.get("Authorization", ""))
        fault = state.next_fault() or Fault()
        if fault.hang:
            time.sleep(fault.hang)
        if fault.status is not None:
            self._send(fault.status, {"message": f"fault with {KEY}", "detail": f"fault with {KEY}"}, fault)
        elif state.needs_key and self.headers.get("Authorization") != f"Bearer {KEY}":
            self._send(401, {"error": {"message": f"Incorrect API key provided: {self.headers.get('Authorization')}"}}, fault)
        else:
            status, answer = self._answer(body)
            if fault.change is not None:
                fault.change(answer)
            self._send(status, answer, fault)

    def _answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        speak = {"/v2/embed": cohere, "/openai/embeddings": openai, "/voyage/embeddings": voyage}.get(self.path)
        if speak is None:
            return 404, {"error": {"message": f"no such path {self.path}"}}
        try:
            return 200, speak(body)
        except SchemaError as error:
            return 400, {"message": str(error), "error": {"message": str(error)}, "detail": str(error)}

    def _send(self, status: int, answer: dict[str, Any], fault: Fault) -> None:
        data = json.dumps(answer).encode()
        if fault.broken:
            data = data[: len(data) // 2]
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in fault.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if fault.cut else data)
        if fault.cut:
            self.close_connection = True


class SchemaError(ValueError):
    """A request that the provider would refuse."""


def _check(body: dict[str, Any], required: dict[str, type], optional: dict[str, Any]) -> None:
    for name, kind in required.items():
        if not isinstance(body.get(name), kind):
            raise SchemaError(f"{name} must be given as {kind.__name__}")
    for name, value in body.items():
        if name not in required and name not in optional:
            raise SchemaError(f"unknown field {name}")
        allowed = optional.get(name)
        if isinstance(allowed, tuple) and value not in allowed:
            raise SchemaError(f"{name} must be one of {allowed}, not {value!r}")


def _texts(texts: list[Any], most: int, max_tokens: int) -> None:
    if not 1 <= len(texts) <= most:
        raise SchemaError(f"between 1 and {most} texts, not {len(texts)}")
    for text in texts:
        if not isinstance(text, str) or not text:
            raise SchemaError("input cannot be an empty string")
        if len(text.split()) > max_tokens:
            raise SchemaError(f"This model's maximum context length is {max_tokens} tokens, you requested more")


def openai(body: dict[str, Any]) -> dict[str, Any]:
    """POST /embeddings (`EmbeddingCreateParams` and `CreateEmbeddingResponse` of the client)."""
    _check(body, {"model": str, "input": list}, {"encoding_format": ("float", "base64"), "dimensions": None, "user": None})
    _texts(body["input"], 2048, 8191)
    dimensions = body.get("dimensions") or SIZES.get(body["model"], 24)
    if body.get("dimensions") and not body["model"].startswith("text-embedding-3"):
        raise SchemaError("this model does not support specifying dimensions")
    data = []
    for index, text in enumerate(body["input"]):
        vector = vector_of(text, body["model"], None, dimensions)
        written: Any = vector.tolist()
        if body.get("encoding_format") == "base64":
            written = base64.b64encode(vector.tobytes()).decode()
        data.append({"object": "embedding", "index": index, "embedding": written})
    tokens = sum(len(text.split()) for text in body["input"])
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data[::-1], "model": body["model"], "usage": usage}  # in no order that was promised


def cohere(body: dict[str, Any]) -> dict[str, Any]:
    """POST /v2/embed."""
    types = ("search_document", "search_query", "classification", "clustering", "image")
    _check(
        body,
        {"model": str, "input_type": str, "texts": list},
        {"embedding_types": None, "truncate": ("NONE", "START", "END"), "output_dimension": None, "max_tokens": None},
    )
    if body["input_type"] not in types:
        raise SchemaError(f"input_type must be one of {types}")
    _texts(body["texts"], 96, 10**9)
    if body.get("output_dimension") and "v4" not in body["model"]:
        raise SchemaError("output_dimension is for embed-v4 and newer")
    dimensions = body.get("output_dimension") or SIZES.get(body["model"], 24)
    vectors = [vector_of(text, body["model"], body["input_type"], dimensions).tolist() for text in body["texts"]]
    tokens = sum(len(text.split()) for text in body["texts"])
    return {
        "id": "x",
        "embeddings": {"float": vectors},
        "texts": body["texts"],
        "response_type": "embeddings_by_type",
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": tokens}},
    }


def voyage(body: dict[str, Any]) -> dict[str, Any]:
    """POST /v1/embeddings."""
    _check(
        body,
        {"model": str, "input": list},
        {
            "input_type": (None, "query", "document"),
            "truncation": (True, False),
            "output_dtype": (None, "float", "int8", "uint8", "binary", "ubinary"),
            "output_dimension": None,
            "encoding_format": (None, "base64"),
        },
    )
    _texts(body["input"], 1000, 10**9)
    dimensions = body.get("output_dimension") or SIZES.get(body["model"], 24)
    data = []
    for index, text in enumerate(body["input"]):
        vector = vector_of(text, body["model"], body.get("input_type"), dimensions)
        written: Any = vector.tolist()
        if body.get("encoding_format") == "base64":
            written = base64.b64encode(vector.tobytes()).decode()
        data.append({"object": "embedding", "index": index, "embedding": written})
    tokens = sum(len(text.split()) for text in body["input"])
    return {"object": "list", "data": data, "model": body["model"], "usage": {"total_tokens": tokens}}
