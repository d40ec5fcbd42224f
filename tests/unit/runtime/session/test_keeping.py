from __future__ import annotations

from matinee.session.saved_record import from_saved
from tests.unit.runtime.session.staging import Client, Stage, Staged, turns
from tests.unit.runtime.store.making import segments_of


async def playing(stage: Stage) -> tuple[Client, str]:
    client = stage.client()
    client.say("segment_prompt_source", prompt="one", request_id="r1")
    await client.hear("ltx2_segment_start")
    return client, (await client.hear("gpu_assigned"))["session_id"]


async def test_a_session_is_saved_from_its_first_segment_on(staged: Staged) -> None:
    stage = staged()
    client, session_id = await playing(stage)
    stage.pool.jobs[0].make_all()
    await client.hear("ltx2_segment_complete")
    client.say("snapshot_state")
    await client.hear("continuation_state_snapshot")
    assert await segments_of(stage.store, session_id) == [0, 1]


async def test_who_vanishes_leaves_the_session_as_it_was(staged: Staged) -> None:
    """What the abandoned segment would still have led to is not saved."""
    stage = staged()
    client, session_id = await playing(stage)
    client.say("segment_prompt_source", prompt="two", request_id="r2")
    await turns()
    client.vanish()
    await client.over()
    saved = await stage.store.load(session_id)
    assert saved is not None
    record = from_saved(saved)
    assert (record.turns.next_index, record.ended) == (0, None)
    assert record.turns.current is not None
    assert record.turns.current.prompt.request_id == "r1"
    assert [one.prompt.request_id for one in record.prompts.waiting] == ["r2"]
    assert stage.clean


async def test_a_session_that_its_client_ended_is_saved_as_ended(staged: Staged) -> None:
    stage = staged()
    client, session_id = await playing(stage)
    client.say("session_end")
    await client.over()
    saved = await stage.store.load(session_id)
    assert saved is not None
    ended = from_saved(saved).ended
    assert ended is not None
    assert ended.reason == "stop_requested"


async def test_a_session_whose_lease_is_lost_ends(staged: Staged) -> None:
    stage = staged()
    client, session_id = await playing(stage)
    await stage.store.claim(session_id, "pod-b")
    stage.pool.jobs[0].make_all()
    await client.over()
    assert client.closed == (1008, "session_taken_over")
    assert [one["code"] for one in client.heard if one["type"] == "error"] == ["session_taken_over"]
    assert stage.clean


async def test_a_session_that_is_handed_over_is_saved_and_nobody_s(staged: Staged) -> None:
    stage = staged()
    client, session_id = await playing(stage)
    client.say("segment_prompt_source", prompt="two", request_id="r2")
    client.connection.drain(30.0)
    client.say("session_hand_over")
    stage.pool.jobs[0].make_all()
    await client.over()
    assert client.closed == (1012, "handed_over")
    assert client.heard[-1]["type"] == "ltx2_segment_complete"
    saved = await stage.store.load(session_id)
    assert saved is not None
    record = from_saved(saved)
    assert (record.turns.next_index, record.ended, record.heard) == (1, None, 2)
    assert [one.prompt.request_id for one in record.prompts.waiting] == ["r2"]
    assert len(stage.pool.jobs) == 1
    assert stage.clean
