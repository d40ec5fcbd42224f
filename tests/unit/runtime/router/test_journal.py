from __future__ import annotations

import json
from itertools import pairwise

import pytest
from websockets.frames import Frame, Opcode

from matinee.media.fmp4 import Run, Sample, fragment
from matinee.router.frames import first_message
from matinee.router.journal import MOST_SAID, SAID_BYTES, Journal, frames_after
from matinee.wire.server_messages import (
    ContinuationSnapshot,
    Error,
    GpuAssigned,
    SegmentCancelled,
    SegmentStart,
    StreamComplete,
)

TICKS = 512
"""Of a frame."""


def of_server(message: GpuAssigned | SegmentStart | StreamComplete) -> tuple[Opcode, bytes]:
    return Opcode.TEXT, message.as_json().encode()


def assigned(**resumed: int) -> tuple[Opcode, bytes]:
    message = GpuAssigned(0, 300, "model", "id", "token", "worker", resumed=resumed or None)  # type: ignore[arg-type]
    return of_server(message)


def segment(index: int) -> tuple[Opcode, bytes]:
    return of_server(SegmentStart(index, "a ball", 4, "user", 7))


def video(first_frame: int, frames: int, *, track: int = 1) -> bytes:
    samples = tuple(Sample(b"picture", TICKS) for _ in range(frames))
    return fragment(1, [Run(track, first_frame * TICKS, samples)])


def said(*texts: str) -> list[bytes]:
    return [Frame(Opcode.TEXT, text.encode()).serialize(mask=True) for text in texts]


def heard(journal: Journal, frames: list[bytes]) -> None:
    """All at once."""
    ends, end = [], 0
    for frame in frames:
        end += len(frame)
        ends.append(end)
    journal.hear(b"".join(frames), ends)


def test_how_far_the_video_went_is_read_from_the_fragments_themselves() -> None:
    assert frames_after(video(0, 1)[:100]) == 1
    assert frames_after(video(17, 6)) == 23
    assert frames_after(video(17, 6, track=2)) == 0
    assert frames_after(b"\xff\xd8 a picture" * 10) is None
    assert frames_after(video(0, 1)[:50]) is None


def test_a_session_is_movable_from_its_slot_to_its_end() -> None:
    journal = Journal()
    assert not journal.movable
    journal.see(*assigned())
    assert journal.movable
    journal.see(*segment(0))
    journal.see(Opcode.BINARY, b"\0\0\0\x1cftypiso5")
    journal.see(Opcode.BINARY, video(0, 1))
    journal.see(Opcode.BINARY, video(1, 6))
    journal.see(*segment(1))
    assert (journal.frames, journal.told) == (7, 2)
    first = json.loads(first_message(journal.resume()))
    counts = {"frames": 7, "told": 2, "ended": 0, "answered": []}
    resume = {"session_id": "id", "token": "token", **counts}
    assert first == {"type": "session_init_v2", "resume": resume}
    journal.see(Opcode.TEXT, about("ltx2_segment_complete", 0))
    assert json.loads(first_message(journal.resume()))["resume"] == {**resume, "ended": 1}
    journal.see(*of_server(StreamComplete("segment_cap")))
    assert not journal.movable


def test_what_a_new_backend_repeats_is_told_from_what_is_new() -> None:
    journal = Journal()
    for kind, index in (("ltx2_segment_start", 1), ("ltx2_segment_complete", 0)):
        journal.see(Opcode.TEXT, about(kind, index))
    journal.see(Opcode.TEXT, about("media_segment_complete", 1))
    assert journal.was_told(Opcode.TEXT, about("step_complete", 0))
    assert journal.was_told(Opcode.TEXT, about("ltx2_segment_complete", 0))
    assert journal.was_told(Opcode.TEXT, about("media_segment_complete", 1))
    assert not journal.was_told(Opcode.TEXT, about("ltx2_segment_complete", 1))
    assert not journal.was_told(Opcode.TEXT, about("segment_cancelled", 1))
    assert not journal.was_told(Opcode.TEXT, about("media_init", 1))
    assert journal.was_told(Opcode.BINARY, b"\0\0\0\x1cftypiso5")
    assert not journal.was_told(Opcode.BINARY, video(0, 1))
    assert not journal.was_told(Opcode.TEXT, b'{"type":"error","code":"worker_failed"}')
    journal.see(Opcode.TEXT, about("segment_cancelled", 1))
    assert journal.was_told(Opcode.TEXT, about("segment_cancelled", 1))
    assert journal.was_told(Opcode.TEXT, about("step_complete", 1))


def test_an_error_or_a_ping_is_no_sign_that_all_that_follows_is_new() -> None:
    journal = Journal()
    assert journal.goes_on(Opcode.TEXT, about("ltx2_segment_start", 1))
    assert journal.goes_on(Opcode.BINARY, video(0, 1))
    assert not journal.goes_on(Opcode.TEXT, b'{"type":"error","code":"invalid_message"}')
    assert not journal.goes_on(Opcode.PING, b"")


def about(kind: str, index: int) -> bytes:
    return b'{"type":"%s","segment_idx":%d}' % (kind.encode(), index)


@pytest.mark.parametrize(
    ("opcode", "head"),
    [
        (Opcode.BINARY, b"\xff\xd8\xff a picture, as legacy_jpeg has it"),
        (Opcode.TEXT, b'{"type":"gpu_assigned","session_id":"id"}'),
        (Opcode.TEXT, b'{"type":"gpu_assigned","session_id":'),
    ],
)
def test_what_is_not_understood_keeps_a_session_where_it_is(opcode: Opcode, head: bytes) -> None:
    journal = Journal()
    journal.see(*assigned())
    journal.see(opcode, head)
    assert not journal.movable


def test_what_the_record_has_not_heard_is_said_again_as_it_came() -> None:
    init, *later = said("init", "one", "two", "three")
    begun = said("four")[0][:5]
    stream = [init, *later]
    journal = Journal()
    heard(journal, [*stream])
    journal.hear(begun, ())
    assert journal.after(0) == [*later, begun]
    assert journal.after(2) == [later[2], begun]
    assert journal.after(3) == [begun]


def test_it_is_the_same_however_the_bytes_come() -> None:
    frames = said("init", "one", "two")
    whole = b"".join(frames)
    ends = {len(frames[0]), len(frames[0] + frames[1]), len(whole)}
    journal = Journal()
    for start, stop in pairwise(range(len(whole) + 1)):
        journal.hear(whole[start:stop], [1] if stop in ends else [])
    assert journal.after(0) == frames[1:]


def test_of_a_session_that_its_client_resumed_the_former_messages_count() -> None:
    journal = Journal()
    journal.see(*assigned(heard=5, segment_idx=2, frames=40, requests=0))
    later = said("init", "six", "seven")
    heard(journal, later)
    assert journal.after(6) == later[2:]
    with pytest.raises(ValueError, match="not kept"):
        journal.after(4)


@pytest.mark.parametrize("texts", [["x"] * (MOST_SAID + 1), ["x" * (SAID_BYTES // 2)] * 3])
def test_what_is_kept_is_bounded(texts: list[str]) -> None:
    journal = Journal()
    heard(journal, said("init", *texts))
    with pytest.raises(ValueError, match="not kept"):
        journal.after(0)
    assert len(journal.after(len(texts) - 1)) == 1
    assert journal.after(len(texts)) == []


def test_a_long_message_is_not_kept_and_nothing_before_it() -> None:
    journal = Journal()
    heard(journal, said("init", "one"))
    journal.hear(said("x" * (SAID_BYTES + 1))[0], ())
    with pytest.raises(ValueError, match="not kept"):
        journal.after(1)
    journal.hear(b"", [0])
    assert journal.after(2) == []
    with pytest.raises(ValueError, match="not kept"):
        journal.after(1)


def test_what_was_answered_is_told_to_the_new_backend() -> None:
    journal = Journal()
    heard(journal, said("init", "one", "two", "three", "four"))
    journal.see(Opcode.TEXT, Error("invalid_message", "no", answers=1).as_json().encode())
    journal.see(Opcode.TEXT, SegmentCancelled(-1, 0, "r", answers=3).as_json().encode())
    journal.see(Opcode.TEXT, b"".join(ContinuationSnapshot.of({}, 4).parts))
    journal.see(
        Opcode.TEXT, Error("invalid_message", "of nothing said", answers=5).as_json().encode()
    )
    journal.see(Opcode.TEXT, Error("worker_failed", '"answers":2', answers=None).as_json().encode())
    assert answered(journal) == [1, 3, 4]
    heard(journal, said(*["x"] * (MOST_SAID - 1)))
    assert answered(journal) == [4]


def answered(journal: Journal) -> list[int]:
    numbers: list[int] = json.loads(first_message(journal.resume()))["resume"]["answered"]
    return numbers
