"""huggingface_hub's client, made to take the way to an address that `proxies.py` says.

For programs of ours: in somebody's own process the client is theirs.
"""

from __future__ import annotations

import threading

import httpx2
from huggingface_hub import set_client_factory
from huggingface_hub.utils._http import hf_request_event_hook

from matinee_api.proxies import proxy_for


def route_hub_requests() -> None:
    """From now on, in this process."""
    set_client_factory(_client)


def _client() -> httpx2.Client:
    return httpx2.Client(
        transport=_Ways(),
        event_hooks={"request": [hf_request_event_hook]},
        follow_redirects=True,
        timeout=None,
    )


class _Ways(httpx2.BaseTransport):
    """A pool of connections for each way, made when a request takes it first."""

    def __init__(self) -> None:
        self._pools: dict[str | None, httpx2.HTTPTransport] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises `ProxyUnusable`, and what httpx does."""
        proxy = proxy_for(str(request.url))
        return self._pool(proxy.url if proxy else None).handle_request(request)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()

    def _pool(self, proxy_url: str | None) -> httpx2.HTTPTransport:
        with self._lock:
            if proxy_url not in self._pools:
                self._pools[proxy_url] = httpx2.HTTPTransport(proxy=proxy_url)
            return self._pools[proxy_url]
