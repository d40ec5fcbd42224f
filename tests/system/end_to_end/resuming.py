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

    def take(self, assigned: Message) -> None:
        """What the server says of the session."""
        self.assigned = assigned
        self.session_id, self.token = assigned["session_id"], assigned["resume_token"]


@asynccontextmanager
async def seated(server: Server, seat: Seat, **init: object) -> AsyncIterator[Viewer]:
    """Connect, and note what the server says of the session."""
    async with session(server, **init) as viewer:
        seat.take(await viewer.hear("gpu_assigned"))
        await viewer.hear("ltx2_stream_start")
        yield viewer


@asynccontextmanager
async def back(server: Server, seat: Seat) -> AsyncIterator[Viewer]:
    """With what the seat has, and with the prompts that the server may have forgotten."""
    async with seated(server, seat, resume=seat.resume(frames=seat.frames)) as viewer:
        resumed = seat.assigned["resumed"]
        seat.done = resumed["segment_idx"]
        await ask_all(viewer, PROMPTS[seat.done :][len(resumed["requests"]) :])
        yield viewer


async def watch(
    viewer: Viewer,
    seat: Seat,
    *,
    fragments: int = 10**6,
    done: int = 10**6,
    items: int = 10**6,
) -> None:
    """Until the seat has so many fragments, so many segments are complete, or so many frames have
    come through this connection."""
    init_next = False
    while len(seat.fragments) < fragments and seat.done < done and len(viewer.items) < items:
        item = await viewer.next()
        assert item is not None, f"closed with {viewer.close_code} {viewer.close_reason}"
        if isinstance(item, bytes):
            if not init_next:
                seat.fragments.append(item)
            init_next = False
        elif item["type"] == "media_init":
            init_next = True
        elif item["type"] == "gpu_assigned":
            seat.take(item)
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
