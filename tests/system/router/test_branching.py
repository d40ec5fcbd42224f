"""Branches of a session through a router: sessions of their own, at whichever server has a slot."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path

from tests.system.end_to_end.resuming import (
    PROMPTS,
    Seat,
    ask_all,
    saved,
    seated,
    undisturbed,
    watch,
)
from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import messages_of, session
from tests.system.router.routing import backends, know_slots, routing, sharing
from tests.unit.runtime.media.mp4_reading import content_of, decode_time

ANOTHER_WAY = (*PROMPTS[:2], "another", "further")
FRAMES_OF_ONE, FRAMES_OF_TWO = 17, 33
KEPT = 8


def pictures(fragments: list[bytes], after_frame: int = 0) -> list[bytes]:
    """The coded ones, without their place on a timeline."""
    later = [one for one in fragments if decode_time(one) >= after_frame * 1000]
    return [content_of(one, "mdat") for one in later]


async def test_branches_have_the_bytes_of_sessions_that_were_asked_the_same_from_the_start(
    tmp_path: Path,
) -> None:
    """The parent plays on meanwhile, and a branch is moved from a server that is killed."""
    with sharing(tmp_path, 2, generation_segment_cap=0) as pods:
        urls = [pod.url for pod in pods]
        whole, otherwise = await undisturbed(pods[0]), await undisturbed(pods[0], ANOTHER_WAY)
        parent, same, other = Seat(), Seat(), Seat()
        with routing(tmp_path, urls) as router:
            know_slots(router, urls)
            async with seated(router, parent, seed=5) as viewer:
                await ask_all(viewer, PROMPTS[:2])
                await watch(viewer, parent, done=2)
                await saved(viewer)
                after_first = parent.resume(segment=0, fork=True)
                async with seated(router, same, resume=after_first) as branch:
                    assert sorted(one["sessions"] for one in backends(router).values()) == [1, 1]
                    await ask_all(branch, PROMPTS[1:])
                    await watch(branch, same, done=2)
                    await branch.end()
                after_second = parent.resume(segment=1, fork=True)
                async with seated(router, other, resume=after_second) as branch:
                    assert other.assigned["forked_from"]["segment"] == 1
                    await branch.ask(ANOTHER_WAY[2])
                    await watch(branch, other, done=1)
                    await saved(branch)
                    where = server_of(router, other)
                    pods[urls.index(where)].stop(signal.SIGKILL)
                    await branch.ask(ANOTHER_WAY[3])
                    await watch(branch, other, done=2)
                    assert messages_of(branch.items, "session_migrated")
                await viewer.ask(PROMPTS[2])
                await watch(viewer, parent, done=3)
                assert not messages_of(viewer.items, "session_migrated")
    assert parent.fragments == whole
    assert pictures(same.fragments) == pictures(whole, FRAMES_OF_ONE)
    assert pictures(other.fragments) == pictures(otherwise, FRAMES_OF_TWO)
    assert [decode_time(one.fragments[0]) for one in (same, other)] == [0, 0]
    assert len({parent.session_id, same.session_id, other.session_id}) == 3


def server_of(router: Server, seat: Seat) -> str:
    """Its address."""
    sessions = router.get("/v1/sessions").json()["sessions"]
    (found,) = (one["backend"] for one in sessions if one["session_id"] == seat.session_id)
    return str(found)


async def test_the_last_segments_can_be_branched_from_and_an_older_one_is_refused_by_name(
    tmp_path: Path,
) -> None:
    prompts = tuple(map(str, range(KEPT + 2)))
    seat, branch = Seat(), Seat()
    with ExitStack() as stack:
        (pod,) = stack.enter_context(sharing(tmp_path, 1, generation_segment_cap=0))
        router = stack.enter_context(routing(tmp_path, [pod.url]))
        know_slots(router, [pod.url])
        async with seated(router, seat) as viewer:
            for prompt in prompts:
                await viewer.segment(prompt)
                await saved(viewer)  # the fake engine is quicker than a store
            async with session(router, resume=seat.resume(segment=1, fork=True)) as late:
                (error,) = messages_of(await late.rest(), "error")
            async with seated(router, branch, resume=seat.resume(segment=2, fork=True)):
                pass
    assert (error["code"], error["param"], late.close_code) == (
        "invalid_message",
        "resume.segment",
        1003,
    )
    assert error["message"].endswith("segment 1 is not kept; kept are: 2, 3, 4, 5, 6, 7, 8, 9")
    assert branch.assigned["forked_from"]["segment"] == 2
