"""The Hugging Face Hub on loopback: as much of its HTTP protocol as pushing and loading of models and data sets needs.

Repositories live in memory. Large files go through LFS (batch, PUT, verify), commits are atomic, private repositories need the
token, and faults can be switched on at every stage. Clients point HF_ENDPOINT at `url` (read at import: use a fresh process, with
HF_HUB_OFFLINE unset and HF_HUB_DISABLE_XET=1).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

TOKEN = "hf_loopbackSecretThatNothingMayShow"
OWNER = "owner"
LFS_SUFFIXES = (".safetensors", ".bin", ".parquet", ".onnx")
DATE = "2026-01-01T00:00:00.000Z"
LICENCES = ("apache-2.0", "mit", "cc-by-4.0", "other")
ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


@dataclass
class Fault:
    """What goes wrong, at which stage (`info create validate preupload batch put commit tree`), how often (None: always).

    `kind` is an HTTP status, `cut` (the connection breaks in the middle of the request), `lost` (a commit is made, its answer
    never arrives) or `damage` (a byte of a file changes on the server).
    """

    stage: str
    kind: int | str
    times: int | None = None


@dataclass
class Repository:
    """Commits as (id, files by path); the last one is `main`."""

    private: bool
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)

    def add(self, files: dict[str, bytes]) -> str:
        oid = hashlib.sha1(f"{len(self.commits)}{sorted(files)}".encode()).hexdigest()
        self.commits.append((oid, files))
        return oid

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        if revision == "main":
            return self.commits[-1]
        return next((commit for commit in self.commits if commit[0] == revision), None)


class HubServer:
    """Starts on a free port of 127.0.0.1; `close` stops it."""

    def __init__(self) -> None:
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.fault: Fault | None = None
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": self}))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def reset(self) -> None:
        """Forget everything."""
        for kept in (self.repositories, self.objects, self.requests):
            kept.clear()
        self.fault = None

    def make(self, name: str, *, kind: str = "model", private: bool = True, files: dict[str, bytes] | None = None) -> Repository:
        """Make a repository with a first commit, as the Hub does."""
        repository = self.repositories[(kind, name)] = Repository(private)
        repository.add({".gitattributes": b"*.safetensors filter=lfs\n", **(files or {})})
        return repository

    def files(self, name: str, kind: str = "model") -> dict[str, bytes]:
        """Return what a repository holds now, without the file that the Hub itself puts there."""
        found = self.repositories[(kind, name)].commits[-1][1]
        return {path: content for path, content in found.items() if path != ".gitattributes"}

    def take_fault(self, stage: str) -> int | str | None:
        """Return the fault of this stage, if it is switched on, and count it."""
        if self.fault is None or self.fault.stage != stage or self.fault.times == 0:
            return None
        if self.fault.times is not None:
            self.fault.times -= 1
        return self.fault.kind


def blob_id(content: bytes) -> str:
    """Return Git's hash of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def is_lfs(path: str) -> bool:
    return path.endswith(LFS_SUFFIXES)


def metadata_errors(readme: str) -> list[str]:
    """Return breaches of the Hub's rules for the front matter of a model card."""
    found = re.match(r"---\n(.*?)\n---\n", readme, re.DOTALL)
    try:
        data = yaml.safe_load(found.group(1)) if found else None
    except yaml.YAMLError as error:
        return [f"not YAML: {error}"]
    if not isinstance(data, dict):
        return ["there is no metadata"]
    errors = []
    for key in ("base_model", "datasets"):
        values = data.get(key, [])
        for value in [values] if isinstance(values, str) else values:
            if not isinstance(value, str) or not ID.fullmatch(value):
                errors.append(f'"{key}" with value {value!r} is not valid')
    if "license" in data and data["license"] not in LICENCES:
        errors.append(f'"license" must be one of [{", ".join(LICENCES)}]')
    if not all(isinstance(tag, str) for tag in data.get("tags", [])):
        errors.append('"tags" must be strings')
    results = [result for index in data.get("model-index", []) for result in index.get("results", [])]
    needed = [("model-index[].name", index.get("name")) for index in data.get("model-index", [])]
    needed += [("task.type", result["task"].get("type")) for result in results]
    needed += [(f"dataset.{key}", result["dataset"].get(key)) for result in results for key in ("type", "name")]
    needed += [("metrics[].type", metric.get("type")) for result in results for metric in result["metrics"]]
    errors += [f'"{key}" is required' for key, value in needed if not isinstance(value, str) or not value]
    if not all(isinstance(metric.get("value"), int | float) for result in results for metric in result["metrics"]):
        errors.append('"metrics[].value" must be a number')
    return errors


class _Cut(Exception):
    """The connection was broken on purpose."""


class _Handler(BaseHTTPRequestHandler):
    """One request. Paths as huggingface_hub asks for them."""

    hub: HubServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one piece: headers and content sent apart wait 40 ms for each other

    ROUTES = (
        ("POST", r"/api/repos/create", "create"),
        ("POST", r"/api/validate-yaml", "validate"),
        ("GET", r"/api/(models|datasets)/(?P<name>[^/]+/[^/]+)(/revision/(?P<revision>[^/]+))?", "info"),
        ("POST", r"/api/(models|datasets)/(?P<name>[^/]+/[^/]+)/preupload/(?P<revision>[^/]+)", "preupload"),
        ("POST", r"/api/(models|datasets)/(?P<name>[^/]+/[^/]+)/commit/(?P<revision>[^/]+)", "commit"),
        ("GET", r"/api/(models|datasets)/(?P<name>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)(/(?P<path>.+))?", "tree"),
        ("POST", r"/api/(models|datasets)/(?P<name>[^/]+/[^/]+)/paths-info/(?P<revision>[^/]+)", "paths_info"),
        ("POST", r"/(datasets/)?(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", "batch"),
        ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", "put"),
        ("POST", r"/lfs/verify", "verify"),
        ("GET", r"/(datasets/)?(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)", "resolve"),
    )

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the base's name)
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_HEAD(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def do_PUT(self) -> None:
        self._answer("PUT")

    def _answer(self, method: str) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        self.read = False
        for wanted, pattern, name in self.ROUTES:
            found = re.fullmatch(pattern, path)
            if method == wanted and found:
                with contextlib.suppress(_Cut):
                    self._stage(name, "dataset" if "/datasets" in path[:13] else "model", found.groupdict())
                return
        self._body()
        self._send(404, {"error": "no such address"}, {"X-Error-Code": "EntryNotFound"})

    def _stage(self, name: str, kind: str, parts: dict[str, str | None]) -> None:
        self.fault = self.hub.take_fault(name)
        if self.fault == "cut":
            self._cut()
        self.kind, self.name = kind, parts.get("name") or ""
        body = self._body()
        if isinstance(self.fault, int):
            self._send(self.fault, {"error": "switched on by the test"})
            return
        if name in ("put", "verify") or self._allowed(name):
            getattr(self, f"_{name}")(body, parts)

    def _allowed(self, stage: str) -> bool:
        """Tell whether the token suffices: writes need it, and whatever concerns a private repository."""
        given = self.headers.get("Authorization")
        if given not in (None, f"Bearer {TOKEN}"):
            self._send(401, {"error": "Invalid credentials in Authorization header"})
            return False
        repository = self.hub.repositories.get((self.kind, self.name))
        reads = stage in ("info", "tree", "paths_info", "resolve")
        if stage not in ("create", "validate") and (repository is None or (repository.private and given is None)):
            self._send(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
            return False
        if given is None and not reads:
            self._send(401, {"error": "a token is needed"})
            return False
        return True

    def _create(self, body: bytes, parts: dict[str, Any]) -> None:
        asked = json.loads(body)
        owner, kind = asked.get("organization") or OWNER, asked.get("type") or "model"
        name = f"{owner}/{asked['name']}"
        if owner != OWNER:
            self._send(403, {"error": f"You don't have the rights to create a model under the namespace {owner}"})
        elif (kind, name) in self.hub.repositories:
            self._send(409, {"error": "You already created this model repo", "url": f"{self.hub.url}/{name}"})
        else:
            private = asked.get("visibility") == "private" or bool(asked.get("private"))
            self.hub.make(name, kind=kind, private=private)
            self._send(200, {"url": f"{self.hub.url}/{name}", "name": name})

    def _validate(self, body: bytes, parts: dict[str, Any]) -> None:
        errors = metadata_errors(json.loads(body)["content"])
        self._send(400 if errors else 200, {"errors": [{"message": text} for text in errors], "warnings": []})

    def _preupload(self, body: bytes, parts: dict[str, Any]) -> None:
        commit = self._commit_at(parts["revision"])
        files = []
        for asked in json.loads(body)["files"]:
            path, known = asked["path"], (commit[1] if commit else {}).get(asked["path"])
            mode = "lfs" if is_lfs(path) else "regular"
            oid = None if known is None else hashlib.sha256(known).hexdigest() if mode == "lfs" else blob_id(known)
            files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self._send(200, {"files": files})

    def _batch(self, body: bytes, parts: dict[str, Any]) -> None:
        objects = []
        for asked in json.loads(body)["objects"]:
            entry = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in self.hub.objects:
                entry["actions"] = {
                    "upload": {"href": f"{self.hub.url}/lfs/{asked['oid']}?signature=secret"},
                    "verify": {"href": f"{self.hub.url}/lfs/verify"},
                }
            objects.append(entry)
        self._send(200, {"transfer": "basic", "objects": objects})

    def _put(self, body: bytes, parts: dict[str, Any]) -> None:
        if hashlib.sha256(body).hexdigest() != parts["oid"]:
            self._send(400, {"error": "the content is not what was announced"})
            return
        self.hub.objects[parts["oid"]] = body
        self._send(200, {})

    def _verify(self, body: bytes, parts: dict[str, Any]) -> None:
        asked = json.loads(body)
        found = self.hub.objects.get(asked["oid"])
        self._send(200 if found is not None and len(found) == asked["size"] else 404, {})

    def _commit(self, body: bytes, parts: dict[str, Any]) -> None:
        repository = self.hub.repositories[(self.kind, self.name)]
        files = dict(repository.commits[-1][1])
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
        if self.fault == "damage":
            files = {path: content[:-1] + b"?" if is_lfs(path) else content for path, content in files.items()}
        oid = repository.add(files)
        if self.fault == "lost":
            self._cut()
        self._send(200, {"success": True, "commitOid": oid, "commitUrl": f"{self.hub.url}/{self.name}/commit/{oid}"})

    def _info(self, body: bytes, parts: dict[str, Any]) -> None:
        commit = self._commit_at(parts["revision"] or "main")
        if commit is None:
            self._send(404, {"error": "no such revision"}, {"X-Error-Code": "RevisionNotFound"})
            return
        private = self.hub.repositories[(self.kind, self.name)].private
        facts = {"_id": "0", "id": self.name, "modelId": self.name, "sha": commit[0], "private": private, "gated": False}
        facts |= {"disabled": False, "downloads": 0, "likes": 0, "tags": [], "createdAt": DATE, "lastModified": DATE}
        self._send(200, {**facts, "siblings": [{"rfilename": path} for path in sorted(commit[1])]})

    def _tree(self, body: bytes, parts: dict[str, Any]) -> None:
        commit = self._commit_at(parts["revision"])
        if commit is None:
            self._send(404, {"error": "no such revision"}, {"X-Error-Code": "RevisionNotFound"})
            return
        query = parse_qs(urlsplit(self.path).query)
        prefix = f"{parts['path']}/" if parts["path"] else ""
        inside = {path: content for path, content in commit[1].items() if path.startswith(prefix)}
        deep = query.get("recursive", ["false"])[0].lower() == "true"
        shown = [self._entry(path, content) for path, content in inside.items() if deep or "/" not in path[len(prefix) :]]
        folders = {prefix + path[len(prefix) :].split("/")[0] for path in inside if "/" in path[len(prefix) :]}
        shown += [{"type": "directory", "path": path, "oid": blob_id(path.encode()), "size": 0} for path in sorted(folders)]
        if not shown:
            self._send(404, {"error": "no such folder"}, {"X-Error-Code": "EntryNotFound"})
            return
        self._send(200, shown)

    def _paths_info(self, body: bytes, parts: dict[str, Any]) -> None:
        commit = self._commit_at(parts["revision"])
        if self.headers.get("Content-Type", "").startswith("application/json"):
            asked = json.loads(body)["paths"]
        else:
            asked = parse_qs(body.decode())["paths"]
        files = commit[1] if commit else {}
        self._send(200, [self._entry(path, files[path]) for path in asked if path in files])

    def _resolve(self, body: bytes, parts: dict[str, Any]) -> None:
        commit = self._commit_at(parts["revision"])
        content = commit[1].get(parts["path"]) if commit else None
        if commit is None or content is None:
            self._send(404, {"error": "Entry not found"}, {"X-Error-Code": "EntryNotFound"})
            return
        tag = hashlib.sha256(content).hexdigest() if is_lfs(parts["path"]) else blob_id(content)
        headers = {"ETag": f'"{tag}"', "X-Repo-Commit": commit[0], "Content-Type": "application/octet-stream"}
        found = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if found:
            first, last = int(found[1]), int(found[2] or len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{min(last, len(content) - 1)}/{len(content)}"
            self._send(206, content[first : last + 1], headers)
        else:
            self._send(200, content, {**headers, "Accept-Ranges": "bytes"})

    def _commit_at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        return self.hub.repositories[(self.kind, self.name)].at(revision)

    @staticmethod
    def _entry(path: str, content: bytes) -> dict[str, Any]:
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": blob_id(content)}
        if is_lfs(path):
            digest = hashlib.sha256(content).hexdigest()
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n".encode()
            entry |= {"oid": blob_id(pointer), "lfs": {"oid": digest, "size": len(content), "pointerSize": len(pointer)}}
        return entry

    def _body(self) -> bytes:
        if self.read:
            return b""
        self.read = True
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _cut(self) -> None:
        """Break the connection: after a part of the request was read, with a reset and no answer."""
        if not self.read:
            self.rfile.read1(1000)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        raise _Cut

    def _send(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for key, text in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(key, text)
        if status >= 400 and isinstance(value, dict) and "error" in value:
            self.send_header("X-Error-Message", str(value["error"]))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
