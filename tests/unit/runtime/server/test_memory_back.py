"""What a session held is free when it has ended, without waiting for the garbage collector."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from matinee.server import websocket
from tests.unit.runtime.session.making import state_of, wire_of
from tests.unit.runtime.session.staging import Client, Stage, Staged, turns

SENT_BYTES = 2**18


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def watched(client: Client) -> list[weakref.ref[Any]]:
    """Who holds the memory: the session its state, the runner encoder and messages."""
    connection = client.connection
    runner = connection._runner
    assert runner is not None
    return [weakref.ref(thing) for thing in (connection, runner, runner._session)]


async def ended(stage: Stage, how: str) -> list[weakref.ref[Any]]:
    """One session, from its first message to that end."""
    client = stage.client(continuation_state=wire_of(state_of(3)))
    await client.hear("ltx2_stream_start")
    things = watched(client)
    client.say("segment_prompt_source", prompt="a ball")
    await client.hear("ltx2_segment_start")
    (job,) = stage.pool.jobs
    if how == "normal":
        job.make_all()
        await client.hear("ltx2_segment_complete")
        client.say("snapshot_state")
        await client.hear("continuation_state_snapshot")
        client.say("session_end")
    elif how == "vanished":
        client.vanish()
    else:
        job.pictures = None  # type: ignore[method-assign,assignment]
        job.make_all()
    await client.over()
    del client.connection
    stage.clients.clear()
    stage.pool.jobs.clear()
    return things


@pytest.mark.parametrize("how", ["normal", "vanished", "a mistake of ours"])
async def test_nothing_of_a_session_waits_for_the_collector(
    staged: Staged, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket.logger, "disabled", True)  # pytest would keep the traceback
    stage = staged()
    things = await ended(stage, how)
    await turns()
    for threads in (stage.studio.encoders, stage.studio.states.threads):
        threads.submit(int).result()  # they let go of what they did before
    assert [thing() for thing in things if thing() is not None] == []
    assert stage.studio.unseated.held == 0


async def test_a_refused_message_is_free_at_once(staged: Staged) -> None:
    stage = staged()
    client = stage.client(continuation_state=wire_of(state_of(3)), width=33)
    connection = weakref.ref(client.connection)
    await client.over()
    del client.connection
    stage.clients.clear()
    await turns()
    assert connection() is None
    assert stage.studio.unseated.held == 0


@pytest.mark.parametrize("data", ["A" * SENT_BYTES, "!" * SENT_BYTES])
async def test_what_a_refused_image_took_is_free_at_once(staged: Staged, data: str) -> None:
    """Refused by its header, and as base64: the refusals come from deep within."""
    stage = staged()
    tracemalloc.start()
    try:
        for _ in range(3):
            client = stage.client(initial_image={"mime": "image/png", "data": data})
            assert (await client.over())[-2:] == ["error", "ltx2_stream_complete"]
            assert client.closed == (1003, "invalid_init")
            stage.clients.clear()
        del client
        await turns()
        stage.studio.unpacker.threads.submit(int).result()
        assert tracemalloc.get_traced_memory()[0] < SENT_BYTES
    finally:
        tracemalloc.stop()
