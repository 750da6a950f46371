"""A server on the loopback interface that speaks the embedding protocols of OpenAI, Cohere (v2) and Voyage, and as strictly.

It checks each request against the provider's schema and answers 400 where a field is missing, unknown or of the wrong type.
Vectors depend on text, model and input type alone, so a test can work them out. What should go wrong stands in `plan`, an entry a
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
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

KEY = "sk-test-0123456789abcdef"
SIZES = {
    "text-embedding-3-small": 1536,
    "embed-english-v3.0": 1024,
    "embed-v4.0": 1536,
    "voyage-large-2": 1536,
    "voyage-3.5": 1024,
}
"""Dimensions of the models that it has; others have 24."""


def vector_of(text: str, model: str, input_type: str | None, dimensions: int) -> np.ndarray:
    """[D] float32 of unit length. Texts that share words have similar vectors, so that a search among them means something."""
    total = np.zeros(dimensions)
    for word in text.lower().split() or [""]:
        total += _word_vector(word, model, dimensions)
    if input_type is not None:  # queries and documents of one text differ a little
        total[0] += {"search_query": 0.1, "query": 0.1}.get(input_type, -0.1)
    return (total / np.linalg.norm(total)).astype(np.float32)


@lru_cache(maxsize=4096)
def _word_vector(word: str, model: str, dimensions: int) -> np.ndarray:
    seed = int.from_bytes(hashlib.blake2b(f"{model} {word}".encode(), digest_size=8).digest(), "big")
    return np.random.default_rng(seed).standard_normal(dimensions)


@dataclass
class Fault:
    """What goes wrong with one request.

    Attributes:
        status: answer with this HTTP state instead of vectors.
        headers: of that answer.
        words: in it; by default with the key, as careless servers answer.
        code: the provider's own name of the error.
        hang: seconds of silence before the answer.
        cut: send half of the body and hang up.
        broken: half of the JSON, as if it were whole.
        change: called with the answer before it is sent.
    """

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    words: str = f"fault with {KEY}"
    code: str | None = None
    hang: float = 0.0
    cut: bool = False
    broken: bool = False
    change: Any = None


@dataclass
class ApiServer:
    """What the server has seen, and what it shall do next.

    Attributes:
        max_texts: in a request, where it is stricter than the provider (as TEI is).
        max_tokens: of a text (a word is a token), instead of the model's.
        max_total: tokens of a request, instead of the provider's.
        raw: answer with this, and HTTP 200, instead of vectors.
    """

    url: str = ""
    plan: list[Fault | None] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    max_texts: int | None = None
    max_tokens: int | None = None
    max_total: int | None = None
    raw: bytes | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    needs_key: bool = True

    def next_fault(self) -> Fault | None:
        with self.lock:
            return self.plan.pop(0) if self.plan else None


@contextmanager
def api_server(needs_key: bool = True) -> Iterator[ApiServer]:
    """Start a server that listens inside the `with` block."""
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
            state.paths.append(self.path)
        fault = state.next_fault() or Fault()
        if fault.hang:
            time.sleep(fault.hang)
        if fault.status is not None:
            self._send(fault.status, self._error(fault.words, fault.code), fault)
        elif state.needs_key and self.headers.get("Authorization") != f"Bearer {KEY}":
            self._send(
                401, self._error(f"Incorrect API key provided: {self.headers.get('Authorization')}", "invalid_api_key"), fault
            )
        elif state.raw is not None:
            self._send_raw(state.raw)
        else:
            status, answer = self._answer(body)
            if fault.change is not None:
                fault.change(answer)
            self._send(status, answer, fault)

    def _answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        speak = {"/v2/embed": cohere, "/openai/embeddings": openai, "/voyage/embeddings": voyage}.get(self.path)
        if speak is None:
            return 404, self._error(f"no such path {self.path}")
        most = self.server_state.max_texts
        texts = body.get("input") or body.get("texts") or []
        if most is not None and len(texts) > most:
            return 422, self._error(f"batch size {len(texts)} > maximum allowed batch size {most}")
        try:
            return 200, speak(body, self.server_state.max_tokens, self.server_state.max_total)
        except SchemaError as error:
            return 400, self._error(str(error))

    def _error(self, words: str, code: str | None = None) -> dict[str, Any]:
        """Return an error in the provider's form."""
        if self.path.startswith("/openai"):
            return {"error": {"message": words, "type": code or "invalid_request_error", "param": None, "code": code}}
        return {"detail": words} if self.path.startswith("/voyage") else {"id": "x", "message": words}

    def _send_raw(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

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


@dataclass(frozen=True)
class Schema:
    """What a request must and may hold: the type of each field, or the values that it may have."""

    required: dict[str, Any]
    optional: dict[str, Any]

    def check(self, body: dict[str, Any]) -> None:
        """Refuse what the provider would refuse."""
        for name in self.required:
            if name not in body:
                raise SchemaError(f"{name} is missing")
        for name, value in body.items():
            allowed = {**self.required, **self.optional}.get(name)
            if allowed is None:
                raise SchemaError(f"unknown field {name}")
            right = value in allowed if isinstance(allowed, tuple) else type(value) is allowed
            if not right:
                raise SchemaError(f"{name} must be {allowed}, not {value!r}")


COHERE_TYPES = ("search_document", "search_query", "classification", "clustering", "image")
SCHEMAS = {
    "openai": Schema({"model": str, "input": list}, {"encoding_format": ("float", "base64"), "dimensions": int, "user": str}),
    "cohere": Schema(
        {"model": str, "input_type": COHERE_TYPES},
        {
            "texts": list,
            "embedding_types": list,
            "truncate": ("NONE", "START", "END"),
            "output_dimension": int,
            "max_tokens": int,
        },
    ),
    "voyage": Schema(
        {"model": str, "input": list},
        {
            "input_type": (None, "query", "document"),
            "truncation": (True, False),
            "output_dtype": (None, "float", "int8", "uint8", "binary", "ubinary"),
            "output_dimension": (None, 256, 512, 1024, 2048),
            "encoding_format": (None, "base64"),
        },
    ),
}


def _texts(texts: list[Any], most: int, max_tokens: int | None, total: tuple[int, str]) -> None:
    if not 1 <= len(texts) <= most:
        raise SchemaError(f"between 1 and {most} texts, not {len(texts)}")
    for text in texts:
        if not isinstance(text, str) or not text:
            raise SchemaError("input cannot be an empty string")
        if max_tokens is not None and (tokens := len(text.split())) > max_tokens:
            raise SchemaError(
                f"This model's maximum context length is {max_tokens} tokens, however you requested {tokens} tokens"
                f" ({tokens} in your prompt; 0 for the completion). Please reduce your prompt; or completion length."
            )
    tokens = sum(len(text.split()) for text in texts)
    if tokens > total[0]:
        raise SchemaError(total[1].format(most=total[0], tokens=tokens))


def openai(body: dict[str, Any], max_tokens: int | None = None, max_total: int | None = None) -> dict[str, Any]:
    """POST /embeddings."""
    SCHEMAS["openai"].check(body)
    too_many = "Requested {tokens} tokens, max {most} tokens per request"
    _texts(body["input"], 2048, max_tokens or 8191, (max_total or 300_000, too_many))
    if body.get("dimensions") and not body["model"].startswith("text-embedding-3"):
        raise SchemaError("this model does not support specifying dimensions")
    data = _numbered(body, None, body.get("dimensions"))
    tokens = sum(len(text.split()) for text in body["input"])
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "data": data[::-1], "model": body["model"], "usage": usage}  # in no order that was promised


def cohere(body: dict[str, Any], max_tokens: int | None = None, max_total: int | None = None) -> dict[str, Any]:
    """POST /v2/embed; texts that are too long are cut, as `truncate` says."""
    SCHEMAS["cohere"].check(body)
    _texts(body.get("texts", []), 96, None, (max_total or 10**9, "too many tokens: {tokens} exceeds the maximum of {most}"))
    if not set(body.get("embedding_types", [])) <= {"float", "int8", "uint8", "binary", "ubinary", "base64"}:
        raise SchemaError("embedding_types")
    if body.get("output_dimension") and "v4" not in body["model"]:
        raise SchemaError("output_dimension is for embed-v4 and newer")
    dimensions = body.get("output_dimension") or SIZES.get(body["model"], 24)
    most = body.get("max_tokens") or max_tokens or 10**9
    read = [" ".join(text.split()[:most]) for text in body["texts"]]
    vectors = [vector_of(text, body["model"], body["input_type"], dimensions).tolist() for text in read]
    return {
        "id": "x",
        "embeddings": {"float": vectors},
        "texts": body["texts"],
        "response_type": "embeddings_by_type",
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": sum(len(text.split()) for text in read)}},
    }


def voyage(body: dict[str, Any], max_tokens: int | None = None, max_total: int | None = None) -> dict[str, Any]:
    """POST /embeddings; texts that are too long are cut, as `truncation` says."""
    SCHEMAS["voyage"].check(body)
    too_many = (
        "Request to model failed. The max allowed tokens per submitted batch is {most}. Your batch has {tokens} tokens after"
        " truncation. Please lower the number of tokens in the batch."
    )
    _texts(body["input"], 1000, None, (max_total or 120_000, too_many))
    data = _numbered(body, body.get("input_type"), body.get("output_dimension"))
    tokens = sum(len(text.split()) for text in body["input"])
    return {"object": "list", "data": data, "model": body["model"], "usage": {"total_tokens": tokens}}


def _numbered(body: dict[str, Any], input_type: str | None, dimensions: int | None) -> list[dict[str, Any]]:
    """Return the vectors in the form that OpenAI and Voyage share."""
    data = []
    for index, text in enumerate(body["input"]):
        vector = vector_of(text, body["model"], input_type, dimensions or SIZES.get(body["model"], 24))
        written: Any = vector.tolist()
        if body.get("encoding_format") == "base64":
            written = base64.b64encode(vector.tobytes()).decode()
        data.append({"object": "embedding", "index": index, "embedding": written})
    return data
