from __future__ import annotations

from matinee.session.branching import (
    branched,
    forked_facts,
    rejoined,
    resumed_facts,
    without_prompts,
)
from matinee.session.effects import CloseCode, End, Shown
from matinee.session.opened import Identity
from matinee.session.record import SessionRecord
from matinee.session.session import Session
from tests.unit.runtime.session.making import INFO, Viewer, started, state_of


def record() -> SessionRecord:
    """Of a session in its second segment, with a prompt that waits."""
    viewer = Viewer()
    viewer.prompt("one", request_id="r1")
    viewer.session.frames_shown(17)
    viewer.done(state_of())
    viewer.prompt("two", request_id="r2")
    viewer.session.frames_shown(7, (3,))
    viewer.prompt("three")
    viewer.prompt("four", request_id="r4")
    viewer.now += 100.0
    return Identity("s", "token").signed(viewer.session.record(viewer.now), INFO.model_id)


def test_who_comes_back_is_told_of_the_segment_and_sent_what_it_lacks() -> None:
    back = rejoined(record(), frames=20)
    viewer = Viewer(bound=False)
    viewer.session = Session.from_record(back, viewer.config, INFO, viewer.now)
    viewer.session.slot_bound(viewer.now)
    (start,) = started(viewer.effects)
    assert (start.again, start.held) == (False, 20)
    assert start.shown == Shown(17, 0, (3,), first_fragment=1)
    assert viewer.wait(299.0) == [], "it was away, not idle"
    assert resumed_facts(back) == {
        "segment_idx": 1,
        "frames": 20,
        "requests": ["r2", "r4"],
        "heard": 4,
    }


def test_who_notices_nothing_is_told_of_no_segment_again() -> None:
    """Its router knows what it was told."""
    for told, again in ((1, False), (2, True)):
        moved = rejoined(record(), 20, told)
        viewer = Viewer(bound=False)
        viewer.session = Session.from_record(moved, viewer.config, INFO, viewer.now)
        viewer.session.slot_bound(viewer.now)
        (start,) = started(viewer.effects)
        assert (start.again, start.viewer_has_init) == (again, again)


def test_who_does_not_say_what_it_has_is_sent_the_segment_from_its_start() -> None:
    back = rejoined(record(), frames=None)
    assert back.turns.held == back.turns.shown.first_frame == 17
    assert resumed_facts(back)["frames"] == 17


def test_who_goes_back_asks_anew() -> None:
    back = without_prompts(
        record().model_copy(update={"ended": End("timeout", CloseCode.NORMAL, "")})
    )
    assert (back.turns.next_index, back.turns.current, back.turns.prepared) == (1, None, None)
    assert (back.prompts.waiting, back.ended) == ((), None)


def test_a_branch_is_a_session_of_its_own() -> None:
    parent = record()
    child = branched(parent, None)
    assert (child.turns.next_index, child.turns.completed, child.turns.shown) == (0, 0, Shown())
    assert (child.seed, branched(parent, 9).seed) == (parent.seed, 9)
    assert child.state is parent.state
    assert not child.resumed_by("token")
    assert not child.active
    assert forked_facts("s", parent) == {"session": "s", "segment": 0, "pts_ms": 708.333}
