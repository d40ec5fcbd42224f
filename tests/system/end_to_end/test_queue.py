from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from matinee_api.contracts.pod_http import QUEUE_ELSEWHERE, QUEUE_HEADER
from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import kinds_of, messages_of, raw, session
from tests.unit.runtime.worker.stepping import ALL, Gate


async def test_viewers_are_told_their_place_and_move_up(narrow: Server) -> None:
    async with session(narrow) as first:
        await first.hear("ltx2_stream_start")
        async with session(narrow) as second:
            assert _place(await second.hear("queue_status")) == (0, 1)
            async with session(narrow) as third:
                assert _place(await third.hear("queue_status")) == (1, 2)
                assert narrow.metric("matinee_queue") == 2
                await first.end()
                await second.hear("ltx2_stream_start")
                assert _place(await third.hear("queue_status")) == (0, 1)
                assert third.items[-1]["eta_seconds"] >= 0  # type: ignore[call-overload]
                await second.segment("a ball")
                await second.end()
                await third.segment("a ball")
                await third.end()
    narrow.wait_until_idle()
    assert narrow.metric("matinee_queue") == 0


async def test_the_one_too_many_is_rejected_and_told_when_to_come_back(
    narrow: Server,
) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(session(narrow))
        await first.hear("ltx2_stream_start")
        for _ in range(2):
            await (await stack.enter_async_context(session(narrow))).hear("queue_status")
        async with session(narrow) as fourth:
            items = await fourth.rest()
        await first.segment("a ball")
    assert kinds_of(items) == ["error", "ltx2_stream_complete"]
    (error,) = messages_of(items, "error")
    assert (error["code"], error["retryable"]) == ("session_rejected", True)
    assert error["retry_after_seconds"] > 0
    assert fourth.close_code == 1013


async def test_who_queues_elsewhere_is_refused_before_the_upgrade(narrow: Server) -> None:
    elsewhere: dict[str, Any] = {QUEUE_HEADER: QUEUE_ELSEWHERE}
    async with raw(narrow, **elsewhere) as first:
        await first.say("session_init_v2")
        await first.hear("ltx2_stream_start")
        with pytest.raises(InvalidStatus) as refused:
            async with raw(narrow, **elsewhere):
                pass
        assert refused.value.response.status_code == 503
        await first.end()
    narrow.wait_until_idle()


async def test_a_waiting_viewer_who_leaves_lets_the_others_move_up(narrow: Server) -> None:
    async with session(narrow) as first:
        await first.hear("ltx2_stream_start")
        async with session(narrow) as second:
            await second.hear("queue_status")
            async with session(narrow) as third:
                assert _place(await third.hear("queue_status")) == (1, 2)
                second.vanish()
                assert _place(await third.hear("queue_status")) == (0, 1)
                await first.end()
                await third.segment("a ball")
    narrow.wait_until_idle()


async def test_who_waits_too_long_for_a_slot_is_told_to_try_later(
    hasty: Server, gate: Gate
) -> None:
    async with session(hasty) as first, session(hasty) as second:
        for viewer in (first, second):
            await viewer.ask(gate.order)
            await viewer.hear("ltx2_segment_start")
        async with session(hasty) as third:
            items = await third.rest()
        gate.go(ALL)
        await first.hear("ltx2_segment_complete")
    (error,) = messages_of(items, "error")
    assert (error["code"], error["retryable"]) == ("gpu_unavailable", True)
    assert third.close_code == 1013


def _place(message: dict[str, int]) -> tuple[int, int]:
    return message["position"], message["queue_depth"]
