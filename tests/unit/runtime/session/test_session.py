from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matinee.errors import InvalidRequest
from matinee.session.effects import AnswerSnapshot, Effect, HandOver, KeepState
from matinee.worker.messages import Cause
from tests.unit.runtime.session.making import Viewer, errors, prompts_of, started, state_of

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
        lambda: viewer.failed(Cause.REQUEST),
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

    refused = viewer.failed(Cause.REQUEST)

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
    assert Viewer().say("snapshot_state") == [AnswerSnapshot(1)]


def test_a_session_is_handed_over_between_two_segments() -> None:
    viewer = Viewer()
    viewer.prompt("one")
    viewer.prompt("two")
    viewer.session.drain(30.0)
    assert viewer.effects
    assert viewer.say("session_hand_over") == []
    assert prompts_of(effects := viewer.done()) == []
    assert effects[-1] == HandOver()
    viewer.session.stay(viewer.now)
    assert prompts_of(viewer.effects) == ["two"]


def test_a_session_that_does_nothing_is_handed_over_at_once() -> None:
    viewer = Viewer()
    viewer.session.drain(30.0)
    assert viewer.effects
    assert viewer.say("session_hand_over") == [HandOver()]


def test_nothing_is_handed_over_while_nothing_drains() -> None:
    viewer = Viewer()
    assert viewer.say("session_hand_over") == []
    assert prompts_of(viewer.prompt("one")) == ["one"]
