"""A small server that speaks OpenAI's chat completions and has every fault that a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

JSON = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: "
FAULTS = {
    "429": "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 2\r\n\r\n{}",
    "500": "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\n{}",
    "401": "HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\n{}",
    "moved": "HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n",
    "garbage": f"{JSON}4\r\n\r\n{{[}}]",
    "no HTTP": "220 smtp.example.com ready\r\n",
    "strange": f'{JSON}15\r\n\r\n{{"choices": []}}',
    "cut": f'{JSON}999\r\n\r\n{{"cho',
    "compressed": "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nabcd",
}


@dataclass
class FaultyProvider:
    """`does`: "answer", "hang", "drip", "10 MB", or one of `FAULTS`. `asked`: bodies and keys."""

    url: str = ""
    does: str = "answer"
    answer: str = "a red ball on a beach"
    asked: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await self._one(reader, writer)

    async def close(self) -> None:
        for writer in self.open:
            writer.close()
        for writer in self.open:
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        key = head.partition("authorization: bearer ")[2].partition("\r\n")[0]
        self.asked.append((json.loads(await reader.readexactly(length)), key))
        match self.does:
            case "answer":
                writer.write(self._good())
            case "hang":
                await reader.read()
            case "drip":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
                await self._drip(writer)
            case "10 MB":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10485760\r\n\r\n")
                writer.write(b" " * 10_485_760)
            case fault:
                writer.write(FAULTS[fault].encode())
                writer.write_eof()
        await writer.drain()

    async def _drip(self, writer: asyncio.StreamWriter) -> None:
        """A byte from time to time: no wait for the next one is long."""
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    def _good(self) -> bytes:
        message = {"role": "assistant", "content": self.answer}
        usage = {"prompt_tokens": 30, "completion_tokens": 7, "total_tokens": 37}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        body = json.dumps(
            {"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}
        )
        return f"{JSON}{len(body)}\r\n\r\n{body}".encode()


@contextlib.asynccontextmanager
async def faulty_provider() -> AsyncIterator[FaultyProvider]:
    provider = FaultyProvider()
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield provider
    finally:
        server.close()
        await provider.close()
