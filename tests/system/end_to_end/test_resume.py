"""A session outlives its viewer's connection, on the same server and on another one."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.system.end_to_end.conftest import StartFake
from tests.system.end_to_end.resuming import (
    PROMPTS,
    Seat,
    ask_all,
    seated,
    undisturbed,
    watch,
)
from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import messages_of, session
from tests.unit.runtime.worker.stepping import Gate

CUTS = (0, 1, 2, 4, 5, 9)
"""Fragments that a viewer has when its connection breaks."""


async def cut_and_resumed(first: Server, second: Server, cut: int) -> Seat:
    seat = Seat()
    async with seated(first, seat, seed=5) as viewer:
        await ask_all(viewer)
        await viewer.hear("ltx2_segment_start")
        await watch(viewer, seat, fragments=cut)
        viewer.vanish()
    had = seat.frames
    async with seated(second, seat, resume=seat.resume(frames=had)) as viewer:
        resumed = seat.assigned["resumed"]
        assert resumed["frames"] <= had
        seat.done = resumed["segment_idx"]
        await watch(viewer, seat, done=len(PROMPTS))
    return seat


async def test_a_viewer_who_comes_back_goes_on_byte_for_byte(fake: Server) -> None:
    whole = await undisturbed(fake)
    for cut in CUTS:
        seat = await cut_and_resumed(fake, fake, cut)
        assert seat.fragments == whole, cut
