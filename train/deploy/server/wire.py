"""OpenAI's form of a request for embeddings, of the answer, and of an error."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from train.deploy.server.batching import Encoded
from train.deploy.server.limits import Limits
from train.encode.contract import Role

FIELDS = ("input", "model", "encoding_format", "dimensions", "input_type", "user")
"""What a request may hold. `input_type` is ours; `user` is OpenAI's, and has no effect."""


class Refused(Exception):
    """A request that cannot be answered.

    Attributes:
        status: of HTTP.
        message: for the client.
        param: the field that is wrong.
        code: OpenAI's word for it, where it has one.
        headers: that go with the answer.
    """

    def __init__(
        self, status: int, message: str, *, param: str | None = None, code: str | None = None, headers: Mapping[str, str] = {}
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code, self.headers = status, message, param, code, dict(headers)

    def body(self) -> dict[str, Any]:
        """Return the error in OpenAI's form."""
        kind = {401: "authentication_error", 500: "server_error", 503: "server_error"}.get(self.status, "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


@dataclass(frozen=True)
class Served:
    """What a server has to offer.

    Attributes:
        name: of the model.
        others: further names that mean it.
        dimensions: of its vectors.
        lengths: dimensions to which its vectors may be cut, as it was trained for that; none where it was not.
        role: what texts are where a client does not say.
    """

    name: str
    others: Collection[str]
    dimensions: int
    lengths: Collection[int]
    role: Role


@dataclass(frozen=True)
class Wanted:
    """A request that is well-formed: N texts, what they are, dimensions (None for all), and the form of the vectors."""

    texts: list[str]
    role: Role
    dimensions: int | None
    as_base64: bool


def read_request(body: bytes, served: Served, limits: Limits) -> Wanted:
    """Read the body of a request.

    Raises:
        Refused: naming the field that is wrong.
    """
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(found, dict):
        raise Refused(400, "the body is not a JSON object")
    if unknown := [key for key in found if key not in FIELDS]:
        raise Refused(400, f"unknown field {unknown[0][:50]!r}; there are {', '.join(FIELDS)}", param=unknown[0][:50])
    name = found.get("model")
    if not isinstance(name, str):
        raise Refused(400, f"model is missing; here it is {served.name!r}", param="model")
    if name != served.name and name not in served.others:
        text = f"the model {name[:100]!r} does not exist; this server has {served.name!r}"
        raise Refused(404, text, param="model", code="model_not_found")
    form = found.get("encoding_format") or "float"
    if form not in ("float", "base64"):
        raise Refused(400, "encoding_format is float or base64", param="encoding_format")
    texts, role = _texts(found.get("input"), limits), _role(found.get("input_type"), served)
    return Wanted(texts, role, _dimensions(found.get("dimensions"), served), form == "base64")


def _texts(found: Any, limits: Limits) -> list[str]:
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list) or not texts:
        raise Refused(400, "input is a text, or a list of texts", param="input")
    if any(isinstance(one, int | list) for one in texts):
        raise Refused(400, "input holds token ids, which are those of another tokenizer: send the texts", param="input")
    if not all(isinstance(one, str) for one in texts):
        raise Refused(400, "input is a text, or a list of texts", param="input")
    if len(texts) > limits.texts:
        raise Refused(413, f"input has {len(texts):,} texts; {limits.texts:,} are the most", param="input")
    for number, text in enumerate(texts):
        if not text:
            raise Refused(400, f"text {number} of input is empty", param="input")
        if len(text) > limits.characters:
            many = f"{len(text):,} characters; {limits.characters:,} are the most"
            raise Refused(413, f"text {number} of input has {many}", param="input")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise Refused(400, f"text {number} of input is not Unicode (half of a surrogate pair)", param="input") from None
    return texts


def _role(found: Any, served: Served) -> Role:
    if found is None:
        return served.role
    try:
        return Role(found)
    except ValueError:
        raise Refused(400, f"input_type is {', '.join(Role)}", param="input_type") from None


def _dimensions(found: Any, served: Served) -> int | None:
    if found is None or (type(found) is int and found == served.dimensions):
        return None
    if type(found) is int and found in served.lengths:
        return found
    lengths = sorted({*served.lengths, served.dimensions}, reverse=True)
    why = f"{', '.join(map(str, lengths))} are possible" if served.lengths else "it was not trained for shorter ones"
    raise Refused(400, f"the vectors of {served.name} have {served.dimensions} dimensions; {why}", param="dimensions")


def answer(encoded: Encoded, wanted: Wanted, served: Served) -> bytes:
    """Return the body of the answer.

    Vectors that are cut have unit length again, as those of `model.dimensions` have.
    """
    vectors = encoded.vectors
    if wanted.dimensions is not None:
        vectors = vectors[:, : wanted.dimensions]
        vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    rows = np.ascontiguousarray(vectors, dtype="<f4")
    found: list[Any] = [base64.b64encode(row.tobytes()).decode() for row in rows] if wanted.as_base64 else rows.tolist()
    data = [{"object": "embedding", "index": number, "embedding": one} for number, one in enumerate(found)]
    used = sum(encoded.tokens)
    body = {"object": "list", "data": data, "model": served.name, "usage": {"prompt_tokens": used, "total_tokens": used}}
    return json.dumps(body, allow_nan=False, separators=(",", ":")).encode()
