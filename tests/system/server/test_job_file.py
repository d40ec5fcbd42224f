"""A file of a job may be deleted while it is being sent."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from starlette.types import Message

from matinee.server.video_answers import JobFile

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "headers": [],
    "path_params": {"video_id": "video_1"},
    "extensions": {},
}


async def sent_of(file: Path, *, deleted_at: str) -> list[Message]:
    """`deleted_at`: the type of the message after which it is gone, or nothing for at once."""
    answer, sent = JobFile(file), []

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == deleted_at:
            await asyncio.to_thread(file.unlink)

    async def receive() -> Message:
        await asyncio.Event().wait()  # it stays
        raise AssertionError

    if not deleted_at:
        await asyncio.to_thread(file.unlink)
    await answer(SCOPE, receive, send)
    return sent


async def test_it_is_sent_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "video.mp4"
    file.write_bytes(b"a" * 300_000)
    head, *body = await sent_of(file, deleted_at="http.response.start")
    assert head["status"] == 200
    assert sum(len(one["body"]) for one in body) == 300_000


async def test_what_is_gone_before_is_not_found(tmp_path: Path) -> None:
    file = tmp_path / "video.mp4"
    file.write_bytes(b"a")
    head, body = await sent_of(file, deleted_at="")
    assert head["status"] == 404
    assert b"video_not_found" in body["body"]
