"""A viewer who loses its connection and comes back, and what it has then of its video."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import Message, Viewer, session
from tests.unit.runtime.media.mp4_reading import content_of

PROMPTS = ("first", "second", "third")


def frames_of(fragment: bytes) -> int:
    (count,) = struct.unpack_from(">I", content_of(fragment, "moof/traf/trun"), 4)
    return int(count)


@dataclass
class Seat:
    """What a client keeps over its connections. `fragments`: all that it has been sent."""

    session_id: str = ""
    token: str = ""
    fragments: list[bytes] = field(default_factory=list)
    assigned: Message = field(default_factory=dict)
    done: int = 0

    @property
    def frames(self) -> int:
        return sum(map(frames_of, self.fragments))

    def resume(self, **fields: object) -> dict[str, Any]:
        return {"session_id": self.session_id, "token": self.token, **fields}


@asynccontextmanager
async def seated(server: Server, seat: Seat, **init: object) -> AsyncIterator[Viewer]:
    """Connect, and note what the server says of the session."""
    async with session(server, **init) as viewer:
        seat.assigned = await viewer.hear("gpu_assigned")
        seat.session_id, seat.token = seat.assigned["session_id"], seat.assigned["resume_token"]
        await viewer.hear("ltx2_stream_start")
        yield viewer


async def watch(viewer: Viewer, seat: Seat, *, fragments: int = 10**6, done: int = 10**6) -> None:
    """Until the seat has so many fragments, or so many segments are complete."""
    init_next = False
    while len(seat.fragments) < fragments and seat.done < done:
        item = await viewer.next()
        assert item is not None, f"closed with {viewer.close_code} {viewer.close_reason}"
        if isinstance(item, bytes):
            if not init_next:
                seat.fragments.append(item)
            init_next = False
        elif item["type"] == "media_init":
            init_next = True
        elif item["type"] == "ltx2_segment_complete":
            seat.done += 1


async def ask_all(viewer: Viewer, prompts: tuple[str, ...] = PROMPTS) -> None:
    for prompt in prompts:
        await viewer.ask(prompt, request_id=prompt)


async def saved(viewer: Viewer) -> None:
    """Until the server has saved all that it is to save by now. What else it sends is lost."""
    await viewer.say("snapshot_state")  # answered after every save before it
    await viewer.hear("continuation_state_snapshot", "error")


async def undisturbed(server: Server, prompts: tuple[str, ...] = PROMPTS) -> list[bytes]:
    seat = Seat()
    async with seated(server, seat, seed=5) as viewer:
        await ask_all(viewer, prompts)
        await watch(viewer, seat, done=len(prompts))
    return seat.fragments
