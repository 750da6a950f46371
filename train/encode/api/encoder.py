"""A model behind an API as an encoder: batches, order, truncation, and checks of what comes back.

Shapes: N texts, D dimensions.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from tqdm.auto import tqdm

from train.config import ModelConfig
from train.encode.api.clients import Answer, Client, make_client
from train.encode.api.known import KNOWN, LIMITS, Limits
from train.encode.api.patience import BadAnswerError, Patience, TooLongError
from train.encode.contract import EncodingContract, Role
from train.encode.opened import OpenedModel
from train.encode.plain_tokens import digest
from train.errors import ModelError
from train.terminal import is_main, say

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
"""Raised when vectors of an earlier version may not be used any more."""
REQUESTS_AT_ONCE = 4
BYTES_A_TOKEN = 3.5
"""Of UTF-8 in a token, on the careful side: English has about 4.2, Chinese 2 to 3 (a character is 3 bytes)."""
UNKNOWN_MAX_TOKENS = 8191


@dataclass(frozen=True)
class ApiOrigin:
    """Where a model behind an API is."""

    name: str
    address: str
    kind: str = "api"
    revision: str | None = None
    sha256: str | None = None

    def sentence(self) -> str:
        """One line for the terminal: texts leave this machine."""
        return f"{self.name}: behind an API; texts are sent to {self.address}"


@dataclass
class Usage:
    """What was asked of the provider so far. `tokens` are those that it bills; None where it does not say."""

    requests: int = 0
    texts: int = 0
    tokens: int | None = 0
    cut: int = 0
    blank: int = 0


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
        prompt, kind, limit = self.contract.prompt(role), self.client.input_type(role), self.contract.max_tokens
        parts = [FORMAT, self.config.api, self.client.address, self.config.name, self.contract.dimensions, kind, prompt, limit]
        return digest(json.dumps(parts))

    def encode(self, texts: Sequence[str], role: Role, progress: bool | None = None) -> Tensor:
        """Float32 [N, D]. A blank text, which providers refuse, gets the zero vector.

        Raises:
            ModelError: the provider refused, cannot be reached, or answered with something else than such vectors.
        """
        import torch

        if progress is None:
            progress = is_main() and sys.stderr.isatty()
        prompt = self.contract.prompt(role)
        vectors = np.zeros((len(texts), self.contract.dimensions), dtype=np.float32)
        written = [row for row, text in enumerate(texts) if text.strip()]
        self.usage.blank += len(texts) - len(written)
        ready = {row: self._cut(prompt + texts[row]) for row in written}
        batches = list(self._batches(ready))
        with (
            tqdm(total=len(written), unit="text", desc=self.config.name, leave=False, disable=not progress) as bar,
            ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool,
        ):
            asked = [pool.submit(self._ask, [ready[row] for row in batch], role) for batch in batches]
            try:
                for batch, future in zip(batches, asked, strict=True):
                    vectors[batch] = future.result()
                    bar.update(len(batch))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return torch.from_numpy(vectors)

    def _batches(self, ready: dict[int, str]) -> Iterator[list[int]]:
        """Row numbers, as many as fit into one request."""
        batch: list[int] = []
        tokens = 0.0
        for row, text in ready.items():
            more = estimated_tokens(text)
            if batch and (len(batch) == self.limits.texts or tokens + more > self.limits.tokens):
                yield batch
                batch, tokens = [], 0.0
            batch.append(row)
            tokens += more
        if batch:
            yield batch

    def _cut(self, text: str) -> str:
        """The text, cut where it is surely longer than the model reads; the client's tokenizer is not known here."""
        longest = int(self.contract.max_tokens * BYTES_A_TOKEN)
        if len(text) * 4 <= longest or len(raw := text.encode("utf-8", "replace")) <= longest:
            return text
        self.usage.cut += 1
        return raw[:longest].decode("utf-8", "ignore")

    def _ask(self, texts: list[str], role: Role) -> np.ndarray:
        try:
            return self._request(texts, role)
        except TooLongError:
            # a token has at least one byte, so texts of so many bytes fit for certain
            most = self.contract.max_tokens
            short = [text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore") for text in texts]
            self.usage.cut += sum(a != b for a, b in zip(texts, short, strict=True))
        try:
            return self._request(short, role)
        except TooLongError as error:
            raise ModelError(
                f"{self.patience.name} refuses texts as too long: {error}", mend="set model.max_tokens to what the server takes"
            ) from None

    def _request(self, texts: list[str], role: Role) -> np.ndarray:
        def work() -> Answer:
            return checked(self.client.embed(texts, role), len(texts), self.contract.dimensions)

        answer = self.patience.call(work)
        self.usage.requests += 1
        self.usage.texts += len(texts)
        self.usage.tokens = None if answer.tokens is None or self.usage.tokens is None else self.usage.tokens + answer.tokens
        return answer.vectors


def checked(answer: Answer, texts: int, dimensions: int) -> Answer:
    """The answer, if it holds a vector of the right size for each text.

    Raises:
        BadAnswerError: it does not.
    """
    rows, width = answer.vectors.shape
    if rows == 0 and texts:
        raise BadAnswerError("the answer holds no vectors, or vectors of several sizes")
    if rows != texts:
        raise BadAnswerError(f"{rows} vectors came back for {texts} texts")
    if dimensions and width != dimensions:
        raise BadAnswerError(f"vectors of {width} dimensions came back, {dimensions} were expected")
    if not np.isfinite(answer.vectors).all():
        raise BadAnswerError("a vector holds NaN or infinity")
    return answer


def estimated_tokens(text: str) -> float:
    """About how many tokens a text has, rather more than fewer; each provider has a tokenizer of its own."""
    return len(text.encode("utf-8", "replace")) / BYTES_A_TOKEN + 1


def open_api_model(config: ModelConfig) -> OpenedModel:
    """Open a model behind an API. A model that is not known by name is asked for the vector of one word, to see its size.

    Raises:
        ModelError: key or client are missing, the dimensions cannot be had, or the provider refuses.
    """
    if config.api is None:
        raise ValueError("the model is not behind an API")
    client = make_client(config)
    name = f"{config.api}:{config.name}"
    known = KNOWN.get(config.name)
    if known is not None and known.provider != config.api:
        known = None
    if known is not None and config.dimensions not in (None, known.dimensions, *known.choices):
        offered = f"{known.dimensions} only" if not known.choices else f"up to {max(known.choices)}"
        raise ModelError(f"model.dimensions={config.dimensions}: {name} offers {offered}", mend="leave it out, or choose another")
    patience = Patience(name, client.key, say)
    dimensions = config.dimensions or (known.dimensions if known else _measured(client, patience))
    contract = EncodingContract(
        query_prompt=config.query_prompt or "",
        document_prompt=config.document_prompt or "",
        symmetric_prompt="",
        prompts_from="your config" if config.query_prompt or config.document_prompt else "nowhere",
        pooling="the API's own",
        normalized=known is not None and known.provider in ("openai", "voyage"),
        max_tokens=config.max_tokens or (known.max_tokens if known else UNKNOWN_MAX_TOKENS),
        dimensions=dimensions,
        similarity="cosine",
    )
    encoder = ApiEncoder(config, client, contract, LIMITS[config.api], patience)
    return OpenedModel(encoder, ApiOrigin(name, client.address), _notes(client, known is None))


def _measured(client: Client, patience: Patience) -> int:
    """Dimensions of the vector of one word."""
    answer = patience.call(lambda: checked(client.embed(["dimensions"], "document"), 1, 0))
    return int(answer.vectors.shape[1])


def _notes(client: Client, unknown: bool) -> list[str]:
    types = [client.input_type(role) for role in ("query", "document")]
    notes = [f"the API is told which texts are queries and documents ({types[0]}, {types[1]})"] if any(types) else []
    if unknown:
        notes.append(
            f"the model is not known by name: inputs of up to {UNKNOWN_MAX_TOKENS:,} tokens are assumed (model.max_tokens)"
        )
    return notes
