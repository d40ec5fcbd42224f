from __future__ import annotations

import pytest

from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import kinds_of, messages_of, session
from tests.unit.runtime.worker.stepping import FEW, Gate, step_until


async def test_a_session_ends_at_the_segment_cap_with_its_last_state(fake: Server) -> None:
    async with session(fake) as viewer:
        for _ in range(7):
            await viewer.ask("a ball")
        await viewer.rest()
    assert kinds_of(viewer.items)[-3:] == [
        "ltx2_segment_complete",
        "continuation_state_snapshot",
        "ltx2_stream_complete",
    ]
    assert viewer.items[-1] == {"type": "ltx2_stream_complete", "reason": "segment_cap"}
    assert len(messages_of(viewer.items, "ltx2_segment_complete")) == 6
    (last,) = messages_of(viewer.items, "continuation_state_snapshot")
    assert last["state"]["payload"]["segment_index"] == 6
    assert viewer.close_code == 1000


async def test_an_idle_session_is_told_the_limit_and_closed(hasty: Server) -> None:
    async with session(hasty) as viewer:
        await viewer.segment("a ball")
        items = await viewer.rest()
    assert kinds_of(items) == ["session_timeout", "ltx2_stream_complete"]
    assert items[-1] == {"type": "ltx2_stream_complete", "reason": "timeout"}
    assert viewer.close_code == 1000
    hasty.wait_until_idle()


async def test_a_running_segment_is_not_idleness(hasty: Server, gate: Gate) -> None:
    async with session(hasty) as idle, session(hasty) as busy:
        await busy.ask(gate.order, num_inference_steps=1)
        await gate.arrival()
        await idle.rest()  # meanwhile the same time has passed for the other one
        gate.go()
        await busy.hear("ltx2_segment_complete")
        await busy.rest()
    assert busy.items[-1] == {"type": "ltx2_stream_complete", "reason": "timeout"}


async def test_requests_wait_while_paused(fake: Server) -> None:
    async with session(fake) as viewer:
        await viewer.say("generation_paused_updated", paused=True)
        await viewer.ask("one", request_id="one")
        await viewer.say("snapshot_state")
        error = await viewer.hear("error")  # all before it has been heard by now
        assert "no state" in error["message"]
        assert "ltx2_segment_start" not in kinds_of(viewer.items)
        await viewer.say("generation_paused_updated", paused=False)
        done = await viewer.hear("ltx2_segment_complete")
    assert done["request_id"] == "one"


async def test_a_pause_lets_the_running_segment_end(fake: Server, gate: Gate) -> None:
    async with session(fake) as viewer:
        await viewer.ask(gate.order, num_inference_steps=2)
        await viewer.ask("next", request_id="next")
        await gate.arrival()
        await viewer.say("generation_paused_updated", paused=True)
        gate.go(2)
        await viewer.hear("ltx2_segment_complete")
        await viewer.say("segment_cancel", request_id="next")
        cancelled = await viewer.hear("segment_cancelled")
        await viewer.end()
    assert cancelled["request_id"] == "next"
    assert len(messages_of(viewer.items, "ltx2_segment_start")) == 1


async def test_only_so_many_requests_may_wait(fake: Server, gate: Gate) -> None:
    async with session(fake) as viewer:
        await viewer.ask(gate.order, num_inference_steps=1)
        await gate.arrival()
        for index in range(9):
            await viewer.ask("a ball", request_id=str(index))
        error = await viewer.hear("error")
        gate.go()
        await viewer.rest()
    assert (
        error["code"],
        error["request_id"],
        error["retryable"],
    ) == ("invalid_message", "8", True)
    assert len(messages_of(viewer.items, "ltx2_segment_complete")) == 6


@pytest.mark.parametrize("named", [{}, {"segment_idx": 0}, {"request_id": "first"}])
async def test_a_cancel_stops_within_one_step_and_the_session_goes_on(
    fake: Server, gate: Gate, named: dict[str, object]
) -> None:
    async with session(fake) as viewer:
        await viewer.ask(gate.order, request_id="first", num_inference_steps=100)
        await gate.arrival()
        gate.go()
        await gate.arrival()  # it is in the second step now
        await viewer.say("segment_cancel", **named)
        await viewer.say("snapshot_state")
        await viewer.hear("error")  # there is none; the cancel before it has been passed on
        cancelled = await step_until(gate, viewer.hear("segment_cancelled"))
        segment = await viewer.segment("second", request_id="second")
        await viewer.end()
    assert (cancelled["segment_idx"], cancelled["request_id"]) == (0, "first")
    assert cancelled["steps_done"] <= 2 + FEW
    assert segment.only("ltx2_segment_start")["segment_idx"] == 1
    assert viewer.close_code == 1000


async def test_a_waiting_request_is_cancelled_without_a_word_from_the_gpu(
    fake: Server, gate: Gate
) -> None:
    async with session(fake) as viewer:
        await viewer.ask(gate.order, request_id="running", num_inference_steps=1)
        await viewer.ask("second", request_id="waiting")
        await gate.arrival()
        await viewer.say("segment_cancel", request_id="waiting")
        cancelled = await viewer.hear("segment_cancelled")
        gate.go()
        done = await viewer.hear("ltx2_segment_complete")
        segment = await viewer.segment("third")
    assert (cancelled["request_id"], cancelled["steps_done"]) == ("waiting", 0)
    assert done["request_id"] == "running"
    assert segment.only("ltx2_segment_start")["segment_idx"] == 1


async def test_session_end_in_mid_segment_is_the_last_word(fake: Server, gate: Gate) -> None:
    async with session(fake) as viewer:
        await viewer.ask(gate.order, num_inference_steps=100)
        await gate.arrival()
        await viewer.say("session_end")
        await viewer.say("snapshot_state")
        gate.go(100)
        items = await viewer.rest()
    assert items[-1] == {"type": "ltx2_stream_complete", "reason": "stop_requested"}
    assert viewer.close_code == 1000
    fake.wait_until_idle()


async def test_a_viewer_that_closes_properly_frees_its_slot(fake: Server) -> None:
    async with session(fake) as viewer:
        await viewer.segment("a ball")
    assert viewer.close_code == 1000
    fake.wait_until_idle()
