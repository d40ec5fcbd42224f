"""A session outlives its viewer's connection, on the same server and on another one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.end_to_end.conftest import StartFake
from tests.system.end_to_end.resuming import (
    PROMPTS,
    Seat,
    ask_all,
    saved,
    seated,
    undisturbed,
    watch,
)
from tests.system.end_to_end.serving import Server, fake_server, running
from tests.system.end_to_end.viewing import kinds_of, messages_of, session
from tests.unit.runtime.media.mp4_reading import content_of, decode_time
from tests.unit.runtime.worker.stepping import Gate

CUTS = (0, 1, 2, 4, 5, 9)
"""Fragments that a viewer has when its connection breaks."""


async def cut_and_resumed(first: Server, second: Server, cut: int) -> Seat:
    seat = Seat()
    async with seated(first, seat, seed=5) as viewer:
        await ask_all(viewer)
        await viewer.hear("ltx2_segment_start")
        await watch(viewer, seat, fragments=cut)
        await saved(viewer)
        viewer.vanish()
    had = seat.frames
    async with seated(second, seat, resume=seat.resume(frames=had)) as viewer:
        resumed = seat.assigned["resumed"]
        assert resumed["frames"] == had
        seat.done = resumed["segment_idx"]
        lost = PROMPTS[seat.done :][len(resumed["requests"]) :]
        await ask_all(viewer, lost)
        await watch(viewer, seat, done=len(PROMPTS))
    return seat


async def test_a_viewer_who_comes_back_goes_on_byte_for_byte(fake: Server) -> None:
    whole = await undisturbed(fake)
    for cut in CUTS:
        seat = await cut_and_resumed(fake, fake, cut)
        assert seat.fragments == whole, cut


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def pair(kept: Path) -> Iterator[tuple[Server, Server]]:
    """Two servers on one folder. Tests leave them as they found them."""
    command = fake_server(**on(kept))
    with running(command, kept / "first.log") as first, running(command, kept / "2.log") as second:
        yield first, second


@pytest.fixture
def mortal(start_fake: StartFake, kept: Path) -> Server:
    """Another one, which may end."""
    return start_fake(**on(kept))


def on(folder: Path) -> dict[str, Any]:
    return {"state": {"store": "file", "directory": str(folder)}}


async def test_another_server_of_the_same_store_goes_on_byte_for_byte(
    pair: tuple[Server, Server],
) -> None:
    first, second = pair
    whole = await undisturbed(second)
    for cut in CUTS:
        seat = await cut_and_resumed(first, second, cut)
        assert seat.fragments == whole, cut


async def test_after_a_kill_the_other_server_makes_what_the_viewer_lacks(
    pair: tuple[Server, Server], mortal: Server, gate: Gate
) -> None:
    """It knows the session as it was at the last segment's end, so the client asks again for what
    the server does not name."""
    first, second = mortal, pair[1]
    prompts = ("one", "two", "three", "four")
    whole = await undisturbed(second, prompts)
    seat = Seat()
    async with seated(first, seat, seed=5) as viewer:
        await ask_all(viewer, prompts[:2])
        await watch(viewer, seat, done=2)
        await saved(viewer)
        await viewer.ask(f"three {gate.order}")
        gate.go(4)
        begun = len(seat.fragments)
        await watch(viewer, seat, fragments=begun + 2)
        first.stop(signal.SIGKILL)
    had = seat.frames
    async with seated(second, seat, resume=seat.resume(frames=had)) as viewer:
        resumed = {"segment_idx": 2, "frames": had, "requests": [], "heard": 2}
        assert seat.assigned["resumed"] == resumed
        await ask_all(viewer, prompts[2:])
        await watch(viewer, seat, done=4)
    assert seat.fragments == whole


async def test_a_drained_session_goes_on_elsewhere_with_all_that_waits(
    pair: tuple[Server, Server], mortal: Server, gate: Gate
) -> None:
    first, second = mortal, pair[1]
    whole = await undisturbed(second)
    seat = Seat()
    async with seated(first, seat, seed=5) as viewer:
        await viewer.ask(f"first {gate.order}", request_id="first")
        await ask_all(viewer, PROMPTS[1:])
        await gate.arrival()
        first.post("/v1/drain", {"deadline_seconds": 0})
        end = (await viewer.rest())[-1]
        assert (end, viewer.close_code) == (
            {"type": "ltx2_stream_complete", "reason": "drained"},
            1012,
        )
    gate.go(1000)
    async with seated(second, seat, resume=seat.resume(frames=0)) as viewer:
        resumed = {"segment_idx": 0, "frames": 0, "requests": list(PROMPTS), "heard": 3}
        assert (seat.assigned["resumed"], seat.assigned["state"]) == (resumed, "exact")
        await watch(viewer, seat, done=len(PROMPTS))
    assert seat.fragments == whole


async def test_a_server_that_was_paused_saves_nothing_once_another_has_the_session(
    pair: tuple[Server, Server], gate: Gate
) -> None:
    """It wakes up in the middle of a segment, ends it, and learns that its lease is lost."""
    first, second = pair
    seat, late_before = Seat(), too_late(first)
    async with seated(first, seat, seed=5) as viewer:
        await viewer.ask("one")
        await watch(viewer, seat, done=1)
        await saved(viewer)
        await viewer.ask(f"two {gate.order}")
        await gate.arrival()
        first.process.send_signal(signal.SIGSTOP)
        late = Seat(seat.session_id, seat.token)
        async with seated(second, late, resume=late.resume()) as other:
            await other.ask("another two", seed=9)
            await watch(other, late, done=1)
            first.process.send_signal(signal.SIGCONT)
            gate.go(1000)
            last = await viewer.rest()
            (error,) = messages_of(last, "error")
            assert error["code"] == "session_taken_over"
            assert (viewer.close_code, viewer.close_reason) == (1008, "session_taken_over")
            await other.ask("another three", seed=9)
            await watch(other, late, done=2)
            other.vanish()
    assert too_late(first) == late_before + 1
    again = Seat(late.session_id, late.token)
    async with seated(second, again, resume=again.resume()):
        assert again.assigned["resumed"]["segment_idx"] == 3


def too_late(server: Server) -> float:
    """Saves that were refused because somebody else had the session."""
    return server.metric("matinee_states_not_saved_total", reason="taken_over")


async def refused(server: Server, **resume: object) -> tuple[str, str | None, int | None]:
    """Code, field and close code."""
    async with session(server, resume=resume) as viewer:
        (error,) = messages_of(await viewer.rest(), "error")
        return error["code"], error.get("param"), viewer.close_code


NOT_THEIRS = ("invalid_message", "resume", 1003)


async def test_a_token_resumes_once_and_no_other_does(fake: Server) -> None:
    seat = Seat()
    async with seated(fake, seat) as viewer:
        await viewer.segment("a ball")
        viewer.vanish()
    used = seat.resume()
    assert await refused(fake, **{**used, "token": "guess"}) == NOT_THEIRS
    assert await refused(fake, **{**used, "session_id": "unknown"}) == NOT_THEIRS
    async with seated(fake, seat, resume=used) as viewer:
        assert seat.token != used["token"]
        await viewer.segment("a cube")
        assert await refused(fake, **used) == NOT_THEIRS, "replayed while it plays"
        await viewer.segment("a cone")
        viewer.vanish()
    assert await refused(fake, **used) == NOT_THEIRS, "replayed afterwards"


async def test_a_token_fits_until_the_client_is_known_to_have_the_next_one(fake: Server) -> None:
    """The answer with it may be lost like anything else."""
    seat = Seat()
    async with seated(fake, seat) as viewer:
        await viewer.segment("a ball")
        viewer.vanish()
    used = seat.resume()
    async with seated(fake, seat, resume=used) as viewer:
        viewer.vanish()
    async with seated(fake, seat, resume=used) as viewer:
        await viewer.segment("a cube")


async def test_who_resumes_takes_over_from_a_connection_that_still_stands(fake: Server) -> None:
    seat = Seat()
    async with seated(fake, seat) as stuck:
        await stuck.segment("a ball")
        async with seated(fake, seat, resume=seat.resume()) as viewer:
            (error,) = messages_of(await stuck.rest(), "error")
            assert (error["code"], stuck.close_code) == ("session_taken_over", 1008)
            segment = await viewer.segment("a cube")
            assert segment.only("media_segment_complete")["segment_idx"] == 1


async def test_who_resumes_keeps_its_slot_whoever_waits(start_fake: StartFake) -> None:
    server = start_fake(max_sessions=1, max_queue=1)
    seat = Seat()
    async with seated(server, seat) as stuck, session(server) as waiting:
        await stuck.segment("a ball")
        await waiting.hear("queue_status")
        async with seated(server, seat, resume=seat.resume()) as viewer:
            await viewer.segment("a cube")
            assert kinds_of(waiting.items) == ["queue_status"]
            await viewer.end()
        await waiting.hear("gpu_assigned")


async def test_guesses_are_bounded_and_hold_up_nobody_who_is_not_wrong(
    start_fake: StartFake,
) -> None:
    server = start_fake()
    answers = [await refused(server, session_id="a", token=str(one)) for one in range(12)]
    assert answers[:10] == [NOT_THEIRS] * 10
    assert answers[10:] == [("session_rejected", None, 1013)] * 2
    assert await refused(server, session_id="b", token="0") == NOT_THEIRS  # noqa: S106
    async with session(server) as viewer:
        await viewer.segment("a ball")


async def test_an_ended_session_is_not_resumed_but_its_segments_can_be_branched_from(
    fake: Server,
) -> None:
    seat = Seat()
    async with seated(fake, seat) as viewer:
        await viewer.segment("a ball")
        await viewer.end()
    assert await refused(fake, **seat.resume()) == ("invalid_message", "resume", 1003)
    async with seated(fake, Seat(), resume=seat.resume(fork=True)) as viewer:
        await viewer.segment("a cube")


async def test_what_is_kept_for_too_long_is_gone(start_fake: StartFake) -> None:
    server = start_fake(state={"ttl_seconds": 0.001})
    seat = Seat()
    async with seated(server, seat) as viewer:
        await viewer.segment("a ball")
        viewer.vanish()
    server.wait_until_idle()
    assert await refused(server, **seat.resume()) == NOT_THEIRS


async def test_going_back_to_a_kept_segment_forgets_those_after_it(fake: Server) -> None:
    seat = Seat()
    async with seated(fake, seat, seed=5) as viewer:
        await ask_all(viewer)
        await watch(viewer, seat, done=3)
        viewer.vanish()
    second = [one for one in seat.fragments if 17 <= frame_of(one) < 33]
    assert await refused(fake, **seat.resume(segment=7)) == (
        "invalid_message",
        "resume.segment",
        1003,
    )
    back = Seat()
    async with seated(fake, back, resume=seat.resume(segment=0)) as viewer:
        resumed = {"segment_idx": 1, "frames": 17, "requests": [], "heard": 3}
        assert back.assigned["resumed"] == resumed
        await viewer.ask("second")
        await watch(viewer, back, done=1)
    assert back.fragments == second


async def test_a_branch_has_the_pictures_of_its_parent_and_the_parent_notices_nothing(
    pair: tuple[Server, Server], kept: Path
) -> None:
    first, second = pair
    whole = await undisturbed(first, ("first", "second", "third"))
    seat, branch = Seat(), Seat()
    async with seated(first, seat, seed=5) as viewer:
        await ask_all(viewer, PROMPTS[:2])
        await watch(viewer, seat, done=2)
        await saved(viewer)
        before = kept_of(kept, seat)
        async with seated(second, branch, resume=seat.resume(segment=0, fork=True)) as other:
            assert branch.session_id != seat.session_id
            assert branch.assigned["forked_from"] == {
                "session": seat.session_id,
                "segment": 0,
                "pts_ms": 708.333,
            }
            await ask_all(other, PROMPTS[1:])
            await watch(other, branch, done=2)
        assert kept_of(kept, seat) == before
        await viewer.ask("third")
        await watch(viewer, seat, done=3)
    assert seat.fragments == whole
    assert frame_of(branch.fragments[0]) == 0
    later = [one for one in whole if frame_of(one) >= 17]
    assert [content_of(one, "mdat") for one in branch.fragments] == [
        content_of(one, "mdat") for one in later
    ]


def kept_of(folder: Path, seat: Seat) -> dict[str, bytes]:
    session = folder / "states" / seat.session_id
    return {path.name: path.read_bytes() for path in session.iterdir()}


def frame_of(fragment: bytes) -> int:
    """Its place on the timeline."""
    return decode_time(fragment) // 1000
