"""`embed-tune serve`: a small server of vectors in OpenAI's form."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from train.config.load import load_config
from train.config.schema import BaseSettings
from train.console import detail, quiet_libraries, say
from train.deploy.server.batching import Batcher, Encoded
from train.deploy.server.limits import USUAL, Limits
from train.deploy.server.wire import Served
from train.encode.contract import Role
from train.encode.forward.cpu_malloc import keep_freed_memory
from train.encode.local import Encoder
from train.encode.open import open_model
from train.encode.protocol import OpenedModel, TextEncoder
from train.encode.tokens.count import token_counter
from train.errors import ConfigError, ModelError
from train.resolve.models import Candidate
from train.runs.folder import RunFolder
from train.runs.read import read_report

if TYPE_CHECKING:
    from train.deploy.server.running import Running

KEY = "EMBED_TUNE_SERVER_KEY"
"""The variable that holds the key that clients must send."""

_WORDS = {Role.QUERY: "queries", Role.DOCUMENT: "documents", Role.SYMMETRIC: "symmetric"}

EXTRA = "pip install starlette uvicorn"


@dataclass(frozen=True)
class ServeRequest:
    """What `embed-tune serve` was asked for.

    Attributes:
        candidate: the model.
        config: how many texts a forward pass takes, where they cannot be packed.
        host, port: where to listen; port 0 takes a free one.
        role: what texts are where a client does not say.
        name: what clients call the model; None for the name of its run, or of its folder.
        key_from: the variable that holds the key; it must be set where it is not the usual one.
        limits: see `Limits`.
    """

    candidate: Candidate
    config: BaseSettings
    host: str = "127.0.0.1"
    port: int = 8080
    role: Role = Role.DOCUMENT
    name: str | None = None
    key_from: str | None = None
    limits: Limits = USUAL


def serve(
    request: ServeRequest, *, began: Callable[[Running, str], None] = lambda server, address: None, debug: bool = False
) -> None:
    """Serve until Ctrl-C or SIGTERM; what was begun is answered first.

    Args:
        request: the model, and how.
        began: gets the server, which another thread may stop, and its address.
        debug: show what libraries log.

    Raises:
        ConfigError: the framework is not installed, or a key is wanted that is not set.
        ModelError: the model cannot be opened, or is behind an API.
        RunError: the port is taken.
    """
    quiet_libraries(debug)
    _refuse_without_framework()
    key = read_key(request.key_from)
    if request.candidate.config.api is not None:
        raise ModelError(f"{request.candidate.label} is behind an API already", hint="name a model on this machine, or a run")
    from train.deploy.server.app import Server, make_app
    from train.deploy.server.running import listening, run

    listener = listening(request.host, request.port)
    with listener:
        opened = open_model(request.candidate.config, batch_size=request.config.evaluation.batch_size)
        if opened.device == "cpu":
            keep_freed_memory()
        detail(opened.origin.sentence())
        say(f"{request.candidate.label}: {opened.encoder.contract.sentence()}")
        for note in (*request.candidate.notes, *opened.notes):
            say(f"  note: {note}")
        served = served_model(request, opened)
        encode = Encoding(opened)
        encode(["ready"], request.role)  # the first text takes longest
        batcher = Batcher(encode, request.limits)
        address = f"http://{_shown(request.host)}:{listener.getsockname()[1]}/v1"
        _say_where(request, served, address, key)
        app = make_app(Server(served, batcher, request.limits, key, _about(opened, served)))
        if run(app, listener, lambda one: began(one, address)):
            batcher.close()
    done = batcher.counters
    what = f"{_many(done.requests, 'request')} with {_many(done.texts, 'text')}"
    say(f"stopped: {what} {'was' if done.requests == 1 else 'were'} answered, in {_many(done.batches, 'batch', 'batches')}")


def _many(number: int, one: str, several: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else several or one + 's'}"


class Encoding:
    """Turns texts into vectors, and counts the tokens that the model reads of them. Nothing of the texts is kept.

    Args:
        opened: the model.
    """

    def __init__(self, opened: OpenedModel) -> None:
        self._encoder: TextEncoder = opened.encoder
        self._counter = token_counter(opened.encoder) if isinstance(opened.encoder, Encoder) else None

    def __call__(self, texts: list[str], role: Role) -> Encoded:
        """Return the vectors of texts in one role, and their tokens."""
        vectors = self._encoder.encode(texts, role, progress=False).numpy()
        tokens = self._tokens(texts, role)
        if isinstance(self._encoder, Encoder) and self._encoder.store is not None:
            self._encoder.store.forget()
        return Encoded(np.asarray(vectors, dtype=np.float32), tokens)

    def _tokens(self, texts: list[str], role: Role) -> list[int]:
        """Count tokens as the model reads them: with its prompt and special tokens, and cut at its limit."""
        contract = self._encoder.contract
        if isinstance(self._encoder, Encoder) and self._encoder.store is not None:
            found: list[int] = self._encoder.store.rows(texts, contract.prompt(role), contract.max_tokens).lengths.tolist()
            return found
        count = getattr(self._encoder, "count_tokens", None)  # an export's
        if count is not None:
            return [int(one) for one in count(texts, role)]
        if self._counter is not None:
            return [min(one, contract.max_tokens) for one in self._counter.count(texts, role)]
        return [len(text.split()) for text in texts]  # without a tokenizer words are what is read


def served_model(request: ServeRequest, opened: OpenedModel) -> Served:
    """Return what clients may ask for."""
    label = request.candidate.label
    run = request.candidate.run
    name = request.name or (run.resolve().name if run is not None else Path(label).name)
    whole = opened.encoder.contract.dimensions
    lengths = [one for one in trained_lengths(request.candidate) if one < whole]
    return Served(name, {label, opened.origin.name}, whole, lengths, request.role)


def trained_lengths(candidate: Candidate) -> list[int]:
    """Return the dimensions to which the vectors of a run's model may be cut: those that it was trained for."""
    if candidate.run is None:
        return []
    files = RunFolder(candidate.run)
    if files.is_finished and read_report(files.path).selection.share == 0:
        return []  # the base itself, which nobody trained
    return load_config(files.config).training.matryoshka


def read_key(variable: str | None) -> str | None:
    """Return the key that clients must send; None where none is set.

    Args:
        variable: that holds it; None for the usual one, which need not be set.

    Raises:
        ConfigError: the variable that is named is not set, or its value cannot be sent.
    """
    key = os.environ.get(variable or KEY, "").strip()
    if not key and variable is not None:
        raise ConfigError(f"--key-from {variable}: that variable is not set", hint=f"export {variable}=…")
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"the key in {variable or KEY} has characters that no header can hold", hint="use letters and digits")
    return key or None


def _refuse_without_framework() -> None:
    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise ConfigError(f"the server needs a package that is not installed: {error.name}", hint=EXTRA) from None


def _say_where(request: ServeRequest, served: Served, address: str, key: str | None) -> None:
    asks = "clients send the key" if key is not None else "no key is asked for"
    say(f"serving {served.name} at {address} ({asks}; texts are {_WORDS[request.role]} unless input_type says otherwise)")
    if key is None and not _is_loopback(request.host):
        say(f"  warning: anybody who reaches {request.host} may use it: set {KEY}, or leave out --host")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _about(opened: OpenedModel, served: Served) -> dict[str, object]:
    """Return what `/v1/models` says beside OpenAI's fields."""
    contract = opened.encoder.contract
    return {
        "dimensions": served.dimensions,
        "shorter_dimensions": sorted(served.lengths, reverse=True),
        "max_tokens": None if contract.reads_whole else contract.max_tokens,
        "normalized": contract.normalized,
        "input_type": served.role.value,
    }
