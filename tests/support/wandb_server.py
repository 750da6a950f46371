"""A wandb server on loopback: the part of its protocol that an online run and `wandb sync` use, kept in memory.

GraphQL for runs and artifacts, the file stream for history and summary, and uploads by PUT. What a run sends can be read in
`runs` and `files`, and everything that came in lies in `received`, byte for byte. Faults are put in by `fault`.
"""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HISTORY, SUMMARY = "wandb-history.jsonl", "wandb-summary.json"


@dataclass
class ServerRun:
    """What the server knows of one run."""

    config: dict[str, Any] = field(default_factory=dict)
    streams: dict[str, list[str]] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None

    @property
    def history(self) -> list[dict[str, Any]]:
        """One entry a step."""
        return [json.loads(line) for line in self.streams.get(HISTORY, [])]

    @property
    def summary(self) -> dict[str, Any]:
        """The last summary that was sent."""
        lines = self.streams.get(SUMMARY, [])
        return json.loads(lines[-1]) if lines else {}


class WandbServer:
    """The server; `url` is what WANDB_BASE_URL takes, `key` the only key that it accepts."""

    key = "0123456789abcdef0123456789abcdef01234567"

    def __init__(self) -> None:
        self.runs: dict[str, ServerRun] = {}
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.received: list[bytes] = []
        self.operations: list[str] = []
        self.fault: Callable[[str], int | None] = lambda what: None
        """Asked before each request with its operation or path; a status to answer with, or None to go on."""
        server = self

        class Handler(_Handler):
            state = server

        self._http = _Http(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop; connections are refused from now on."""
        self._http.shutdown()
        self._http.server_close()

    def environment(self, **more: str) -> dict[str, str]:
        """Return the variables with which a child process reports to this server."""
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": self.key, **more}

    def graphql(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to an operation; nothing for one that is not known."""
        answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "Viewer": lambda given: {
                "viewer": {"id": "u", "entity": "me", "username": "me", "email": "", "flags": "{}", "teams": {"edges": []}}
            },
            "ServerFeaturesQuery": lambda given: {"serverInfo": {"features": []}},
            "ArtifactType": lambda given: {"project": None},
            "RunResumeStatus": lambda given: {"model": self._resume_status(given)},
            "UpsertBucket": lambda given: {"upsertBucket": self._upsert(given)},
            "CreateRunFiles": self._run_files,
            "CreateArtifact": self._create_artifact,
            "CreateArtifactManifest": lambda given: {"createArtifactManifest": self._manifest(given["artifactID"])},
            "UpdateArtifactManifest": lambda given: {"updateArtifactManifest": self._manifest(given["artifactManifestID"])},
            "CreateArtifactFiles": self._artifact_files,
            "CommitArtifact": self._commit,
        }
        return answers[operation](given) if operation in answers else {}

    def stream(self, run: str, sent: dict[str, Any]) -> None:
        """Take a request of the file stream: lines replace those from their offset on."""
        streams = self.runs[run].streams
        for name, part in sent.get("files", {}).items():
            lines = streams.setdefault(name, [])
            if name == SUMMARY:
                lines[:] = part["content"]
            else:
                lines[part["offset"] :] = part["content"]
        if sent.get("complete"):
            self.runs[run].exit_code = sent.get("exitcode")

    def _run_files(self, given: dict[str, Any]) -> dict[str, Any]:
        files = [{"name": name, "uploadUrl": self._upload(f"run/{given['run']}/{name}")} for name in given["files"]]
        return {"createRunFiles": {"runID": given["run"], "uploadHeaders": [], "files": files}}

    def _create_artifact(self, given: dict[str, Any]) -> dict[str, Any]:
        identity = f"artifact-{len(self.artifacts)}"
        wanted = given["input"]
        self.artifacts[identity] = {
            "name": wanted["artifactCollectionName"],
            "type": wanted["artifactTypeName"],
            "committed": False,
        }
        artifact = {"id": identity, "state": "PENDING", "artifactSequence": {"latestArtifact": None}}
        return {"createArtifact": {"artifact": artifact}}

    def _manifest(self, identity: str) -> dict[str, Any]:
        place = f"manifest/{identity.removeprefix('manifest-')}"
        file = {"id": place, "uploadUrl": self._upload(place), "uploadHeaders": []}
        return {"artifactManifest": {"id": f"manifest-{identity}", "file": file}}

    def _artifact_files(self, given: dict[str, Any]) -> dict[str, Any]:
        edges = [self._artifact_file(wanted) for wanted in given["input"]["artifactFiles"]]
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _commit(self, given: dict[str, Any]) -> dict[str, Any]:
        self.artifacts[given["artifactID"]]["committed"] = True
        return {"commitArtifact": {"artifact": {"id": given["artifactID"], "digest": "d"}}}

    def _resume_status(self, given: dict[str, Any]) -> dict[str, Any] | None:
        run = self.runs.get(given["name"])
        if run is None:
            return None
        history = run.streams.get(HISTORY, [])
        bucket = {
            "id": "run-" + given["name"],
            "name": given["name"],
            "summaryMetrics": json.dumps(run.summary),
            "displayName": run.variables.get("displayName"),
            "logLineCount": 0,
            "historyLineCount": len(history),
            "eventsLineCount": 0,
            "historyTail": json.dumps(history[-1:]),
            "eventsTail": "[]",
            "config": json.dumps(run.config),
            "tags": run.variables.get("tags") or [],
            "notes": None,
            "wandbConfig": json.dumps({"t": 1}),
        }
        return {"id": "p", "name": "project", "entity": {"id": "e", "name": "me"}, "bucket": bucket}

    def _upsert(self, given: dict[str, Any]) -> dict[str, Any]:
        name = given["name"]
        inserted = name not in self.runs
        run = self.runs.setdefault(name, ServerRun())
        run.variables |= {key: value for key, value in given.items() if value is not None}
        if given.get("config"):
            run.config = json.loads(given["config"])
        owner = {"id": "e", "name": given.get("entity") or "me"}
        project = {"id": "p", "name": given.get("project") or "project", "entity": owner}
        bucket = {
            "id": "run-" + name,
            "name": name,
            "displayName": run.variables.get("displayName"),
            "description": None,
            "config": json.dumps(run.config),
            "sweepName": None,
            "project": project,
            "historyLineCount": len(run.streams.get(HISTORY, [])),
        }
        return {"bucket": bucket, "inserted": inserted}

    def _artifact_file(self, wanted: dict[str, Any]) -> dict[str, Any]:
        place = f"artifact/{wanted['artifactID']}/{wanted['name']}"
        return {
            "node": {
                "storagePath": place,
                "uploadUrl": self._upload(place),
                "uploadHeaders": [],
                "uploadMultipartUrls": None,
                "artifact": {"id": wanted["artifactID"]},
            }
        }

    def _upload(self, place: str) -> str:
        return f"{self.url}/storage/{place}"


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a client that goes away in the middle: it is part of some tests."""


class _Handler(BaseHTTPRequestHandler):
    state: WandbServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.state.received.append(body)
        sent = json.loads(body or b"{}")
        found = re.search(r"(?:query|mutation)\s+(\w+)", sent.get("query", ""))
        what = found.group(1) if found else self.path
        self.state.operations.append(what)
        if self._refused(what):
            return
        if found:
            self._answer(200, {"data": self.state.graphql(what, sent.get("variables") or {})})
        elif self.path.endswith("/file_stream"):
            self.state.stream(self.path.split("/")[-2], sent)
            self._answer(200, {})
        else:
            self._answer(404, {})

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.state.received.append(body)
        if not self._refused(self.path, authorised=True):
            self.state.files[self.path.removeprefix("/storage/")] = body
            self._answer(200, {})

    def _refused(self, what: str, authorised: bool = False) -> bool:
        """Tell whether a fault or a wrong key was answered with; a status of 0 stands for no answer at all."""
        credentials = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
        status = self.state.fault(what)
        if status is None and not authorised and credentials != f"api:{self.state.key}":
            status = 401
        if status == 0:
            time.sleep(3600)
        if status is not None:
            self._answer(status, {"errors": [{"message": f"the test says {status}"}]})
        return status is not None

    def _answer(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Quiet."""
