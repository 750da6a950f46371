"""A Qdrant on loopback: as much of its HTTP interface as uploads and searches need, over the client's own local mode.

Requests are read, and answers made, as the client's own types: what no server would understand is understood by none here.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

from qdrant_client import QdrantClient, models

KEY = "qdrant-secret-that-nothing-may-show"


class QdrantServer:
    """Starts on a free port of 127.0.0.1; `close` stops it.

    Attributes:
        url: of the server.
        requests: method and path of each request.
        largest: bytes of the largest request.
        fault: an HTTP status by a pattern of method and path; such requests end with it.
        keeps_metadata: False for a server before 1.16, which passes over what it does not know.
    """

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.largest = 0
        self.fault: tuple[str, int] | None = None
        self.keeps_metadata = True
        self.local = QdrantClient(":memory:")
        self._http = HTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"server_of": self}))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    server_of: QdrantServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base's name)
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    do_PUT = do_POST = do_PATCH = do_DELETE = do_GET

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked, server = f"{self.command} {path}", self.server_of
        server.requests.append(asked)
        server.largest = max(server.largest, len(raw))
        if self.headers.get("api-key") != KEY:
            self._send(401, {"status": {"error": f"Invalid API key {self.headers.get('api-key')}"}})
        elif server.fault is not None and re.search(server.fault[0], asked):
            self._send(server.fault[1], {"status": {"error": "switched on by the test"}})
        else:
            result = self._result(asked, path.split("/"), json.loads(raw or b"{}"))
            self._send(200, {"result": result, "status": "ok", "time": 0.0} if path != "/" else result)

    def _result(self, asked: str, parts: list[str], body: dict[str, Any]) -> Any:
        local = self.server_of.local
        fixed = {
            "GET /": lambda: {"title": "qdrant - vector search engine", "version": "1.20.0"},
            "GET /aliases": lambda: _plain(local.get_aliases()),
            "GET /collections": lambda: _plain(local.get_collections()),
            "POST /collections/aliases": lambda: local.update_collection_aliases(models.ChangeAliasesOperation(**body).actions),
        }
        return fixed[asked]() if asked in fixed else self._of_collection(parts[2], "/".join(parts[3:]), body)

    def _of_collection(self, name: str, rest: str, body: dict[str, Any]) -> Any:
        local, kept = self.server_of.local, body.get("metadata") if self.server_of.keeps_metadata else None

        def query() -> Any:
            wanted = models.QueryRequest(**body)
            return _plain(local.query_points(name, query=wanted.query.nearest, limit=wanted.limit or 10))  # type: ignore[union-attr]

        def upsert() -> Any:
            local.upsert(name, models.PointsBatch(**body).batch)
            return {"operation_id": 0, "status": "completed"}

        def create() -> Any:
            return local.create_collection(name, vectors_config=models.CreateCollection(**body).vectors, metadata=kept)

        does = {
            "POST points/count": lambda: _plain(local.count(name)),
            "POST points/query": query,
            "PUT points": upsert,
            "PUT ": create,
            "PATCH ": lambda: local.update_collection(name, metadata=kept),
            "DELETE ": lambda: local.delete_collection(name),
            "GET ": lambda: _plain(local.get_collection(name)),
        }
        return does[f"{self.command} {rest}"]()

    def _send(self, status: int, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _plain(answer: Any) -> Any:
    return answer.model_dump(mode="json")
