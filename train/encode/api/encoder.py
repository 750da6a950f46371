"""A model behind an API as an encoder: batches, order, truncation, and checks of what comes back.

Shapes: N texts, D dimensions.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from data.progress import progress as bar_of
from data.storage import digest
from train.config.choices import Provider
from train.config.schema import ModelConfig
from train.console import say
from train.encode.api.catalog import (
    LIMITS,
    OPEN_WEIGHTS,
    OWN_LIMITS,
    UNKNOWN_MAX_TOKENS,
    KnownModel,
    Limits,
    known_model,
    longest_input,
)
from train.encode.api.prices import BYTES_A_TOKEN as USUAL_BYTES_A_TOKEN
from train.encode.api.providers import Answer, Client, make_client
from train.encode.api.retry import BadAnswerError, Patience, TooLongError
from train.encode.contract import EncodingContract, Role
from train.encode.protocol import OpenedModel
from train.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
"""Raised when vectors of an earlier version may not be used any more."""
REQUESTS_AT_ONCE = 4
BYTES_A_TOKEN, MOST_BYTES_A_TOKEN = 3.5, 8.0
"""Of UTF-8 in a token, on the careful side for the size of a request, and more than any text of words has. English has about 4.2,
Chinese 2 to 3 (a character is 3 bytes)."""
SHORTER = 0.85
"""What is tried next of a text that the server finds too long, where it does not say how much too long."""


@dataclass
class Usage:
    """Counters of what was asked of a provider; several threads add to them.

    Attributes:
        requests: that were answered with vectors.
        texts: in them.
        tokens: that the provider bills; None where it does not say.
        cut: texts that were longer than the model reads (where the server cuts them, those that probably were).
        blank: texts that were not sent.
    """

    requests: int = 0
    texts: int = 0
    tokens: int | None = 0
    cut: int = 0
    blank: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def add(self, *, requests: int = 0, texts: int = 0, tokens: int | None = 0, cut: int = 0, blank: int = 0) -> None:
        """Count something."""
        with self._lock:
            self.requests += requests
            self.texts += texts
            self.tokens = None if tokens is None or self.tokens is None else self.tokens + tokens
            self.cut += cut
            self.blank += blank


@dataclass(frozen=True)
class ApiOrigin:
    """Where a model behind an API is."""

    name: str
    address: str
    kind: str = "api"
    revision: str | None = None
    sha256: str | None = None

    def sentence(self) -> str:
        """Return one line for the terminal: texts leave this machine."""
        return f"{self.name}: behind an API; texts are sent to {self.address}"


@dataclass
class ApiEncoder:
    """A `TextEncoder` whose vectors a provider computes.

    The weights cannot be seen, so `space` holds the model's name and address: should the provider change the model behind the
    name, a cache cannot know. A `ttl` of the cache limits that.

    Attributes:
        config: which model.
        client: of its provider.
        contract: what is known of how it encodes.
        limits: what one request may hold.
        patience: the policy for failures.
        usage: what was asked so far.
    """

    config: ModelConfig
    client: Client
    contract: EncodingContract
    limits: Limits
    patience: Patience
    usage: Usage = field(default_factory=Usage)
    _told: set[str] = field(default_factory=set)

    @property
    def similarity(self) -> Literal["cosine", "dot"]:
        """All three providers compare by cosine."""
        return self.contract.similarity

    @property
    def window(self) -> int:
        """Texts that are asked for before a cache writes them: one round of requests."""
        return self.limits.texts * REQUESTS_AT_ONCE

    def space(self, role: Role) -> str:
        """See `TextEncoder.space`."""
        model = [self.config.api, self.client.access.address, self.config.name]
        lengths = [self.contract.dimensions, self.contract.max_tokens, self._longest]
        parts = [FORMAT, *model, *lengths, self.client.input_type(role), self.contract.prompt(role)]
        return digest(json.dumps(parts))

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """Return float32 [N, D]. A blank text, which providers refuse, gets the zero vector.

        Raises:
            ModelError: the provider refused, cannot be reached, or answered with something else than such vectors.
        """
        import torch

        prompt = self.contract.prompt(role)
        vectors = np.zeros((len(texts), self.contract.dimensions), dtype=np.float32)
        ready = {row: self._cut(prompt + text) for row, text in enumerate(texts) if text.strip()}
        self.usage.add(blank=len(texts) - len(ready))
        with (
            bar_of(self.config.name, len(ready), "text", wanted=progress) as tick,
            closing(self._answers(list(self._batches(ready)), ready, role)) as answers,
        ):
            for batch, found in answers:
                vectors[batch] = found
                tick(len(batch))
        self._tell()
        return torch.from_numpy(vectors)

    def _answers(
        self, batches: list[list[int]], ready: dict[int, str], role: Role
    ) -> Generator[tuple[list[int], np.ndarray], None, None]:
        """Yield row numbers and their vectors [B, D], as they come."""
        stopped = threading.Event()
        if len(batches) == 1:  # needs no thread, and keeps the connection that a thread would take with it
            yield batches[0], self._ask([ready[row] for row in batches[0]], role, stopped)
            return
        pool = ThreadPoolExecutor(REQUESTS_AT_ONCE)
        asked = {pool.submit(self._ask, [ready[row] for row in batch], role, stopped): batch for batch in batches}
        try:
            for future in as_completed(asked):
                yield asked[future], future.result()
        finally:  # after a failure or an interruption those that wait to ask again have to give up
            stopped.set()
            pool.shutdown(cancel_futures=True)

    def _batches(self, ready: dict[int, str]) -> Iterator[list[int]]:
        """Yield row numbers, as many as fit into one request."""
        batch: list[int] = []
        tokens = 0.0
        for row, text in ready.items():
            more = min(estimated_tokens(text), self.contract.max_tokens)
            if batch and (len(batch) == self.limits.texts or tokens + more > self.limits.tokens):
                yield batch
                batch, tokens = [], 0.0
            batch.append(row)
            tokens += more
        if batch:
            yield batch

    def _cut(self, text: str) -> str:
        """Return the text as it is sent.

        The model's tokenizer is not here, so only what is surely too long is cut, unless the config names a maximum of its own;
        what the server still finds too long is cut when it says so.
        """
        raw = text.encode("utf-8", "replace")  # half a surrogate pair is no character, and no JSON
        probably = self.client.cuts and len(raw) > self.contract.max_tokens * USUAL_BYTES_A_TOKEN
        self.usage.add(cut=probably or len(raw) > self._longest)
        return raw[: self._longest].decode("utf-8", "ignore")

    @property
    def _longest(self) -> int:
        """Bytes of a text that are sent at most."""
        asked = self.config.max_tokens is not None and not self.client.cuts
        return int(self.contract.max_tokens * (BYTES_A_TOKEN if asked else MOST_BYTES_A_TOKEN))

    def _ask(self, texts: list[str], role: Role, stopped: threading.Event) -> np.ndarray:
        """Return [B, D].

        A request that the server finds too large is halved, until the text that is too long stands alone: how a text is cut may
        not depend on what happened to be sent with it.
        """
        try:
            return self._request(texts, role, stopped)
        except TooLongError as error:
            if len(texts) == 1:
                return self._ask_shorter(texts[0], error, role, stopped)
        middle = len(texts) // 2
        return np.concatenate([self._ask(half, role, stopped) for half in (texts[:middle], texts[middle:])])

    def _ask_shorter(self, text: str, refused: TooLongError, role: Role, stopped: threading.Event) -> np.ndarray:
        """Return [1, D] of as much of the text as the server takes."""
        raw = text.encode()
        self.usage.add(cut=len(raw) < self._longest - 3)  # else it is counted; up to 3 bytes of a character may have gone
        while (raw := raw[: int(len(raw) * min(SHORTER, 0.98 * (refused.share or 1)))]).strip():
            try:
                return self._request([raw.decode("utf-8", "ignore")], role, stopped)
            except TooLongError as error:
                refused = error
        raise ModelError(
            f"{self.patience.name} refuses texts as too long: {refused}", hint="set model.max_tokens to what the server takes"
        )

    def _request(self, texts: list[str], role: Role, stopped: threading.Event) -> np.ndarray:
        def work() -> Answer:
            return checked(self.client.embed(texts, role), len(texts), self.contract.dimensions)

        answer = self.patience.call(work, stopped)
        self.usage.add(requests=1, texts=len(texts), tokens=answer.tokens)
        return answer.vectors

    def _tell(self) -> None:
        """Say what is left out of texts, the first time that anything is."""
        if self.usage.cut and "cut" not in self._told:
            say(f"  {self.config.name}: texts of more than {self.contract.max_tokens:,} tokens are cut; what follows is ignored")
            self._told.add("cut")
        if self.usage.blank and "blank" not in self._told:
            say(f"  {self.config.name}: blank texts are not sent; their vectors are zero")
            self._told.add("blank")


def checked(answer: Answer, texts: int, dimensions: int) -> Answer:
    """Return the answer, if it holds a vector of the right size for each text.

    Raises:
        BadAnswerError: it does not.
    """
    rows, width = answer.vectors.shape
    if rows == 0 and texts:
        raise BadAnswerError("the answer holds no vectors, or vectors of several sizes")
    if rows != texts:
        raise BadAnswerError(f"{rows} vectors came back for {texts} texts")
    if dimensions and width != dimensions:
        raise BadAnswerError(f"vectors of {width} dimensions came back, but {dimensions} were expected")
    if not np.isfinite(answer.vectors).all():
        raise BadAnswerError("a vector holds NaN or infinity")
    return answer


def estimated_tokens(text: str) -> float:
    """Estimate how many tokens a text has, rather more than fewer; each provider has a tokenizer of its own."""
    return len(text.encode("utf-8", "replace")) / BYTES_A_TOKEN + 1


def open_api_model(config: ModelConfig) -> OpenedModel:
    """Open a model behind an API. A model that is not known by name is asked for the vector of one word, to see its size.

    Raises:
        ModelError: key or client are missing, a setting has no meaning, the dimensions cannot be had, or the provider refuses.
    """
    if config.api is None:
        raise ValueError("the model is not behind an API")
    name = f"{config.api}:{config.name}"
    known = known_model(config)
    _refuse_meaningless(config, name, known)
    client = make_client(config)
    own = client.access.own
    patience = Patience(f"{name} at {client.access.address}" if own else name, client.access.key, say)
    if known is None:
        dimensions, normalized = _measured(client, patience, config.dimensions)
    else:
        dimensions, normalized = config.dimensions or known.dimensions, known.provider in ("openai", "voyage")
    contract = EncodingContract(
        query_prompt=config.query_prompt or "",
        document_prompt=config.document_prompt or "",
        symmetric_prompt="",
        prompts_from="your config" if config.query_prompt or config.document_prompt else "nowhere",
        pooling="the API's own",
        normalized=normalized,
        max_tokens=longest_input(config),
        dimensions=dimensions,
        similarity="cosine",
    )
    encoder = ApiEncoder(config, client, contract, OWN_LIMITS if own else LIMITS[config.api], patience)
    return OpenedModel(encoder, ApiOrigin(name, client.access.address), _notes(config, client))


def _refuse_meaningless(config: ModelConfig, name: str, known: KnownModel | None) -> None:
    if config.api == Provider.VOYAGE and config.name in OPEN_WEIGHTS:
        raise ModelError(
            f"{name} is not a model behind an API; its weights are open", hint=f"name it {OPEN_WEIGHTS[config.name]}"
        )
    for setting in ("pooling", "revision"):
        if getattr(config, setting) is not None:
            raise ModelError(f"model.{setting} has no meaning for {name}: the API decides it", hint="leave it out")
    if known is not None and config.dimensions not in (None, known.dimensions, *known.choices):
        raise ModelError(
            f"model.dimensions={config.dimensions}: {name} offers {known.offer()}", hint="leave it out, or choose another"
        )


def _measured(client: Client, patience: Patience, dimensions: int | None) -> tuple[int, bool]:
    """Return the dimensions of the vector of one word, and whether its length is 1."""
    answer = patience.call(lambda: checked(client.embed(["dimensions"], Role.DOCUMENT), 1, dimensions or 0))
    return int(answer.vectors.shape[1]), abs(float(np.linalg.norm(answer.vectors)) - 1) < 1e-3


def _notes(config: ModelConfig, client: Client) -> list[str]:
    types = [client.input_type(role) for role in (Role.QUERY, Role.DOCUMENT)]
    notes = [f"each request names the role of its texts, query or document ({types[0]}, {types[1]})"] if any(types) else []
    if known_model(config) is None and config.max_tokens is None:
        notes.append(
            f"the model is not known by name: inputs of up to {UNKNOWN_MAX_TOKENS:,} tokens are assumed (model.max_tokens)"
        )
    if config.max_tokens is not None and not client.cuts:
        notes.append(f"tokens can only be estimated here: texts are cut at {BYTES_A_TOKEN} bytes for each of model.max_tokens")
    if client.access.own and client.access.variable is not None:
        notes.append(f"the key in {client.access.variable} is sent to {client.access.address}")
    return notes
