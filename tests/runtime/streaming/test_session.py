from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from matinee.errors import InvalidRequest
from matinee.streaming import server_messages as say
from matinee.streaming.effects import (
    AnswerSnapshot,
    CancelSegment,
    CloseCode,
    Effect,
    End,
    KeepState,
    Send,
    StartSegment,
)
from matinee.worker import messages as worker
from tests.runtime.streaming.making import Viewer, failed, sent, state_of, step


def started(effects: list[Effect]) -> list[StartSegment]:
    return [effect for effect in effects if isinstance(effect, StartSegment)]


def prompts_of(effects: list[Effect]) -> list[str]:
    return [effect.segment.request.prompt for effect in started(effects)]


def errors(effects: list[Effect]) -> list[say.Error]:
    return [message for message in sent(effects) if isinstance(message, say.Error)]


def end_of(effects: list[Effect]) -> End | None:
    return effects[-1] if effects and isinstance(effects[-1], End) else None


# Segments


def test_a_prompt_starts_a_segment_from_the_sessions_state() -> None:
    image = state_of(1)
    viewer = Viewer(image)

    (start,) = started(viewer.prompt("a red ball", request_id="r1", seed=3, source="curated"))

    assert start.state is image
    assert start.segment.index == 0
    assert (start.segment.source, start.segment.request_id) == ("curated", "r1")
    assert (start.segment.request.prompt, start.segment.request.seed) == ("a red ball", 3)
    assert start.segment.requested_at == viewer.now


def test_the_next_segment_goes_on_from_the_state_that_the_last_one_left() -> None:
    viewer, left = Viewer(), state_of()
    viewer.prompt("one")

    effects = viewer.done(left)

    (kept,) = effects
    assert isinstance(kept, KeepState)
    assert kept.state is left
    assert started(viewer.prompt("two"))[0].state is left


def test_after_a_cancel_the_video_goes_on_from_what_was_shown() -> None:
    viewer, shown = Viewer(), state_of()
    viewer.prompt("one")
    viewer.done()
    viewer.prompt("two")
    kept, _told = viewer.cancelled(state=shown)
    assert isinstance(kept, KeepState)
    assert started(viewer.prompt("three"))[0].state is shown


def test_a_segment_cancelled_before_it_showed_anything_leaves_the_state_as_it_was() -> None:
    viewer, left = Viewer(), state_of()
    viewer.prompt("one")
    viewer.done(left)
    viewer.prompt("two")
    viewer.cancelled()
    assert started(viewer.prompt("three"))[0].state is left


def test_prompts_wait_in_order_while_a_segment_runs() -> None:
    viewer = Viewer(generation_segment_cap=0)
    assert prompts_of(viewer.prompt("one")) == ["one"]
    assert viewer.prompt("two") == []
    assert viewer.prompt("three") == []

    assert prompts_of(viewer.done()) == ["two"]
    assert prompts_of(viewer.cancelled()) == ["three"]
    assert prompts_of(viewer.done()) == []


def test_prompts_that_come_before_the_slot_wait_for_it() -> None:
    viewer = Viewer(bound=False)
    assert viewer.prompt("one") == []
    viewer.now += 5
    viewer.session.slot_bound(viewer.now)

    (start,) = started(viewer.effects)

    assert start.segment.requested_at == viewer.now - 5


def test_at_most_so_many_prompts_wait() -> None:
    viewer = Viewer(limits={"queued_requests": 2})
    for prompt in ("one", "two", "three"):
        assert not errors(viewer.prompt(prompt))

    (error,) = errors(viewer.prompt("four", request_id="r4"))

    assert (error.code, error.retryable, error.request_id) == ("invalid_message", True, "r4")
    assert "2 requests are waiting already" in error.message
    assert prompts_of(viewer.done()) == ["two"]


def test_every_segment_has_a_number_of_its_own_however_it_ends() -> None:
    viewer = Viewer(generation_segment_cap=0)
    ends: list[Callable[[], list[Effect]]] = [
        viewer.done,
        viewer.cancelled,
        lambda: viewer.failed(bad_input=True),
        viewer.done,
    ]
    numbers = []
    for end in ends:
        numbers.append(started(viewer.prompt())[0].segment.index)
        end()
    assert numbers == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": " \n"}, "prompt"),
        ({"prompt": "x" * 8193}, "prompt"),
        ({"prompt": "a", "negative_prompt": "x" * 8193}, "negative_prompt"),
        ({"prompt": "a", "num_inference_steps": 0}, "num_inference_steps"),
        ({"prompt": "a", "num_inference_steps": 201}, "num_inference_steps"),
        ({"prompt": "a", "num_inference_steps": True}, "num_inference_steps"),
        ({"prompt": "a", "guidance_scale": 31}, "guidance_scale"),
        ({"prompt": "a", "num_frames": 18}, "num_frames"),
        ({"prompt": "a", "seed": -1}, "seed"),
        ({"prompt": "a", "seed": 2**63}, "seed"),
        ({"prompt": "a", "seed": 10**400}, "seed"),
        ({"prompt": "a", "source": "a friend"}, "source"),
        ({"prompt": 5}, "prompt"),
        ({}, "prompt"),
    ],
)
def test_a_bad_prompt_is_refused_and_the_session_stays_open(
    fields: dict[str, Any], param: str
) -> None:
    viewer = Viewer()
    (error,) = errors(viewer.say("segment_prompt_source", **fields))
    assert (error.code, error.param, error.retryable) == ("invalid_message", param, True)
    assert prompts_of(viewer.prompt("a ball")) == ["a ball"]


# Switches


def test_prompts_wait_while_paused() -> None:
    viewer = Viewer()
    assert viewer.say("generation_paused_updated", paused=True) == []
    assert viewer.prompt("one") == []
    assert prompts_of(viewer.say("generation_paused_updated", paused=False)) == ["one"]


def test_a_pause_lets_the_running_segment_end() -> None:
    viewer = Viewer()
    viewer.prompt("one")
    viewer.prompt("two")
    assert viewer.say("generation_paused_updated", paused=True) == []
    assert started(viewer.done()) == []


def test_loop_generation_goes_round_the_curated_prompts() -> None:
    viewer = Viewer(
        bound=False,
        generation_segment_cap=0,
        init={"curated_prompts": ["a", " ", "b"], "loop_generation_enabled": True},
    )
    viewer.session.slot_bound(viewer.now)
    first = viewer.effects
    prompts = prompts_of(first) + [prompts_of(viewer.done())[0] for _ in range(3)]
    assert prompts == ["a", "b", "a", "b"]
    assert started(first)[0].segment.source == "curated"


def test_a_clients_prompt_comes_before_the_loops() -> None:
    viewer = Viewer(init={"curated_prompts": ["a"]})
    assert prompts_of(viewer.say("loop_generation_updated", enabled=True)) == ["a"]
    viewer.prompt("mine")
    assert prompts_of(viewer.done()) == ["mine"]
    assert viewer.say("loop_generation_updated", enabled=False) == []
    assert started(viewer.done()) == []


def test_new_curated_prompts_are_used_by_the_loop() -> None:
    viewer = Viewer(init={"loop_generation_enabled": True})
    assert prompts_of(viewer.say("seed_prompts_updated", seed_prompts=["x", "y"])) == ["x"]


def test_too_many_curated_prompts_are_refused() -> None:
    viewer = Viewer(limits={"curated_prompts": 2}, init={"curated_prompts": ["a"]})
    (error,) = errors(viewer.say("seed_prompts_updated", seed_prompts=["x", "y", "z"]))
    assert error.param == "seed_prompts"
    assert prompts_of(viewer.say("loop_generation_updated", enabled=True)) == ["a"]
    with pytest.raises(InvalidRequest, match="at most 2"):
        Viewer(limits={"curated_prompts": 2}, init={"curated_prompts": ["x", "y", "z"]})


def test_auto_extension_goes_on_with_the_last_prompt() -> None:
    viewer = Viewer(init={"auto_extension_enabled": True}, generation_segment_cap=0)
    assert viewer.effects == []
    viewer.prompt("one")
    (start,) = started(viewer.done())
    assert (start.segment.request.prompt, start.segment.source) == ("one", "auto_extension")
    assert viewer.say("auto_extension_updated", enabled=False) == []
    assert started(viewer.done()) == []


def test_a_single_clip_is_followed_by_nothing_and_continues_nothing() -> None:
    viewer = Viewer(
        init={
            "single_clip_mode": True,
            "auto_extension_enabled": True,
            "loop_generation_enabled": True,
            "curated_prompts": ["a"],
        }
    )
    viewer.prompt("one")
    assert started(viewer.done()) == []
    assert started(viewer.prompt("two"))[0].state is None


def test_a_prompt_of_its_own_that_is_refused_is_not_tried_again_and_again() -> None:
    viewer = Viewer(init={"curated_prompts": ["a"], "loop_generation_enabled": True})
    assert prompts_of(viewer.effects) == ["a"]

    refused = viewer.failed(bad_input=True)

    assert started(refused) == []
    assert errors(refused)[0].param == "prompt"
    assert prompts_of(viewer.say("seed_prompts_updated", seed_prompts=["b"])) == ["b"]


# What is not there


@pytest.mark.parametrize(
    ("kind", "fields", "feature"),
    [
        ("rewrite_seed_prompts", {"seed_prompt": "a", "count": 3}, "rewrite_seed_prompts"),
        ("adapters_updated", {"adapters": []}, "adapters_updated"),
        ("prompt_updated", {"prompt": "a"}, "prompt_updated"),
        ("enhancement_updated", {"enabled": True}, "prompt enhancement"),
    ],
)
def test_what_this_server_cannot_do_is_said(
    kind: str, fields: dict[str, Any], feature: str
) -> None:
    (error,) = errors(Viewer().say(kind, **fields))
    assert error.message == f"{feature} is not available on this server"
    assert error.code == "invalid_message"


def test_enhancement_asked_for_at_the_start_is_told_once_the_slot_is_bound() -> None:
    assert [
        error.param for error in errors(Viewer(init={"enhancement_enabled": True}).effects)
    ] == ["enhancement_enabled"]


def test_switching_enhancement_off_is_no_mistake() -> None:
    assert Viewer().say("enhancement_updated", enabled=False) == []


def test_a_second_init_is_a_mistake_and_the_session_stays_open() -> None:
    viewer = Viewer()
    (error,) = errors(viewer.say("session_init_v2"))
    assert (error.code, error.param) == ("invalid_message", "type")
    assert started(viewer.prompt())


def test_a_snapshot_is_asked_for() -> None:
    assert Viewer().say("snapshot_state") == [AnswerSnapshot()]


# Cancelling


@pytest.mark.parametrize(
    "names", [{}, {"segment_idx": 0}, {"request_id": "r1"}, {"segment_idx": 0, "request_id": "r1"}]
)
def test_the_running_segment_is_cancelled(names: dict[str, Any]) -> None:
    viewer = Viewer()
    viewer.prompt("one", request_id="r1")
    viewer.prompt("two", request_id="r2")

    assert viewer.say("segment_cancel", **names) == [CancelSegment()]
    effects = viewer.cancelled(steps=3)

    assert sent(effects) == [say.SegmentCancelled(0, 3, "r1")]
    assert prompts_of(effects) == ["two"]


@pytest.mark.parametrize(
    "names",
    [{"segment_idx": 1}, {"segment_idx": -1}, {"request_id": "r2"}, {"segment_idx": 10**30}],
)
def test_what_neither_runs_nor_waits_cannot_be_cancelled(names: dict[str, Any]) -> None:
    viewer = Viewer()
    viewer.prompt("one", request_id="r1")
    (error,) = errors(viewer.say("segment_cancel", **names))
    assert (error.code, error.param) == ("invalid_message", "segment_idx")
    assert error.request_id == names.get("request_id")


def test_nothing_runs_so_nothing_can_be_cancelled() -> None:
    assert errors(Viewer().say("segment_cancel"))


def test_a_waiting_request_is_cancelled_without_a_segment_number() -> None:
    viewer = Viewer()
    viewer.prompt("one")
    viewer.prompt("two", request_id="r2")
    viewer.prompt("three", request_id="r3")

    effects = viewer.say("segment_cancel", request_id="r2")

    assert effects == [Send(say.SegmentCancelled(-1, 0, "r2"))]
    assert prompts_of(viewer.done()) == ["three"]


def test_every_waiting_request_of_that_name_is_told() -> None:
    viewer = Viewer()
    viewer.prompt("one")
    for _ in range(2):
        viewer.prompt("again", request_id="r")
    assert len(viewer.say("segment_cancel", request_id="r")) == 2


# Steps


def test_at_most_twenty_steps_a_second_are_told_and_the_last_one_always() -> None:
    viewer = Viewer()
    viewer.prompt()
    told = []
    for number in (1, 2, 3, 4):
        told += sent(viewer.step(number))
        viewer.now += 0.03
    assert [message.step for message in told if isinstance(message, say.StepComplete)] == [1, 3, 4]


def test_a_step_tells_the_time_left() -> None:
    viewer = Viewer()
    viewer.prompt()
    assert sent(viewer.step(1)) == [say.StepComplete(0, 1, 4, "denoise", 100.0, 300.0)]


def test_the_next_segments_first_step_is_told_at_once() -> None:
    viewer = Viewer()
    viewer.prompt("one")
    viewer.prompt("two")
    viewer.step(4)
    viewer.done()
    (told,) = sent(viewer.step(1))
    assert isinstance(told, say.StepComplete)
    assert told.segment_idx == 1


# Ends


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


def test_messages_and_segments_keep_a_session_from_being_idle() -> None:
    viewer = Viewer(session_timeout_seconds=10.0)
    viewer.wait(9)
    viewer.say("snapshot_state")
    assert viewer.wait(9) == []
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
    effects = viewer.failed(bad_input=True)
    assert sent(effects) == [
        say.Error("invalid_message", "it did not work", True, request_id="r1", param="prompt")
    ]
    assert prompts_of(effects) == ["two"]


def test_a_worker_at_fault_ends_the_session() -> None:
    viewer = Viewer()
    viewer.prompt("one", request_id="r1")
    viewer.prompt("two")
    assert viewer.failed(bad_input=False) == [
        Send(say.Error("worker_failed", "it did not work", True, request_id="r1")),
        End("error", CloseCode.INTERNAL, "worker_failed"),
    ]


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
    later += viewer.step(4) + viewer.done() + viewer.cancelled() + viewer.failed(bad_input=False)
    later += viewer.prompt() + viewer.binary() + viewer.say("snapshot_state") + viewer.wait(10**6)
    assert later == []


# Anything at all

NAMES = st.sampled_from([None, "a", "b"])
PROMPTS = st.sampled_from(["a ball", "a cube", "", "x" * 8193])
TOGGLES = ("enhancement_updated", "auto_extension_updated", "loop_generation_updated")
MESSAGES = st.one_of(
    st.builds(
        lambda prompt, name: {
            "type": "segment_prompt_source",
            "prompt": prompt,
            "request_id": name,
        },
        PROMPTS,
        NAMES,
    ),
    st.builds(
        lambda index, name: {"type": "segment_cancel", "segment_idx": index, "request_id": name},
        st.none() | st.integers(-1, 3),
        NAMES,
    ),
    st.builds(
        lambda kind, enabled: {"type": kind, "enabled": enabled},
        st.sampled_from(TOGGLES),
        st.booleans(),
    ),
    st.builds(lambda on: {"type": "generation_paused_updated", "paused": on}, st.booleans()),
    st.builds(
        lambda prompts: {"type": "seed_prompts_updated", "seed_prompts": prompts},
        st.lists(PROMPTS, max_size=3),
    ),
    st.sampled_from(
        [{"type": kind} for kind in ("snapshot_state", "session_init_v2", "prompt_updated", "odd")]
    ),
)
ACTIONS = st.one_of(
    MESSAGES.map(lambda message: ("text", json.dumps(message))),
    st.text(max_size=8).map(lambda text: ("text", text)),
    st.sampled_from(["binary", "done", "cancelled", "bad", "lost", "bind", "drain"]).map(
        lambda name: (name, "")
    ),
    st.just(("text", '{"type":"session_end"}')),
    st.integers(1, 4).map(lambda number: ("step", str(number))),
    st.integers(0, 200).map(lambda seconds: ("wait", str(seconds))),
)


def act(viewer: Viewer, action: str, value: str) -> None:
    session, now = viewer.session, viewer.now
    acts: dict[str, Callable[[], None]] = {
        "text": lambda: session.receive_text(value, now),
        "binary": lambda: session.receive_binary(now),
        "done": lambda: session.segment_done(state_of(1), now),
        "cancelled": lambda: session.segment_cancelled(worker.SegmentCancelled(1, 1), now),
        "bad": lambda: session.segment_failed(failed(bad_input=True), now),
        "lost": lambda: session.segment_failed(failed(bad_input=False), now),
        "bind": lambda: session.slot_bound(now),
        "drain": lambda: session.drain(1.0),
        "step": lambda: session.step_done(step(int(value)), now),
        "wait": lambda: session.tick(now + int(value)),
    }
    acts[action]()


@settings(max_examples=100, deadline=None)
@given(st.lists(ACTIONS, max_size=40), st.booleans(), st.sampled_from([0, 2]))
def test_whatever_comes_one_segment_runs_at_a_time_and_nothing_follows_the_end(
    actions: list[tuple[str, str]], loop: bool, cap: int
) -> None:
    viewer = Viewer(
        bound=False,
        generation_segment_cap=cap,
        init={"loop_generation_enabled": loop, "curated_prompts": ["a curated one"]},
        limits={"queued_requests": 3},
    )
    indices: list[int] = []
    for action, value in actions:
        had_ended = viewer.session.ended is not None
        was_running = viewer.session.running
        act(viewer, action, value)
        effects = viewer.effects

        assert not (had_ended and effects)
        starts = started(effects)
        assert len(starts) <= 1
        if starts:
            assert was_running is None or was_running.index in indices
            assert viewer.session.running is starts[0].segment
            indices.append(starts[0].segment.index)
        ends = [effect for effect in effects if isinstance(effect, End)]
        assert ends in ([], effects[-1:])
    assert indices == list(range(len(indices)))
