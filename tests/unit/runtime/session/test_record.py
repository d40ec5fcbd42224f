from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.prompt import PromptRefused
from matinee.session.effects import Effect, KeepState, PreparePrompt, StartSegment
from matinee.session.opened import Identity
from matinee.session.record import RecordUnreadable, SessionRecord
from matinee.worker.messages import Cause
from tests.unit.runtime.session.making import Viewer, end_of, started, state_of
from tests.unit.runtime.session.test_session_anything import ACTIONS, act

IMAGE, FIRST, SECOND = state_of(1), state_of(9), state_of(9)
Deed = Callable[["Actor"], list[Effect]]


class Actor(Viewer):
    """Answers the session's last order to prepare."""

    order: PreparePrompt | None = None

    @property
    def effects(self) -> list[Effect]:
        effects = super().effects
        for effect in effects:
            if isinstance(effect, PreparePrompt):
                self.order = effect
        return effects

    def bind(self) -> list[Effect]:
        self.session.slot_bound(self.now)
        return self.effects

    def ready(self) -> list[Effect]:
        assert self.order
        self.session.prompt_ready(self.order.turn_id, self.order.asked.as_it_is(), self.now)
        return self.effects

    def refuse(self) -> list[Effect]:
        assert self.order
        why = PromptRefused("prompt_blocked", "no")
        self.session.prompt_refused(self.order.turn_id, why, self.now)
        return self.effects

    def show(self, frames: int, *keyframes: int) -> list[Effect]:
        self.session.frames_shown(frames, keyframes)
        return self.effects


def pause(paused: bool) -> Deed:
    return lambda actor: actor.say("generation_paused_updated", paused=paused)


STORY: dict[str, Deed] = {
    "a prompt comes before the slot": lambda a: a.prompt("one", request_id="r1"),
    "one that cannot be read": lambda a: a.text("?"),
    "the slot is bound": lambda a: a.bind(),
    "one is ready": lambda a: a.ready(),
    "a step": lambda a: a.step(1),
    "a frame is shown": lambda a: a.show(1),
    "six more are shown, with a keyframe": lambda a: a.show(6, 3),
    "two waits": lambda a: a.prompt("two"),
    "three waits": lambda a: a.prompt("three", request_id="r3"),
    "one is done": lambda a: a.done(FIRST),
    "two is ready": lambda a: a.ready(),
    "two is shown": lambda a: a.show(9),
    "two is to be cancelled": lambda a: a.say("segment_cancel"),
    "two is cancelled": lambda a: a.cancelled(2, SECOND),
    "three is cancelled while it is prepared": lambda a: a.say("segment_cancel", request_id="r3"),
    "a pause": pause(True),
    "four waits for the end of the pause": lambda a: a.prompt("four", seed=5),
    "a binary frame": lambda a: a.binary(),
    "the pause ends": pause(False),
    "four is ready": lambda a: a.ready(),
    "curated prompts": lambda a: a.say("seed_prompts_updated", seed_prompts=["x", "y"]),
    "loop generation": lambda a: a.say("loop_generation_updated", enabled=True),
    "four fails": lambda a: a.failed(Cause.REQUEST),
    "x is ready": lambda a: a.ready(),
    "x is done": lambda a: a.done(FIRST),
    "y is refused": lambda a: a.refuse(),
    "idleness": lambda a: a.wait(100.0),
    "a snapshot": lambda a: a.say("snapshot_state"),
    "five": lambda a: a.prompt("five"),
    "five is ready": lambda a: a.ready(),
    "five is done, which is the last": lambda a: a.done(SECOND),
    "a prompt after the end": lambda a: a.prompt("six"),
}


def actor() -> Actor:
    return Actor(
        IMAGE,
        bound=False,
        plain=False,
        init={"enhancement_enabled": True, "preset": "mine", "width": 64},
        generation_segment_cap=3,
        session_timeout_seconds=300.0,
    )


def told(effects: list[Effect], now: float) -> list[object]:
    """As it would be told at any time and in any turn."""
    plain: list[object] = []
    for effect in effects:
        match effect:
            case PreparePrompt():
                plain.append(effect.asked)
            case StartSegment(segment, state, shown):
                age = now - segment.requested_at
                timeless = dataclasses.replace(segment, requested_at=0.0)
                plain.append((timeless, age, id(state), shown))
            case KeepState(state):
                plain.append(("keep", id(state)))
            case _:
                plain.append(effect)
    return plain


def play(cut: str | None = None) -> list[tuple[str, list[object]]]:
    """What each deed of the story leads to. After `cut`, by a session that was rebuilt there."""
    one = actor()
    acts: list[tuple[str, list[object]]] = []
    for name, deed in STORY.items():
        one.now += 1.0
        acts.append((name, told(deed(one), one.now)))
        if name == cut:
            was_bound = one.session.deadline is not None or one.session._active
            one.rebuild(now=50_000.0)
            if was_bound:
                one.bind()
    return acts


UNINTERRUPTED = play()


@pytest.mark.parametrize("cut", STORY)
def test_a_session_rebuilt_at_any_point_behaves_as_the_one_that_went_on(cut: str) -> None:
    assert play(cut) == UNINTERRUPTED


def test_the_story_is_one_of_many_effects() -> None:
    kinds = {type(one).__name__ for _, effects in UNINTERRUPTED for one in effects}
    assert {"Send", "tuple", "AnswerSnapshot", "CancelSegment", "CancelPrompt", "End"} <= kinds


def test_before_its_init_is_answered_a_session_still_has_to_say_what_is_not_there() -> None:
    one, other = actor(), actor()
    other.rebuild(now=5.0)
    assert one.bind() == other.bind() != []


def test_a_segment_that_ran_starts_again_and_leaves_out_what_was_shown() -> None:
    viewer = Viewer(IMAGE)
    viewer.prompt("one")
    viewer.session.frames_shown(7, (3,))
    viewer.done(FIRST)
    (start,) = started(viewer.prompt("two", request_id="r2"))
    viewer.session.frames_shown(1)
    viewer.session.frames_shown(6, (4,))

    viewer.rebuild(now=0.0)
    assert viewer.effects == []
    viewer.session.slot_bound(0.0)

    (again,) = started(viewer.effects)
    assert dataclasses.replace(again.segment, requested_at=start.segment.requested_at) == (
        start.segment
    )
    assert again.state is FIRST
    assert (start.again, again.again) == (False, True)
    assert again.shown == dataclasses.replace(
        start.shown, first_frame=7, frames=7, keyframes=(4,), first_fragment=1, fragments=2
    )


def test_a_prompt_in_preparation_is_prepared_again() -> None:
    viewer = Viewer(plain=False)
    (order,) = viewer.prompt("one")
    viewer.rebuild(now=0.0)
    viewer.session.slot_bound(0.0)
    (again,) = viewer.effects
    assert isinstance(order, PreparePrompt)
    assert isinstance(again, PreparePrompt)
    assert again.asked == order.asked


def test_idleness_is_remembered_as_an_age() -> None:
    viewer = Viewer(session_timeout_seconds=300.0)
    viewer.wait(290.0)
    viewer.rebuild(now=7.0)
    viewer.session.slot_bound(8.0)
    assert viewer.session.deadline == 7.0 + 10.0


def test_frames_that_could_not_be_read_are_still_counted() -> None:
    viewer = Viewer()
    viewer.binary()
    viewer.text("?")
    viewer.rebuild(now=7.0)
    assert end_of(viewer.binary()) is not None


def test_no_time_of_this_process_is_in_a_record() -> None:
    early, late = Viewer(), Viewer()
    late.now += 1e6
    late.session.receive('{"type":"snapshot_state"}', late.now)
    early.session.receive('{"type":"snapshot_state"}', early.now)
    for viewer in (early, late):
        viewer.prompt("one")
        viewer.now += 2.0
    records = [viewer.session.record(viewer.now).to_json() for viewer in (early, late)]
    assert records[0] == records[1]


def test_the_values_that_the_server_chose_are_the_sessions() -> None:
    """Another pod may have other defaults."""
    record = actor().session.record(1000.0)
    assert (record.init.width, record.init.height, record.init.fps) == (64, 32, 24)
    assert (record.init.stream_mode, record.encoder.width, record.seed) == ("av_fmp4", 64, 7)


def test_a_picture_that_was_brought_along_is_in_the_state_only() -> None:
    viewer = Viewer(IMAGE, init={"initial_image": {"mime": "image/png", "data": "AAAA"}})
    record = viewer.session.record(viewer.now)
    assert record.state is IMAGE
    assert record.init.initial_image is None
    assert "AAAA" not in record.to_json()


def test_a_record_knows_the_token_that_resumes_it_and_does_not_hold_it() -> None:
    viewer = Viewer()
    signed = Identity("s", "a token").signed(viewer.session.record(viewer.now), "model")
    text = signed.to_json()
    record = SessionRecord.from_json(text, None)
    assert record.resumed_by("a token")
    assert "a token" not in text
    for other in ("", "a toke", "a token ", record.token_sha256, "\udcff"):
        assert not record.resumed_by(other)


def test_without_a_token_nobody_resumes_a_session() -> None:
    record = Viewer().session.record(1000.0)
    assert not any(record.resumed_by(guess) for guess in ("", "None", record.token_sha256))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"schema_version": 2}, "schema_version"),
        ({"seed": "x"}, "seed"),
        ({"turns": {}}, "turns.next_index"),
        ({"init": {"type": "odd"}}, "init.type"),
    ],
)
def test_what_is_no_record_is_told_with_its_place(change: dict[str, Any], place: str) -> None:
    facts = json.loads(Viewer().session.record(1000.0).to_json()) | change
    with pytest.raises(RecordUnreadable, match=place):
        SessionRecord.from_json(json.dumps(facts), None)


def test_a_newer_programs_additions_are_ignored() -> None:
    record = Viewer().session.record(1000.0)
    facts = json.loads(record.to_json()) | {"mood": "good"}
    assert SessionRecord.from_json(json.dumps(facts), None) == record


def test_a_session_that_had_ended_in_a_segment_starts_nothing_again() -> None:
    viewer = Viewer()
    viewer.prompt("one")
    viewer.session.receive('{"type":"session_end"}', viewer.now)
    assert viewer.session.running
    assert isinstance(viewer.effects, list)
    viewer.rebuild(now=viewer.now)
    viewer.session.slot_bound(viewer.now)
    assert viewer.effects == []


@settings(max_examples=50)
@given(st.lists(ACTIONS, max_size=30), st.lists(ACTIONS, max_size=10), st.booleans())
def test_whatever_came_before_both_go_on_alike(
    before: list[tuple[str, str]], after: list[tuple[str, str]], loop: bool
) -> None:
    one, other = (
        Viewer(
            bound=False,
            generation_segment_cap=3,
            init={"loop_generation_enabled": loop, "curated_prompts": ["a curated one"]},
            limits={"queued_requests": 3},
        )
        for _ in range(2)
    )
    for action, value in before:
        for viewer in (one, other):
            act(viewer, action, value)
            assert isinstance(viewer.effects, list)
    active = other.session._active
    other.rebuild(now=other.now)
    if active:
        other.session.slot_bound(other.now)
        again = other.effects
        assert len(again) <= 1
        assert [start.segment for start in started(again)] == (
            [one.session.running] if one.session.running and not one.session.ended else []
        )
    for action, value in after:
        if action == "step":
            continue  # told at most so often, and the last time is forgotten
        act(one, action, value)
        act(other, action, value)
        assert stateless(other.effects) == stateless(one.effects)


def stateless(effects: list[Effect]) -> list[object]:
    """`act` makes a state of its own for each session."""
    return [
        dataclasses.replace(effect, state=None)
        if isinstance(effect, StartSegment)
        else KeepState
        if isinstance(effect, KeepState)
        else effect
        for effect in effects
    ]
