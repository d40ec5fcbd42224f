"""The EndpointSlices of a namespace, from the API server: all of them, then each change.

Two requests are all that is needed of it, so there is no client library: one lists page by page,
the other one watches from the version of the list, which the API server lets grow old with
bookmarks.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from matinee.errors import BadInput
from matinee.router.endpoints import MOST_SLICES, SERVICE_LABEL
from matinee.serving.http_client import Answer, Unanswered, asked
from matinee_api.bounded_file import read_at_most
from matinee_api.config.router_config import KubernetesConfig
from matinee_api.plain_text import plain

ANSWER_S = 10.0
WATCH_S = 240
"""Of one watch: the API server ends it then."""
SILENCE_S = 100.0
"""A bookmark comes each minute, so a watch that is silent for longer is broken."""
PAGE = 50
MOST_PAGES = MOST_SLICES // PAGE + 1
MOST_PAGE_BYTES, MOST_EVENT_BYTES = 32 * 2**20, 4 * 2**20
MOST_FILE_BYTES = 2**20
HOST_VARIABLE, PORT_VARIABLE = "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"


class Expired(Exception):
    """Nobody knows any more what followed the version: list again."""


@dataclass(frozen=True, slots=True)
class ApiServer:
    """As a pod reaches it, with its ServiceAccount. `services`: whose slices are wanted."""

    url: str
    credentials: Path
    namespace: str
    services: tuple[str, ...]

    async def listed(self) -> tuple[list[Any], str]:
        """The slices, as many as are taken, and the version to watch from. Raises `Unanswered` and
        `Expired`."""
        found: list[Any] = []
        meta: dict[str, Any] = {}
        query = {"limit": str(PAGE)}
        for _ in range(MOST_PAGES):
            async with self._asked(query) as answer:
                page = _object(await answer.body(MOST_PAGE_BYTES, ANSWER_S))
            found += page.get("items") or ()
            meta = page.get("metadata") or {}
            if not meta.get("continue"):
                break
            query = {"limit": str(PAGE), "continue": str(meta["continue"])}
        return found, str(meta.get("resourceVersion", ""))

    async def events(self, version: str) -> AsyncGenerator[tuple[str, Any]]:
        """What changed since that version, until the API server ends the watch: the type of each
        event, and its object. Raises `Unanswered` and `Expired`."""
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_S),
            "resourceVersion": version,
        }
        async with self._asked(query) as answer:
            async for line in answer.lines(MOST_EVENT_BYTES, SILENCE_S):
                event = _object(line)
                kind, found = str(event.get("type")), event.get("object") or {}
                if kind == "ERROR":
                    raise _failure(found.get("code"), str(found.get("message", "")))
                yield kind, found

    @asynccontextmanager
    async def _asked(self, query: Mapping[str, str]) -> AsyncIterator[Answer]:
        names = ",".join(self.services)
        selected = {"labelSelector": f"{SERVICE_LABEL} in ({names})", **query}
        place = f"/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices"
        async with asked(
            self.url,
            f"{place}?{urlencode(selected)}",
            {"authorization": f"Bearer {self._token()}", "accept": "application/json"},
            timeout_s=ANSWER_S,
            context=self._trust(),
        ) as answer:
            if answer.status != HTTPStatus.OK:
                body = await answer.body(MOST_EVENT_BYTES, ANSWER_S)
                raise _failure(answer.status, body.decode(errors="replace"))
            yield answer

    def _token(self) -> str:
        """Kubernetes puts a new one there in time. Raises `Unanswered`."""
        return _read(self.credentials / "token").strip()

    def _trust(self) -> ssl.SSLContext | None:
        """Raises `Unanswered`."""
        if not self.url.startswith("https:"):
            return None
        try:
            return ssl.create_default_context(cadata=_read(self.credentials / "ca.crt"))
        except ssl.SSLError as error:
            raise Unanswered("ca.crt holds no certificate") from error


def own_api_server(config: KubernetesConfig, environment: Mapping[str, str]) -> ApiServer:
    """That of the pod's cluster. Raises `BadInput`."""
    host, port = environment.get(HOST_VARIABLE), environment.get(PORT_VARIABLE)
    if not host or not port:
        problem = f"is for a router in a pod: {HOST_VARIABLE} is not set; name replicas instead"
        raise BadInput("router.kubernetes", problem)
    credentials = Path(config.credentials_directory)
    try:
        namespace = config.namespace or _read(credentials / "namespace").strip()
    except Unanswered as error:
        raise BadInput("router.kubernetes.credentials_directory", str(error), joint=": ") from None
    where = f"[{host}]" if ":" in host else host
    services = tuple(service.name for service in config.services)
    return ApiServer(f"https://{where}:{port}", credentials, namespace, services)


def _failure(status: Any, said: str) -> Exception:
    if status == HTTPStatus.GONE:
        return Expired()
    return Unanswered(f"the API server answers {status}: {plain(said, 300)}")


def _object(text: bytes) -> dict[str, Any]:
    """Raises `Unanswered`."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unanswered("the API server's answer is no JSON") from error
    if not isinstance(found, dict):
        raise Unanswered("the API server's answer is no object")
    return found


def _read(file: Path) -> str:
    """Raises `Unanswered`."""
    try:
        return read_at_most(file, MOST_FILE_BYTES).decode("ascii")
    except (OSError, ValueError) as error:
        raise Unanswered(f"{file} cannot be read") from error
