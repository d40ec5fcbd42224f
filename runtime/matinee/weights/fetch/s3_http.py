"""How an S3 API is asked: bounded, without tries of its own, and through a proxy where one leads
there."""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.response import BaseHTTPResponse

from matinee.weights.fetch.errors import TransferBroken
from matinee.weights.fetch.files import MAX_LISTING_BYTES, bounded
from matinee_api.proxies import Proxy, proxy_for

CHUNK_BYTES = 256 * 1024
MAX_PAGES = 100
"""Of a listing; a page has a thousand names."""


class _Pool(urllib3.PoolManager):
    """What minio wants to have whole is bounded, each answer and, of a listing that goes on and on,
    their number. Nothing compressed is unpacked."""

    _pages_left = MAX_PAGES

    def urlopen(self, method: str, url: str, redirect: bool = True, **kw: Any) -> BaseHTTPResponse:  # type: ignore[override]
        whole = kw.pop("preload_content", True)
        response = super().urlopen(method, url, redirect, preload_content=False, **kw)
        if not whole:
            return response
        if "list-type=2" in url:
            self._pages_left -= 1
            if self._pages_left < 0:
                response.close()
                raise TransferBroken(f"a listing of more than {MAX_PAGES} pages")
        with contextlib.closing(response):
            body = bounded(response.stream(CHUNK_BYTES, decode_content=False), MAX_LISTING_BYTES)
        return urllib3.HTTPResponse(
            body,
            response.headers,
            response.status,
            reason=response.reason,
            request_method=method,
            decode_content=False,
        )


class _ProxyPool(_Pool, urllib3.ProxyManager):
    """The same through a proxy."""


def http_to(url: str) -> urllib3.PoolManager:
    """For what lies there. Raises `ProxyUnusable`."""
    options = _options(connect_s=10, read_s=30)
    proxy = proxy_for(url)
    if proxy is None:
        return _Pool(**options)
    return _ProxyPool(proxy.url, proxy_headers=_authorization(proxy), **options)


def http_to_this_machine() -> urllib3.PoolManager:
    """For a machine's or a pod's own metadata, which is near or not there."""
    return _Pool(**_options(connect_s=1, read_s=5))


def _options(connect_s: float, read_s: float) -> dict[str, Any]:
    """Without tries: `retry.py` decides on them."""
    return {
        "timeout": urllib3.Timeout(connect=connect_s, read=read_s),
        "retries": urllib3.Retry(connect=0, read=0, status=0, other=0, redirect=3),
        "maxsize": 10,
    }


def _authorization(proxy: Proxy) -> dict[str, str] | None:
    parts = urlsplit(proxy.url)
    if parts.username is None:
        return None
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return urllib3.make_headers(proxy_basic_auth=pair)
