"""What to do when a request fails: which failures pass, how long to wait, and how to say what does not pass."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from data.foreign_errors import TOO_LONG, TOO_LONG_OF
from train.errors import ModelError

T = TypeVar("T")

PASSING = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
"""HTTP states after which the same request may succeed."""
CONTEXT_LENGTH = "context_length_exceeded"
"""OpenAI's code for a text that is too long, where it gives one."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds; each wait is twice as long as the one before it, up to the longest, less up to a quarter by chance."""


class BadAnswerError(Exception):
    """A complete answer that is not what was asked for; the text is half a sentence. Asking again does not help."""


class TooLongError(Exception):
    """The server refused a request because a text is too long, or all together are too much.

    Attributes:
        share: how much of it would fit, where the server gives the figures; else None.
    """

    def __init__(self, words: str) -> None:
        super().__init__(words)
        tokens = [int(number) for number in re.findall(r"(\d+) tokens?\b", words)]
        self.share = min(tokens) / max(tokens) if min(tokens, default=0) < max(tokens, default=0) else None


class StoppedError(Exception):
    """The work that this request belongs to was given up meanwhile."""


@dataclass
class Problem:
    """A failure as all clients have it.

    Attributes:
        words: half a sentence without secrets.
        passes: whether the same request may succeed later.
        wait: seconds that the server asks to wait; None where it does not say.
        status: HTTP state; None where there was no answer.
        codes: the provider's own names of the error.
    """

    words: str
    passes: bool
    wait: float | None = None
    status: int | None = None
    codes: tuple[str, ...] = ()


@dataclass
class Patience:
    """Repeats a request as long as that may help. One object serves all requests of a model, from several threads.

    Attributes:
        name: the model, for messages.
        key: struck out wherever it might appear.
        attempts: of one request at most.
        seconds: that all waiting of one request may take.
        say: gets a line when the first wait begins.
        sleep: how to wait; by default until the time is over or the work is given up.
        retries: requests that were repeated so far.
        waited: seconds waited so far, over all threads.
    """

    name: str
    key: str = field(repr=False)
    say: Callable[[str], None]
    attempts: int = 8
    seconds: float = 300.0
    sleep: Callable[[float], object] | None = None
    retries: int = 0
    waited: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, work: Callable[[], T], stopped: threading.Event | None = None) -> T:
        """Return what the request gives in the end.

        Args:
            work: the request.
            stopped: set by another thread when nobody waits for the answer any more.

        Raises:
            TooLongError: a text is too long for the server, or there are too many.
            StoppedError: `stopped` was set.
            ModelError: it cannot be had; the message says why and never holds the key.
        """
        stopped = stopped or threading.Event()
        spent = 0.0
        for attempt in range(1, self.attempts + 1):
            if stopped.is_set():
                raise StoppedError
            try:
                return work()
            except Exception as error:
                problem = describe(error, self.key)
            if _too_long(problem):
                raise TooLongError(problem.words)
            wait = max(problem.wait or 0.0, _backoff(attempt))
            if not problem.passes or attempt == self.attempts or spent + wait > self.seconds:
                raise self._refusal(problem, attempt)
            self._wait(wait, problem, stopped)
            spent += wait
        raise AssertionError("unreachable")

    def _wait(self, seconds: float, problem: Problem, stopped: threading.Event) -> None:
        with self._lock:
            first = self.retries == 0
            self.retries += 1
            self.waited += seconds
        if first:
            self.say(f"  {self.name}: {problem.words}; asking again in {seconds:.0f} s (and again, silently, if necessary)")
        (self.sleep or stopped.wait)(seconds)

    def _refusal(self, problem: Problem, attempt: int) -> ModelError:
        tries = f" (asked {attempt} times)" if attempt > 1 else ""
        if problem.passes and problem.wait is not None and problem.wait > self.seconds:
            tries += f" (it says to wait {problem.wait:,.0f} s)"
        return ModelError(f"{self.name} could not be asked: {problem.words}{tries}", hint=_hint(problem))


def describe(error: Exception, key: str) -> Problem:
    """Describe a failure of any of the three clients. They share no class; all carry the HTTP state and headers of the answer."""
    if isinstance(error, BadAnswerError):
        return Problem(str(error), passes=False)
    status = getattr(error, "status_code", None) or getattr(error, "http_status", None)
    headers = getattr(getattr(error, "response", None), "headers", None) or getattr(error, "headers", None) or {}
    if isinstance(status, int) and status >= 400:
        said = "" if status in (401, 403) else _said(error, key)  # a refused key may be repeated in the server's words
        codes = _codes(error)
        passes = status in PASSING and "insufficient_quota" not in codes
        return Problem(f"HTTP {status} {_STATES.get(status, '')}".strip() + said, passes, _retry_after(headers), status, codes)
    kinds = " ".join(kind.__name__ for kind in type(error).__mro__)
    for words, signs in _BROKEN.items():
        if any(sign in kinds for sign in signs):
            return Problem(words, passes=True)
    return Problem(f"the answer is not in the form of the protocol ({type(error).__name__})", passes=False)


_BROKEN = {
    "no answer in time": ("Timeout",),
    "the server cannot be reached, or closed the connection": ("ConnectError", "ConnectionError", "APIConnectionError"),
    "the connection broke off": ("TransportError", "ProtocolError", "RequestException", "ChunkedEncodingError", "OSError"),
    "the answer was cut off or is not JSON": ("JSONDecodeError", "DecodeError", "APIError", "ApiError", "ValidationError"),
}
"""Failures without an HTTP state, by words in the names of their classes; the first that fits."""

_STATES = {
    400: "(the request was refused)",
    401: "(the key is not accepted)",
    403: "(the key is not allowed to do this)",
    404: "(no such model or address)",
    429: "(too many requests, or the quota is used up)",
    500: "(the server failed)",
    503: "(the server is overloaded)",
}


def _hint(problem: Problem) -> str:
    if problem.status in (401, 403):
        return "check the key in the environment, and whether it may use this model"
    if problem.status == 404:
        return "check the model's name and, for a server of your own, the address (most end in /v1)"
    if problem.status == 429:
        return "wait, or raise the limit with the provider; what is already in the cache is not requested again"
    if "protocol" in problem.words:
        return "check the address: a server of your own must speak the provider's protocol (most addresses end in /v1)"
    if problem.passes:
        return "try again later; what is already in the cache is not requested again"
    return "compare the model's limits with your data (model.max_tokens, model.dimensions)"


def _backoff(attempt: int) -> float:
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (attempt - 1)) * random.uniform(0.75, 1.0)


def _retry_after(headers: Any) -> float | None:
    """Return the seconds of a Retry-After header, given in seconds or as a date (RFC 9110, section 10.2.3)."""
    value = next((headers[name] for name in headers if str(name).lower() == "retry-after"), None) if headers else None
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _said(error: Exception, key: str) -> str:
    """Return the server's own words, short, on one line, without the key."""
    body = getattr(error, "body", None) or getattr(error, "json_body", None)
    if isinstance(body, dict):
        nested = body.get("error")
        inner = nested if isinstance(nested, dict) else body
        text = str(inner.get("message") or inner.get("detail") or inner.get("error") or "")
    else:
        text = str(body or getattr(error, "user_message", "") or "")
    text = " ".join(text.replace(key, "***").split())[:200]
    return f": {text}" if text else ""


def _codes(error: Exception) -> tuple[str, ...]:
    """Return the provider's own names of an error (OpenAI: `code` and `type`)."""
    return tuple(str(getattr(error, name, "")) for name in ("code", "type"))


def _too_long(problem: Problem) -> bool:
    """Tell whether a smaller request may succeed: by state or code, else by the server's words."""
    if problem.status == 413 or (problem.status == 400 and CONTEXT_LENGTH in problem.codes):
        return True
    words = problem.words.lower()
    return problem.status in (400, 422) and None not in (TOO_LONG.search(words), TOO_LONG_OF.search(words))
