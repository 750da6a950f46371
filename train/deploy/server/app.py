"""The routes of the server: vectors, models, health and counters, all in JSON but for the last."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from train.deploy.server.batching import Batcher, Overloaded
from train.deploy.server.limits import Limits
from train.deploy.server.wire import Refused, Served, answer, read_request

RETRY_SECONDS = 1
"""What a client that is turned away is told to wait."""

Answering = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Server:
    """What the routes need.

    Attributes:
        served: the model, as clients see it.
        batcher: encodes.
        limits: see `Limits`.
        key: that clients must send; None asks for none. It is never logged.
        about: the entry of the model in `/v1/models`, beside OpenAI's fields.
    """

    served: Served
    batcher: Batcher
    limits: Limits
    key: str | None
    about: dict[str, Any]

    async def embeddings(self, request: Request) -> Response:
        """Answer `POST /v1/embeddings`."""
        self._check_key(request)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "the body must be JSON: send Content-Type: application/json")
        try:
            async with asyncio.timeout(self.limits.seconds):
                body = await self._body(request)
                wanted = await run_in_threadpool(read_request, body, self.served, self.limits)
                found = await asyncio.wrap_future(self.batcher.submit(wanted.texts, wanted.role))
                sent = await run_in_threadpool(answer, found, wanted, self.served)
        except Overloaded:
            raise _busy("the server has as much to do as it takes at a time") from None
        except TimeoutError:
            raise _busy(f"the request was not done within {self.limits.seconds:g} seconds") from None
        except ClientDisconnect:
            raise Refused(400, "the client has gone") from None
        except Refused:
            raise
        except Exception as error:  # what a library says may quote texts, so it stays here
            raise Refused(500, f"the texts could not be encoded ({type(error).__name__})") from error
        return Response(sent, media_type="application/json")

    async def models(self, request: Request) -> Response:
        """Answer `GET /v1/models`."""
        self._check_key(request)
        return JSONResponse({"object": "list", "data": [self._model()]})

    async def model(self, request: Request) -> Response:
        """Answer `GET /v1/models/NAME`."""
        self._check_key(request)
        if request.path_params["name"] not in (self.served.name, *self.served.others):
            raise Refused(404, "there is no such model", param="model", code="model_not_found")
        return JSONResponse(self._model())

    async def health(self, request: Request) -> Response:
        """Answer `GET /health`: the server is up, and its model loaded."""
        return JSONResponse({"status": "ok"})

    async def metrics(self, request: Request) -> Response:
        """Answer `GET /metrics` in the text form of Prometheus."""
        self._check_key(request)
        counters = asdict(self.batcher.counters)
        lines = [f"# TYPE embed_tune_{name}_total counter\nembed_tune_{name}_total {value}" for name, value in counters.items()]
        return PlainTextResponse("\n".join(lines) + "\n")

    def _model(self) -> dict[str, Any]:
        return {"id": self.served.name, "object": "model", "created": 0, "owned_by": "embed-tune", **self.about}

    def _check_key(self, request: Request) -> None:
        if self.key is None:
            return
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), self.key.encode())
        if scheme.lower() != "bearer" or not same:
            raise Refused(401, "a key is missing, or it is wrong", code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})

    async def _body(self, request: Request) -> bytes:
        """Read the body, as far as it may go."""
        most, found, size = self.limits.body_bytes, [], 0
        too_large = Refused(413, f"the body is too large: {most:,} bytes are the most", headers={"Connection": "close"})
        if int(request.headers.get("content-length", "0") or 0) > most:
            raise too_large
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise too_large
            found.append(part)
        return b"".join(found)


def _busy(message: str) -> Refused:
    return Refused(503, f"{message}; try again", headers={"Retry-After": str(RETRY_SECONDS)})


def make_app(server: Server) -> Starlette:
    """Return the application of a server."""
    return Starlette(
        routes=[
            Route("/v1/embeddings", server.embeddings, methods=["POST"]),
            Route("/v1/models", server.models),
            Route("/v1/models/{name:path}", server.model),
            Route("/health", server.health),
            Route("/metrics", server.metrics),
        ],
        exception_handlers={Refused: _refused, HTTPException: _http, Exception: _unforeseen},
    )


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return JSONResponse(error.body(), status_code=error.status, headers=error.headers)


async def _http(request: Request, error: Exception) -> Response:
    """Say in JSON that there is no such path, or no such method."""
    assert isinstance(error, HTTPException)
    refused = Refused(error.status_code, f"{request.method} {request.url.path[:100]}: {error.detail}")
    return JSONResponse(refused.body(), status_code=error.status_code, headers=error.headers)


async def _unforeseen(request: Request, error: Exception) -> Response:
    return JSONResponse(Refused(500, f"the server failed ({type(error).__name__})").body(), status_code=500)
