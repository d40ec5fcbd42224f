"""Who comes back to a session of servers that share no store is led to the one that has it."""

from __future__ import annotations

from tests.system.end_to_end.resuming import PROMPTS, Seat, saved, seated, watch
from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import messages_of, session
from tests.system.router.test_sessions import placed


async def test_a_session_is_resumed_at_the_server_that_has_it_though_another_has_more_room(
    router: Server, pods: list[Server]
) -> None:
    router.eventually(lambda: placed(router, pods) == [0, 0])
    seat = Seat()
    async with seated(router, seat, seed=5) as first, session(router) as other:
        await other.hear("ltx2_stream_start")
        async with session(router) as third:
            await third.hear("ltx2_stream_start")
            assert placed(router, pods) == [2, 1]
            await first.ask(PROMPTS[0])
            await watch(first, seat, done=1)
            await saved(first)
            first.vanish()
            await other.end()
            router.eventually(lambda: placed(router, pods) == [1, 0])
            resume = seat.resume(frames=seat.frames)
            async with seated(router, seat, resume=resume) as back:
                assert placed(router, pods) == [2, 0]
                assert seat.assigned["resumed"]["segment_idx"] == 1
                await back.ask(PROMPTS[1])
                await watch(back, seat, done=2)
                await back.end()


async def test_who_comes_back_to_what_no_server_has_is_told_so(router: Server) -> None:
    nowhere = {"session_id": "0" * 32, "token": "x" * 22, "frames": 0}
    async with session(router, resume=nowhere) as viewer:
        (error,) = messages_of(await viewer.rest(), "error")
    assert (error["code"], error["param"]) == ("invalid_message", "resume")
    assert "no such session can be resumed" in error["message"]
    assert viewer.close_code == 1003
