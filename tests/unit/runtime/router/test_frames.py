from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from matinee.router.frames import (
    Scanner,
    Violation,
    close_frame,
    echoed_close,
    first_frame,
    first_message,
    pong_frame,
    text_frame,
)
from matinee.serving.frame_budget import LONG_PART_BYTES

SIZES = st.one_of(st.integers(0, 200), st.sampled_from([125, 126, 127, 65535, 65536, 70000]))


def wire(opcode: Opcode, payload: bytes, *, masked: bool, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=masked)


@settings(max_examples=25)
@given(
    sizes=st.lists(SIZES, max_size=6), cuts=st.lists(st.integers(0, 2**18)), masked=st.booleans()
)
def test_ends_of_frames_are_found_however_the_bytes_come(
    sizes: list[int], cuts: list[int], masked: bool
) -> None:
    frames = [wire(Opcode.BINARY, bytes(size), masked=masked) for size in sizes]
    whole = b"".join(frames)
    ends = {sum(map(len, frames[: index + 1])) for index in range(len(frames))}
    edges = sorted({0, len(whole), *(cut % (len(whole) + 1) for cut in cuts)})
    scanner, messages = Scanner(masked=masked), 0
    for start, stop in pairwise(edges):
        cut = scanner.feed(whole[start:stop])
        inside = [end for end in ends if start < end <= stop]
        assert cut.end == (max(inside) - start if inside else 0)
        messages += len(cut.ends)
        assert scanner.inside is (stop not in ends)
    assert messages == len(frames)


def test_it_is_known_whether_the_last_whole_frame_ends_its_message() -> None:
    frames = [
        (wire(Opcode.TEXT, b"one ", masked=False, fin=False), True),
        (wire(Opcode.PING, b"here?", masked=False), True),
        (wire(Opcode.CONT, b"message", masked=False), False),
        (wire(Opcode.BINARY, b"another one", masked=False), False),
    ]
    scanner = Scanner(masked=False)
    before = False
    for frame, parted in frames:
        scanner.feed(frame[:-1])
        assert scanner.parted is before
        scanner.feed(frame[-1:])
        assert scanner.parted is parted
        assert scanner.between_messages is not parted
        before = parted


def test_control_frames_are_read_wherever_they_are_cut() -> None:
    data = (
        wire(Opcode.TEXT, b"one ", masked=True, fin=False)
        + wire(Opcode.PING, b"here?", masked=True)
        + wire(Opcode.CONT, b"message", masked=True)
        + wire(Opcode.CLOSE, b"\x03\xe8bye", masked=True)
    )
    scanner = Scanner(masked=True)
    cuts = [scanner.feed(data[index : index + 1]) for index in range(len(data))]
    controls = [(one.opcode, one.payload) for cut in cuts for one in cut.controls]
    assert controls == [(Opcode.PING, b"here?"), (Opcode.CLOSE, b"\x03\xe8bye")]
    assert sum(len(cut.ends) for cut in cuts) == 1
    assert first_message(data) == b"one message"
    assert first_message(data[:20]) == b""


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (wire(Opcode.TEXT, b"x", masked=False), 1002),
        (b"\xc1\x80mask", 1002),  # compressed, which nobody agreed to
        (b"\x83\x80mask", 1002),  # no such opcode
        (b"\x09\x80mask", 1002),  # a ping in parts
        (b"\x89\xfe\x00\x7emask", 1002),  # a ping of 126 bytes
        (wire(Opcode.CONT, b"x", masked=True), 1002),
        (wire(Opcode.TEXT, b"x", masked=True, fin=False) * 2, 1002),
        (b"\x82\xff" + b"\xff" * 8 + b"mask", 1009),
        (b"\x02\xe4" + b"mask" + bytes(100) + b"\x80\x81mask", 1009),  # parts of 100 and 1
    ],
)
def test_what_is_no_frame_or_too_long_is_a_violation(data: bytes, code: int) -> None:
    with pytest.raises(Violation) as caught:
        Scanner(masked=True, message_bytes=100).feed(data)
    assert caught.value.code == code


def test_no_more_frames_are_looked_at_than_may_come() -> None:
    ping = wire(Opcode.PING, b"", masked=True)
    assert Scanner(masked=True).feed(ping * 10, most=10).counted == 10
    with pytest.raises(Violation) as caught:
        Scanner(masked=True).feed(ping * 11, most=10)
    assert caught.value.code == 1008


def test_long_parts_of_a_message_do_not_count() -> None:
    part = wire(Opcode.CONT, bytes(LONG_PART_BYTES), masked=True, fin=False)
    first = wire(Opcode.BINARY, b"", masked=True, fin=False)
    assert Scanner(masked=True).feed(first + part * 20).counted == 1


def test_what_the_router_says_itself_are_frames_of_a_server() -> None:
    data = (
        text_frame("é") + pong_frame(b"p") + close_frame(1013, "full") + echoed_close(b"\x03\xe8!")
    )
    cut = Scanner(masked=False).feed(data)
    assert (cut.end, len(cut.ends)) == (len(data), 1)
    assert [one.payload for one in cut.controls] == [b"p", b"\x03\xf5full", b"\x03\xe8"]


def test_heads_of_messages_are_told_however_the_bytes_come() -> None:
    data = (
        wire(Opcode.TEXT, b"0123456789", masked=False)
        + wire(Opcode.PING, b"ping", masked=False)
        + wire(Opcode.BINARY, b"ab", masked=False, fin=False)
        + wire(Opcode.CONT, b"cdefgh", masked=False)
    )
    scanner = Scanner(masked=False, peek_bytes=4)
    heads = [head for byte in data for head in scanner.feed(bytes([byte])).heads]
    assert heads == [(Opcode.TEXT, b"0123"), (Opcode.BINARY, b"ab")]
    assert scanner.feed(data).heads == heads


def test_how_long_a_frame_is_is_known_with_its_head_and_forgotten_at_its_end() -> None:
    data = wire(Opcode.BINARY, bytes(300), masked=False) + wire(Opcode.TEXT, b"x", masked=False)
    scanner = Scanner(masked=False)
    parts = (data[:1], data[1:100], data[100:305], data[305:])
    assert [(scanner.feed(memoryview(one)), scanner.frame_bytes)[1] for one in parts] == [
        0, 300, 0, 0,
    ]  # fmt: skip


@pytest.mark.parametrize("size", [0, 125, 126, 65536])
def test_the_first_frame_is_found_when_it_is_whole(size: int) -> None:
    data = wire(Opcode.TEXT, bytes(size), masked=False)
    assert first_frame(data + b"more") == (Opcode.TEXT, bytes(size), len(data))
    assert first_frame(data[:-1]) is None


def test_a_message_may_stand_between_two_but_not_within_one() -> None:
    begun = wire(Opcode.TEXT, b"one", masked=True, fin=False)
    ping, rest = wire(Opcode.PING, b"", masked=True), wire(Opcode.CONT, b"more", masked=True)
    scanner, free = Scanner(masked=True), []
    for data in (begun[:1], begun[1:], ping, rest[:-1], rest[-1:], ping):
        scanner.feed(data)
        free.append(scanner.between_messages)
    assert free == [False, False, False, False, True, True]


@pytest.mark.parametrize(
    ("payload", "answer"),
    [
        (b"", b""),
        (b"\x03\xe8bye", b"\x03\xe8"),
        (b"\x03", b"\x03\xea"),  # half a code
        (b"\x00\x01", b"\x03\xea"),  # no code that may be sent
        (b"\x03\xe8\xff", b"\x03\xef"),  # no text
    ],
)
def test_a_close_is_answered_with_its_code_or_with_what_is_wrong_with_it(
    payload: bytes, answer: bytes
) -> None:
    (told,) = Scanner(masked=False).feed(echoed_close(payload)).controls
    assert told.payload == answer
