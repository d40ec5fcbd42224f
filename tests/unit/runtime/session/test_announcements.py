from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from matinee.generation import AudioFormat
from matinee.session.announcements import greeting
from matinee.session.opened import Identity, Opened, Origin
from matinee.session.video import JpegStream
from matinee.wire import server_messages as say
from tests.unit.runtime.session.making import INFO, Viewer

START = say.Resumed(segment_idx=0, frames=0, requests=[], heard=1)
WITHIN = say.Resumed(segment_idx=1, frames=17, requests=[], heard=3)
FORKED = say.ForkedFrom(session="s", segment=0, pts_ms=708.333)


def greeted(origin: Origin, *, sound: bool = False, reachable: bool = True) -> list[Any]:
    session = Viewer().session
    if sound:
        session.encoder = dataclasses.replace(session.encoder, audio=AudioFormat(48_000, 2))
    opened = Opened(Identity("s", "t"), session, INFO, JpegStream(24), None, origin)
    return list(greeting(opened, 0, "pod", store_reachable=reachable))


@pytest.mark.parametrize(
    ("origin", "sound", "state"),
    [
        (Origin(), True, None),
        (Origin(resumed=WITHIN), False, "exact"),
        (Origin(resumed=START), True, "exact"),
        (Origin(resumed=WITHIN), True, "approx"),
        (Origin(forked_from=FORKED), True, "exact"),
    ],
)
def test_how_true_a_session_is_to_what_it_was(
    origin: Origin, sound: bool, state: str | None
) -> None:
    assigned, start = greeted(origin, sound=sound)
    assert (assigned.type, start.type) == ("gpu_assigned", "ltx2_stream_start")
    assert assigned.state == state


def test_only_its_router_hears_of_a_session_that_moved() -> None:
    assert greeted(Origin(resumed=WITHIN, unnoticed=True)) == [
        say.SessionMigrated("s", 0.0, WITHIN)
    ]


def test_who_cannot_be_saved_now_is_told() -> None:
    assigned, _ = greeted(Origin(), reachable=False)
    assert "cannot be reached" in assigned.notes[0]
