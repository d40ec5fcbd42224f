"""A provider that speaks OpenAI's chat completions: OpenAI, Cerebras, Groq, vLLM, Ollama.

One POST needs no library of OpenAI's: an answer is bounded here before anybody parses it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2

from matinee.prompt.providers.chain import ProviderFailed, Question, Reply
from matinee.prompt.providers.settings import ProviderSettings, ProviderUnusable
from matinee_api.proxies import ProxyUnusable, proxy_for

MOST_ANSWER_BYTES = 2**20
RETRYABLE = (408, 409, 425, 429)
"""And all from 500 on: another provider may answer, or the same one later."""


class Chat:
    """See `Provider`. Raises `ProviderUnusable`."""

    def __init__(self, settings: ProviderSettings) -> None:
        self.name = settings.name
        self._settings = settings
        try:
            self._url = httpx2.URL(f"{settings.base_url.rstrip('/')}/chat/completions")
            proxy = proxy_for(settings.base_url)
        except (httpx2.InvalidURL, ProxyUnusable) as error:
            raise ProviderUnusable(f"the provider {self.name} cannot be asked: {error}") from error
        key = {"authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
        transport = httpx2.AsyncHTTPTransport(proxy=proxy.url if proxy else None)
        self._client = httpx2.AsyncClient(
            transport=_Bounded(transport),
            timeout=settings.timeout_s,
            headers={"accept-encoding": "identity", **key},
            follow_redirects=False,
        )

    async def ask(self, question: Question) -> Reply:
        timeout_s = self._settings.timeout_s
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._client.post(self._url, json=self._body(question))
        except (TimeoutError, httpx2.TimeoutException):
            raise ProviderFailed(f"no answer within {timeout_s:g} s", retryable=True) from None
        except httpx2.HTTPError as error:
            what = f"the connection failed ({type(error).__name__})"
            raise ProviderFailed(what, retryable=True) from None
        code = answer.status_code
        if not answer.is_success:
            raise ProviderFailed(f"HTTP {code}", retryable=code in RETRYABLE or code >= 500)
        return _reply(answer.text)

    async def close(self) -> None:
        await self._client.aclose()

    def _body(self, question: Question) -> dict[str, Any]:
        return {
            "model": self._settings.model,
            "messages": [
                {"role": "system", "content": question.system},
                {"role": "user", "content": question.user},
            ],
            "temperature": self._settings.temperature,
            "max_tokens": self._settings.max_tokens,
        }


def _reply(text: str) -> Reply:
    """Raises `ProviderFailed`."""
    try:
        answer: Any = json.loads(text)
        said = answer["choices"][0]["message"]["content"]
        usage = answer.get("usage") or {}
        tokens = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ProviderFailed("the answer is none of OpenAI's form", retryable=True) from None
    if not isinstance(said, str) or not said.strip():
        raise ProviderFailed("the answer is empty", retryable=True)
    return Reply(said, tokens)


class AnswerTooLong(httpx2.ReadError):
    """Nobody needs a prompt of megabytes."""


class _Bounded(httpx2.AsyncBaseTransport):
    """No more of an answer is read than `MOST_ANSWER_BYTES`, and nothing that unfolds."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        response.stream = _BoundedStream(response.stream)  # type: ignore[arg-type]
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise AnswerTooLong("the answer is compressed, though that was not accepted")
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _BoundedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        received = 0
        async for part in self._inner:
            received += len(part)
            if received > MOST_ANSWER_BYTES:
                raise AnswerTooLong(f"the answer has more than {MOST_ANSWER_BYTES} bytes")
            yield part

    async def aclose(self) -> None:
        await self._inner.aclose()
