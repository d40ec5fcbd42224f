from __future__ import annotations

import pytest

from matinee.session.effects import CancelSegment, CloseCode, Effect, End, KeepState, Send
from matinee.wire import server_messages as say
from matinee.worker.messages import Cause
from tests.unit.runtime.session.making import (
    Viewer,
    end_of,
    errors,
    prompts_of,
    sent,
    started,
    state_of,
)


def test_the_cap_counts_segments_that_were_completed() -> None:
    viewer = Viewer(generation_segment_cap=2)
    viewer.prompt()
    viewer.cancelled()
    viewer.prompt()
    assert end_of(viewer.done()) is None
    viewer.prompt()
    viewer.prompt("waits")
    effects = viewer.done()
    assert isinstance(effects[0], KeepState)
    assert end_of(effects) == End("segment_cap", CloseCode.NORMAL, "segment_cap", tells_state=True)
    assert started(effects) == []


def test_no_cap_means_no_end() -> None:
    viewer = Viewer(generation_segment_cap=0)
    for _ in range(20):
        viewer.prompt()
        assert end_of(viewer.done()) is None


def test_an_idle_session_ends() -> None:
    viewer = Viewer(session_timeout_seconds=300.0)
    assert viewer.wait(299) == []
    effects = viewer.wait(1)
    assert sent(effects) == [say.SessionTimeout(300)]
    assert end_of(effects) == End("timeout", CloseCode.NORMAL, "session_timeout")
    assert viewer.wait(1000) == []


@pytest.mark.parametrize("useless", ["snapshot_state", "segment_cancel", "unheard_of"])
def test_a_message_that_asks_for_nothing_does_not_keep_an_idle_session(useless: str) -> None:
    viewer = Viewer(session_timeout_seconds=10.0)
    viewer.wait(9)
    viewer.say(useless)
    assert end_of(viewer.wait(1)) is not None


def test_prompts_and_segments_keep_a_session_from_being_idle() -> None:
    viewer = Viewer(session_timeout_seconds=10.0)
    viewer.wait(9)
    viewer.prompt()
    assert viewer.wait(1000) == []
    viewer.done()
    assert viewer.wait(9) == []
    assert end_of(viewer.wait(1)) is not None


def test_a_viewer_who_waits_for_a_slot_is_not_idle() -> None:
    viewer = Viewer(bound=False, session_timeout_seconds=10.0)
    assert viewer.wait(1000) == []
    viewer.session.slot_bound(viewer.now)
    assert viewer.wait(9) == []


def test_a_paused_session_is_idle_though_prompts_wait() -> None:
    viewer = Viewer(session_timeout_seconds=10.0)
    viewer.say("generation_paused_updated", paused=True)
    viewer.prompt()
    assert end_of(viewer.wait(10)) is not None


@pytest.mark.parametrize("frame", ["binary", "not json", '{"type":', '"\\ud800"'])
def test_the_third_frame_in_a_row_that_is_not_json_ends_the_session(frame: str) -> None:
    viewer = Viewer()
    viewer.prompt()

    def send() -> list[Effect]:
        return viewer.binary() if frame == "binary" else viewer.text(frame)

    assert [error.code for error in errors(send() + send())] == ["invalid_message"] * 2
    effects = send()
    assert len(errors(effects)) == 1
    assert CancelSegment() in effects
    end = end_of(effects)
    assert end is not None
    assert (end.reason, end.code) == ("error", 1008)


@pytest.mark.parametrize("between", ['{"type":"snapshot_state"}', '{"type":"unheard"}', "[]", "5"])
def test_any_json_between_them_starts_the_count_again(between: str) -> None:
    viewer = Viewer()
    viewer.binary()
    viewer.text("not json")
    viewer.text(between)
    assert end_of(viewer.binary() + viewer.text("")) is None


def test_session_end_is_a_clean_end() -> None:
    viewer = Viewer()
    viewer.prompt()
    assert viewer.say("session_end") == [
        CancelSegment(),
        End("stop_requested", CloseCode.NORMAL, "session_end"),
    ]


def test_session_end_while_waiting_for_a_slot_is_a_clean_end() -> None:
    viewer = Viewer(bound=False)
    viewer.prompt()
    assert viewer.say("session_end") == [End("stop_requested", CloseCode.NORMAL, "session_end")]
    viewer.session.slot_bound(viewer.now)
    assert viewer.effects == []


def test_a_request_at_fault_leaves_the_session_open() -> None:
    viewer = Viewer()
    viewer.prompt("one", request_id="r1")
    viewer.prompt("two")
    effects = viewer.failed(Cause.REQUEST)
    assert sent(effects) == [
        say.Error("invalid_message", "no", True, request_id="r1", param="prompt")
    ]
    assert prompts_of(effects) == ["two"]


def test_a_segment_that_a_worker_died_of_leaves_the_session_open_with_the_state_before() -> None:
    viewer = Viewer()
    viewer.prompt("one")
    viewer.done(before := state_of())
    viewer.prompt("two", request_id="r2")
    viewer.prompt("three")
    effects = viewer.failed(Cause.DEADLY)
    assert sent(effects) == [say.Error("worker_failed", "no", False, request_id="r2")]
    (start,) = started(effects)
    assert start.state is before


def test_without_a_worker_the_session_ends() -> None:
    viewer = Viewer()
    viewer.prompt("one", request_id="r1")
    viewer.prompt("two")
    told, kept, end = viewer.failed(Cause.NO_WORKER)
    assert told == Send(say.Error("worker_failed", "no", True, request_id="r1"))
    assert isinstance(kept, KeepState)
    assert end == End("error", CloseCode.INTERNAL, "worker_failed")


def test_draining_is_told() -> None:
    viewer = Viewer()
    viewer.session.drain(30.0)
    assert sent(viewer.effects) == [say.Draining(30.0)]


def test_nothing_happens_after_the_end() -> None:
    viewer = Viewer()
    viewer.prompt()
    viewer.prompt("waits")
    viewer.session.shut_down("drained", CloseCode.RESTART, "drained")
    assert viewer.effects == [CancelSegment(), End("drained", CloseCode.RESTART, "drained")]

    viewer.session.shut_down("drained", CloseCode.RESTART, "again")
    viewer.session.drain(1.0)
    later = viewer.effects
    later += viewer.step(4) + viewer.done() + viewer.cancelled() + viewer.failed(Cause.NO_WORKER)
    later += viewer.prompt() + viewer.binary() + viewer.say("snapshot_state") + viewer.wait(10**6)
    assert later == []
