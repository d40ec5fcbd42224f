"""A small hub that speaks Hugging Face's protocol to the real client, and misbehaves on request.

    python3 hub.py FOLDER [--host 127.0.0.1] [--port 0] [--token SECRET] [--certificate PEM]

Standard library only and one file, so that it also runs in a pod. `FOLDER/org/name` is the branch
`main` of the model org/name, `FOLDER/org/name@dev` its branch `dev`; a commit is what a branch held
when it was asked for, and stays. `.safetensors` and `.bin` are LFS files: they are redirected to
`/cdn/`, which wants no token, as on the real hub. With `--token` every model is private.

The first line on stdout is the address. For tests there are besides

    POST /faults   {"cut": {"file", "after_bytes", "times"},   the connection breaks
                    "hold": {"file", "after_bytes"},           … stalls, until the next POST
                    "corrupt": {"file", "times"},              one byte is another
                    "busy": {"times"},                         503
                    "no_ranges": true, "gated": true}
                   one object, all optional; `{}` ends them all
    GET /held      answers once a connection stalls
    GET /log       [{"method", "path", "range", "status", "sent_bytes"}], oldest first
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import re
import ssl
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LFS = (".safetensors", ".bin")
CHUNK_BYTES = 64 * 1024
HOLD_LIMIT_S = 60
_INFO = re.compile(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?")
_RESOLVE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_CDN = re.compile(r"/cdn/([0-9a-f]{64})/(.+)")


@dataclass(frozen=True)
class Blob:
    """Content of a file."""

    data: bytes
    is_lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def pointer(self) -> bytes:
        """What git stores of an LFS file."""
        return (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\n"
            f"size {len(self.data)}\n"
        ).encode()

    @property
    def git_sha1(self) -> str:
        stored = self.pointer if self.is_lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(stored) + stored, usedforsecurity=False).hexdigest()

    @property
    def etag(self) -> str:
        return self.sha256 if self.is_lfs else self.git_sha1


@dataclass
class Store:
    """Models below a folder, and every commit of them that was asked for."""

    folder: Path
    commits: dict[tuple[str, str], dict[str, Blob]] = field(default_factory=dict)

    def has(self, repo: str) -> bool:
        return (self.folder / repo).is_dir()

    def commit_of(self, repo: str, revision: str) -> str | None:
        if (repo, revision) in self.commits:
            return revision
        folder = self.folder / (repo if revision == "main" else f"{repo}@{revision}")
        if not folder.is_dir():
            return None
        files = {
            path.relative_to(folder).as_posix(): Blob(path.read_bytes(), path.suffix in LFS)
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        listing = "".join(f"{path} {blob.etag}\n" for path, blob in files.items())
        commit = hashlib.sha1(listing.encode(), usedforsecurity=False).hexdigest()
        self.commits[repo, commit] = files
        return commit

    def lfs_blob(self, sha256: str) -> Blob | None:
        blobs = (blob for files in self.commits.values() for blob in files.values())
        return next((blob for blob in blobs if blob.is_lfs and blob.sha256 == sha256), None)


class Faults:
    """What shall go wrong. `times` counts down; without it a fault stays."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.wanted: dict[str, Any] = {}
        self.holding = 0

    def replace(self, wanted: dict[str, Any]) -> None:
        with self.changed:
            self.wanted = wanted
            self.changed.notify_all()

    def take(self, kind: str, path: str = "") -> Any:
        """The fault, when it is due for this path."""
        with self.changed:
            fault = self.wanted.get(kind)
            if not isinstance(fault, dict):
                return fault
            if not path.endswith(fault.get("file", "")) or fault.get("times", 1) <= 0:
                return None
            if "times" in fault:
                fault["times"] -= 1
            return fault

    def hold(self) -> None:
        """Stall until the faults are replaced."""
        with self.changed:
            wanted = self.wanted
            self.holding += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.wanted is not wanted, HOLD_LIMIT_S)
            self.holding -= 1

    def wait_held(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.holding, HOLD_LIMIT_S)


class Hub(ThreadingHTTPServer):
    """The server and all that its requests share."""

    daemon_threads = True

    def __init__(self, folder: Path, address: tuple[str, int], token: str | None = None) -> None:
        super().__init__(address, Handler)
        self.store = Store(folder)
        self.faults = Faults()
        self.token = token
        self.scheme = "http"
        self.log: list[dict[str, Any]] = []

    def speak_tls(self, certificate: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.scheme = "https"

    @property
    def url(self) -> str:
        host, port = self.server_address[:2]
        return f"{self.scheme}://{host!s}:{port}"


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        if self.path == "/held":
            self.server.faults.wait_held()
            self._json({})
        elif self.path == "/log":
            self._json(self.server.log)
        else:
            self._answer()

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.faults.replace(json.loads(text))
        self._json({})

    def _answer(self) -> None:
        self.entry: dict[str, Any] = {
            "method": self.command,
            "path": self.path,
            "range": self.headers.get("Range"),
            "status": None,
            "sent_bytes": 0,
        }
        self.server.log.append(self.entry)
        path = unquote(urlsplit(self.path).path)
        if self.server.faults.take("busy"):
            self._fail(503, "", "the hub is busy")
        elif found := _CDN.fullmatch(path):
            self._cdn(found[1], found[2])
        elif found := _INFO.fullmatch(path):
            if self._may_read(found[1]):
                self._info(found[1], found[2] or "main")
        elif found := _RESOLVE.fullmatch(path):
            if self._may_read(found[1]) and not self._is_gated(found[1]):
                self._resolve(*found.groups())
        else:
            self._fail(404, "", "Not Found")

    def _may_read(self, repo: str) -> bool:
        """As the real hub does, one that is not there looks private to those without a token."""
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token and token != self.server.token:
            self._fail(401, "", "Invalid credentials in Authorization header")
        elif not token and (self.server.token or not self.server.store.has(repo)):
            self._fail(401, "", "Invalid username or password.")
        elif not self.server.store.has(repo):
            self._fail(404, "RepoNotFound", "Repository not found")
        else:
            return True
        return False

    def _is_gated(self, repo: str) -> bool:
        """Then everybody may list the files, but not read them."""
        if not self.server.faults.take("gated"):
            return False
        status = 403 if self.headers.get("Authorization") else 401
        self._fail(status, "GatedRepo", f"Access to model {repo} is restricted")
        return True

    def _info(self, repo: str, revision: str) -> None:
        commit = self.server.store.commit_of(repo, revision)
        if commit is None:
            self._fail(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        files = self.server.store.commits[repo, commit]
        siblings = [
            {"rfilename": path} | (described(blob) if "blobs=" in self.path else {})
            for path, blob in files.items()
        ]
        self._json({"id": repo, "modelId": repo, "sha": commit, "siblings": siblings})

    def _resolve(self, repo: str, revision: str, path: str) -> None:
        commit = self.server.store.commit_of(repo, revision)
        if commit is None:
            self._fail(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return
        blob = self.server.store.commits[repo, commit].get(path)
        if blob is None:
            self._fail(404, "EntryNotFound", "Entry not found")
            return
        headers = {"X-Repo-Commit": commit, "ETag": f'"{blob.etag}"'}
        if blob.is_lfs:
            headers |= {"X-Linked-Size": str(len(blob.data)), "X-Linked-ETag": f'"{blob.etag}"'}
            headers["Location"] = (
                f"{self.server.url}/cdn/{blob.sha256}/{path}?signature=secret&{commit}"
            )
            self._send(302, headers, b"")
        else:
            self._send_blob(blob, path, headers)

    def _cdn(self, sha256: str, path: str) -> None:
        blob = self.server.store.lfs_blob(sha256)
        if blob is None:
            self._fail(404, "", "Not Found")
        else:
            # For HEAD, which clients send after a redirect to the same host; the real hub's is not.
            commit = urlsplit(self.path).query.rpartition("&")[2]
            self._send_blob(blob, path, {"ETag": f'"{sha256}"', "X-Repo-Commit": commit})

    def _send_blob(self, blob: Blob, path: str, headers: dict[str, str]) -> None:
        data = blob.data
        if self.server.faults.take("corrupt", path):
            data = data[:-1] + bytes([data[-1] ^ 1])
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if wanted is None or self.server.faults.take("no_ranges"):
            self._send(200, headers, data, path)
        elif (begin := int(wanted[1])) >= len(data):
            self._send(416, headers | {"Content-Range": f"bytes */{len(data)}"}, b"")
        else:
            headers = headers | {"Content-Range": f"bytes {begin}-{len(data) - 1}/{len(data)}"}
            self._send(206, headers, data[begin:], path)

    def _send(self, status: int, headers: dict[str, str], body: bytes, path: str = "") -> None:
        self.entry["status"] = status
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.suppress(ConnectionError):
                self._send_body(body, path)

    def _send_body(self, body: bytes, path: str) -> None:
        faults = self.server.faults
        cut = faults.take("cut", path) if path else None
        hold = faults.take("hold", path) if path else None
        until = min(fault["after_bytes"] for fault in (cut, hold) if fault) if cut or hold else None
        for begin in range(0, len(body[:until]), CHUNK_BYTES):
            chunk = body[:until][begin : begin + CHUNK_BYTES]
            self.wfile.write(chunk)
            self.entry["sent_bytes"] += len(chunk)
        if hold:
            faults.hold()
        if until is not None and until < len(body):
            self.close_connection = True

    def _json(self, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self._send(status, headers, json.dumps({"error": message}).encode())

    def log_message(self, *_: object) -> None:
        """`GET /log` tells more."""


def described(blob: Blob) -> dict[str, Any]:
    facts: dict[str, Any] = {"size": len(blob.data), "blobId": blob.git_sha1}
    if blob.is_lfs:
        facts["lfs"] = {
            "size": len(blob.data),
            "sha256": blob.sha256,
            "pointerSize": len(blob.pointer),
        }
    return facts


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token")
    parser.add_argument("--certificate", help="with its key; the hub then speaks TLS")
    args = parser.parse_args()
    hub = Hub(args.folder, (args.host, args.port), args.token)
    if args.certificate:
        hub.speak_tls(args.certificate)
    sys.stdout.write(f"{hub.url}\n")
    sys.stdout.flush()
    hub.serve_forever()


if __name__ == "__main__":
    main()
