"""A server that speaks OpenAI's protocol (TEI, vLLM, Ollama, infinity) as a copy of a model.

Each text is sent alone, so that a refusal and the server's own count of tokens belong to one text; some are sent together once.
"""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from train.config.choices import Provider
from train.config.schema import ModelConfig
from train.console import say
from train.encode.api.credentials import Access, access_of
from train.encode.api.retry import BadAnswerError, Patience
from train.encode.encoding_format import EncodingFile, Golden
from train.encode.golden import PROBES
from train.encode.verify.observed import SERVICE, Observed, Reading, distances
from train.errors import ModelError

SECONDS = 120.0
"""Until a request that is not answered counts as lost: a long text on a slow CPU."""

REFUSED = frozenset({400, 413, 422})
"""HTTP states with which servers refuse a text; about the request itself they say the same of every text."""


OURS = "embed-tune"
"""Who owns the model, by a server of `embed-tune serve`."""


class HttpError(Exception):
    """An answer that is no success, as `train.encode.api.retry.describe` reads it."""

    def __init__(self, status: int, headers: dict[str, str], body: object) -> None:
        super().__init__(f"HTTP {status}")
        self.status_code, self.headers, self.body = status, headers, body


class _Direct(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: it would carry the key to another server."""

    def redirect_request(self, *_: Any) -> None:
        return None


@dataclass(frozen=True)
class Answered:
    """What came back for one request.

    Attributes:
        vectors: one a text, [D], or [T, D] of its tokens; empty where the texts were refused.
        tokens: that the server counted; None where it does not say.
        refused: why there are no vectors; empty where there are.
    """

    vectors: list[np.ndarray] = field(default_factory=list)
    tokens: int | None = None
    refused: str = ""


class EndpointCopy:
    """A server.

    Args:
        url: of its API; most end in /v1.
        model: what the server calls the model; None to ask it.
        adds_prompts: the server puts the prompts before the texts, so they are sent without.
    """

    def __init__(self, url: str, model: str | None = None, *, adds_prompts: bool = False) -> None:
        config = ModelConfig(name=model or "the model", api=Provider.OPENAI, base_url=url)
        self.name = str(config.base_url)
        self.access: Access = access_of(config)
        self.adds_prompts = adds_prompts
        self._model, self._ours = model, False
        self._opener = urllib.request.build_opener(_Direct)
        self._patience = Patience(self.access.address, self.access.key, say, attempts=5, seconds=120)

    def read(self, encoding: EncodingFile) -> Observed:
        """See `Copy.read`.

        Raises:
            ModelError: the server cannot be reached, refuses every text, or does not speak the protocol.
        """
        notes = []
        if self.access.variable is not None:
            notes.append(f"the key in {self.access.variable} was sent to {self.access.address}")
        model = self._settle()
        if self._ours:
            notes.append("it is a server of embed-tune: texts are sent without prompts, with their role as input_type")
        readings = {}
        for place, golden in enumerate(encoding.golden):
            if golden.task is not None and not self._ours:
                notes.append(f"{golden.called()} texts are not compared: the protocol cannot tell a router their role")
                continue
            if self._ours and not golden.roles:
                notes.append(f"{golden.called()} texts are not compared: the server has prompts of roles only")
                continue
            answers = [self._embed(model, golden, [text]) for text in encoding.texts_of(golden.texts)]
            refused = {i: one.refused for i, one in enumerate(answers) if one.refused}
            if len(refused) == len(answers):
                raise ModelError(f"{self.name} refuses every text: {refused[0]}", hint="check --model and the server's log")
            readings[place] = Reading(
                tuple(None if one.refused else one.vectors[0] for one in answers), refused, tuple(one.tokens for one in answers)
            )
        return Observed(self.name, SERVICE, readings, together=self._together(model, encoding, readings), notes=tuple(notes))

    def _embed(self, model: str, golden: Golden, texts: list[str]) -> Answered:
        """Return the vectors of texts under a prompt, in their order.

        Raises:
            ModelError: the server cannot be reached, or answers with something else.
        """
        prompt = "" if self.adds_prompts or self._ours else golden.prompt
        asked: dict[str, Any] = {"model": model, "input": [prompt + text for text in texts], "encoding_format": "float"}
        if self._ours:
            asked["input_type"] = golden.roles[0].value

        def work() -> Answered:
            try:
                return _parsed(self._request("embeddings", asked), len(texts))
            except HttpError as error:
                if error.status_code not in REFUSED:
                    raise
                return Answered(refused=f"HTTP {error.status_code}{_said(error.body, self.access.key)}")

        return self._patience.call(work)

    def _together(self, model: str, encoding: EncodingFile, readings: dict[int, Reading]) -> float | None:
        """Return the largest distance between probes sent alone and in one request; None where they cannot be compared."""
        for place, reading in readings.items():
            golden = encoding.golden[place]
            rows = [golden.texts.index(n) for n in PROBES if n in golden.texts]
            alone = [reading.vectors[row] for row in rows]
            if any(one is None or one.ndim > 1 for one in alone):
                return None
            beside = self._embed(model, golden, [encoding.texts[golden.texts[row]] for row in rows])
            if beside.refused or any(one.ndim > 1 for one in beside.vectors):
                return None
            return float(distances(np.stack([one for one in alone if one is not None]), np.stack(beside.vectors)).max())
        return None

    def _settle(self) -> str:
        """Return what the server calls the model, and learn whether it is a server of ours, which puts the prompts itself.

        Raises:
            ModelError: it has several models, or does not say which.
        """
        why, entries = "", []
        try:
            listed = self._patience.call(lambda: self._request("models", None))
            entries = [one for one in listed["data"] if isinstance(one["id"], str)]
        except (ModelError, KeyError, TypeError) as error:
            why = error.what if isinstance(error, ModelError) else "it does not list its models"
        chosen = [one for one in entries if self._model in (None, one["id"])]
        self._ours = bool(chosen) and all(one.get("owned_by") == OURS for one in chosen)
        if self._model is not None:
            return self._model
        if why:
            hint = "check that it runs and the address (most end in /v1); a server that lists no models needs --model NAME"
            raise ModelError(f"{self.name} does not say which model it serves: {why}", hint=hint)
        if len(entries) != 1:
            shown = ", ".join(one["id"] for one in entries[:10]) or "none"
            raise ModelError(f"{self.name} has not one model but {len(entries)}: {shown}", hint="name one: --model NAME")
        return str(entries[0]["id"])

    def _request(self, path: str, content: dict[str, Any] | None) -> Any:
        """Return the JSON of an answer; a POST where there is content.

        Raises:
            HttpError: the state is no success.
            BadAnswerError: it is no JSON.
            ConnectionError, TimeoutError: there is no answer.
        """
        body = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.access.key}"}
        request = urllib.request.Request(f"{self.access.address}/{path}", data=body, headers=headers)
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                raw = answer.read()
        except urllib.error.HTTPError as error:
            raise HttpError(error.code, dict(error.headers), _json(error.read())) from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise TimeoutError from None
            raise ConnectionError from None
        except http.client.HTTPException:
            raise ConnectionError from None
        found = _json(raw)
        if found is None:
            raise BadAnswerError("the answer is not JSON")
        return found


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _said(body: Any, key: str) -> str:
    """Return a server's own words, short, on one line, without the key."""
    inner = body.get("error", body) if isinstance(body, dict) else body
    text = inner.get("message") or inner.get("detail") or "" if isinstance(inner, dict) else inner or ""
    text = " ".join(str(text).replace(key, "***").split())[:200]
    return f": {text}" if text else ""


def _parsed(content: Any, texts: int) -> Answered:
    """Return the vectors of an answer, in the order of the texts.

    Raises:
        BadAnswerError: they are not there, or not numbered as the texts are.
    """
    try:
        rows = sorted(content["data"], key=lambda row: row["index"])
        if [row["index"] for row in rows] != list(range(texts)):
            raise BadAnswerError(f"{len(rows)} vectors came back for {texts} texts, or they are not numbered from 0")
        vectors = [_vector(row["embedding"]) for row in rows]
        usage = content.get("usage") or {}
    except (KeyError, TypeError, AttributeError, ValueError):
        raise BadAnswerError("the answer is not in the form of OpenAI's embeddings") from None
    if any(one.size == 0 for one in vectors):
        return Answered(refused="an empty vector came back")
    if not all(np.isfinite(one).all() for one in vectors):
        raise BadAnswerError("a vector holds NaN or infinity")
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return Answered(vectors, tokens if isinstance(tokens, int) and tokens > 0 else None)


def _vector(value: Any) -> np.ndarray:
    """Return [D], or [T, D] where there is a vector a token.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str):  # base64, whatever was asked for
        return np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4").copy()
    found = np.array(value, dtype=np.float32)
    if found.ndim == 3 and len(found) == 1:
        found = found[0]
    if found.ndim not in (1, 2):
        raise ValueError("no vector")
    return found[0] if found.ndim == 2 and len(found) == 1 else found
