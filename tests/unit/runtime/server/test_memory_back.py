"""What a session held is free when it has ended, without waiting for the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from matinee.server import websocket
from matinee.server.websocket import Connection
from matinee.session.runner import SessionRunner
from matinee.session.session import Session
from tests.unit.runtime.session.making import state_of, wire_of
from tests.unit.runtime.session.staging import Stage, Staged, turns

HELD = (Connection, SessionRunner, Session)


@pytest.fixture(autouse=True)
def _no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def held() -> list[object]:
    return [thing for thing in gc.get_objects() if isinstance(thing, HELD)]


async def ended(stage: Stage, how: str) -> None:
    """One session, from its first message to that end."""
    wrong = {"width": 33} if how == "refused" else {}
    client = stage.client(continuation_state=wire_of(state_of(3)), **wrong)
    if how != "refused":
        await client.hear("ltx2_stream_start")
        client.say("segment_prompt_source", prompt="a ball")
        await client.hear("ltx2_segment_start")
    if how == "normal":
        stage.pool.jobs[-1].make_all()
        await client.hear("ltx2_segment_complete")
        client.say("snapshot_state")
        await client.hear("continuation_state_snapshot")
        client.say("session_end")
    elif how == "vanished":
        client.vanish()
    elif how == "a mistake of ours":
        stage.pool.jobs[-1].pictures = None  # type: ignore[method-assign,assignment]
        stage.pool.jobs[-1].make_all()
    await client.over()
    del client.connection
    stage.clients.clear()
    stage.pool.jobs.clear()


@pytest.mark.parametrize("how", ["normal", "refused", "vanished", "a mistake of ours"])
async def test_nothing_of_a_session_waits_for_the_collector(
    staged: Staged, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket.logger, "disabled", True)  # pytest would keep the traceback
    stage = staged()
    others = {id(thing) for thing in held()}
    await ended(stage, how)
    await turns()
    for threads in (stage.studio.encoders, stage.studio.states.threads):
        threads.submit(int).result()  # they let go of what they did before
    assert [type(thing).__name__ for thing in held() if id(thing) not in others] == []
    assert stage.studio.unseated.held == 0
