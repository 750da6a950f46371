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
from train.encode.contract import Role
from train.encode.encoding_format import EncodingFile
from train.encode.golden import PROBES
from train.encode.verify.observed import SERVICE, Observed, Reading, distances
from train.errors import ModelError

SECONDS = 120.0
"""Until a request that is not answered counts as lost: a long text on a slow CPU."""

REFUSED = frozenset({400, 413, 422})
"""HTTP states with which servers refuse a text; about the request itself they say the same of every text."""


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
        self._model, self._takes_roles = model, False
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
        model = self._model or self._ask_name()
        self._takes_roles = not self.adds_prompts and self._is_ours()
        readings = {}
        for place, golden in enumerate(encoding.golden):
            if self._takes_roles and not golden.roles:
                notes.append(f"{golden.called()} texts are not compared: this server is told roles, not prompts")
                continue
            prompt = "" if self.adds_prompts or self._takes_roles else golden.prompt
            role = golden.roles[0] if self._takes_roles else None
            if golden.task is not None:
                notes.append(f"{golden.called()} texts are not compared: the protocol cannot tell a router their role")
                continue
            answers = [self.embed(model, [prompt + text], role) for text in encoding.texts_of(golden.texts)]
            refused = {i: one.refused for i, one in enumerate(answers) if one.refused}
            if len(refused) == len(answers):
                raise ModelError(f"{self.name} refuses every text: {refused[0]}", hint="check --model and the server's log")
            readings[place] = Reading(
                tuple(None if one.refused else one.vectors[0] for one in answers), refused, tuple(one.tokens for one in answers)
            )
        return Observed(self.name, SERVICE, readings, together=self._together(model, encoding, readings), notes=tuple(notes))

    def embed(self, model: str, texts: list[str], role: Role | None = None) -> Answered:
        """Return the vectors of texts, in their order.

        Args:
            model: what the server calls it.
            texts: N texts.
            role: that the server is told, so that it puts the prompt before them; None for a server that knows none.

        Raises:
            ModelError: the server cannot be reached, or answers with something else.
        """

        def work() -> Answered:
            try:
                told = {} if role is None else {"input_type": role.value}
                content = {"model": model, "input": texts, "encoding_format": "float", **told}
                return _parsed(self._request("embeddings", content), len(texts))
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
            prompt = "" if self.adds_prompts or self._takes_roles else golden.prompt
            role = golden.roles[0] if self._takes_roles else None
            beside = self.embed(model, [prompt + encoding.texts[golden.texts[row]] for row in rows], role)
            if beside.refused or any(one.ndim > 1 for one in beside.vectors):
                return None
            return float(distances(np.stack([one for one in alone if one is not None]), np.stack(beside.vectors)).max())
        return None

    def _is_ours(self) -> bool:
        """Tell whether `embed-tune serve` answers, which puts prompts before texts by the role that it is told."""
        try:
            listed = self._request("models", None)
            return any(one.get("owned_by") == "embed-tune" for one in listed["data"])
        except (HttpError, OSError, BadAnswerError, KeyError, TypeError, AttributeError):
            return False  # whatever is wrong is said where texts are sent

    def _ask_name(self) -> str:
        """Return what the server calls its only model.

        Raises:
            ModelError: it has several, or does not say.
        """
        try:
            listed = self._patience.call(lambda: self._request("models", None))
            names = [str(one["id"]) for one in listed["data"]]
        except (ModelError, KeyError, TypeError) as error:
            why = error.what if isinstance(error, ModelError) else "it does not list its models"
            raise ModelError(
                f"{self.name}: which model is meant is not known: {why}",
                hint="name it: --model NAME; and check the address (most end in /v1)",
            ) from None
        if len(names) != 1:
            shown = ", ".join(names[:10]) or "none"
            raise ModelError(f"{self.name} has not one model but {len(names)}: {shown}", hint="name one: --model NAME")
        return names[0]

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
