"""What a hostile or broken client may send in one WebSocket, made from a seed.

`messages` are sessions: a first message, then sense and nonsense as JSON. `frames` are about RFC
6455 itself: every opcode, length, mask, reserved bit and close code, in any order.
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from random import Random

from tools.fuzz import grammar, pictures
from tools.hostile.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

END = frame(TEXT, b'{"type": "session_end"}')
BAD_UTF8 = (b"\xff\xfe{}", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b'{"a": "\xe2\x82')
CLOSE_CODES = (0, 999, 1000, 1001, 1004, 1005, 1006, 1011, 1015, 2999, 3000, 4999, 5000, 65535)
LARGEST_MESSAGE = 20_000
"""Bytes; the server that is attacked is told the same."""


@dataclass(frozen=True, slots=True)
class Script:
    """`frames`: all that the client sends. A client that vanishes hears no close. `open_ended`:
    what was sent leaves the server waiting for more, so the client says that nothing comes.
    `closes`: the client may have closed first, and hears its own code.

    One that breaks the rules of WebSockets (`breaks_rules`) is told so, unless the answer meets
    bytes that it still sends: TCP then forgets the answer.
    """

    frames: list[bytes]
    vanishes: bool = False
    breaks_rules: bool = False
    open_ended: bool = False
    closes: bool = False

    @property
    def cases(self) -> int:
        return len(self.frames)


def messages(rng: Random) -> Script:
    frames = [_first(rng)]
    for _ in range(rng.choice((3, 30, 120))):
        kind = rng.choices((_json, _cut, _within_the_rules), (95, 3, 2))[0]
        frames.append(kind(rng))
    breaks_rules = rng.random() < 0.2
    frames.append(_broken(rng) if breaks_rules else END)
    return Script(frames, rng.random() < 0.1, breaks_rules, closes=breaks_rules)


def frames(rng: Random) -> Script:
    """Ends with what no server may let pass, with a close, or in the middle of a frame."""
    sent = [_text(grammar.dumped(grammar.init(rng)))] if rng.random() < 0.5 else []
    sent += [_within_the_rules(rng) for _ in range(rng.choice((0, 2, 8)))]
    ending = rng.choices(("broken", "close", "unfinished", "random"), (50, 20, 15, 15))[0]
    match ending:
        case "broken":
            return Script([*sent, _broken(rng)], breaks_rules=True, closes=True)
        case "close":
            closing = frame(CLOSE, rng.choice((b"", b"\x03\xe8", b"\x0b\xb8bye")))
            return Script([*sent, closing], closes=True)
        case "unfinished":
            return Script([*sent, _unfinished(rng)], open_ended=True)
    noise = [rng.randbytes(rng.choice((1, 2, 14, 200))) for _ in range(3)]
    return Script([*sent, *noise], breaks_rules=True, open_ended=True)


def _first(rng: Random) -> bytes:
    draw = rng.random()
    if draw < 0.8:
        return _text(grammar.dumped(grammar.init(rng)))
    if draw < 0.9:
        return _text(grammar.dumped(grammar.init(rng) | _brought(rng)))
    return rng.choice((_json, _cut))(rng)


def _brought(rng: Random) -> dict[str, object]:
    """A picture or a state, more or less whole."""
    picture, mime = pictures.picture(rng)
    data = base64.b64encode(picture).decode()
    if rng.random() < 0.5:
        return {"initial_image": {"mime": mime, "name": "a", "data": data}}
    payload: dict[str, object] = {
        "schema_version": 1,
        "width": rng.choice((32, 16, 33)),
        "height": 32,
        "frames_b64": [data] * rng.choice((1, 9, 33, 34)),
        "segment_index": rng.choice((0, 1, -1)),
        "seed": rng.choice((0, 7, 2**63)),
        "prompts": rng.choice(([], ["a"], ["a"] * 65)),
    }
    if rng.random() < 0.3:
        sound = {"sound_b64": data, "sound_shape": [2, 4, 8], "sound_shift_us": 0}
        payload |= {name: sound[name] for name in sound if rng.random() < 0.8}
    if rng.random() < 0.5:
        payload[rng.choice([*payload, "extra"])] = grammar.odd_value(rng, 2)
    return {
        "continuation_state": {"kind": rng.choice(("ltx.v1", "ltx2.v1", "a")), "payload": payload}
    }


def _json(rng: Random) -> bytes:
    return _text(grammar.text(rng))


def _cut(rng: Random) -> bytes:
    """A message whose end is missing, or one that is no text."""
    whole = grammar.dumped(grammar.message(rng)).encode()
    return frame(rng.choice((TEXT, TEXT, BINARY)), whole[: rng.randrange(len(whole))])


def _within_the_rules(rng: Random) -> bytes:
    """Rare, and allowed by RFC 6455."""
    mask = rng.randbytes(4)
    whole = grammar.dumped(grammar.message(rng)).encode()
    at = rng.randrange(len(whole))
    return rng.choice(
        (
            frame(PING, rng.randbytes(rng.choice((0, 1, 125))), mask=mask),
            frame(PONG, rng.randbytes(rng.choice((0, 1, 125))), mask=mask),
            frame(TEXT, whole, mask=mask),
            frame(TEXT, whole[:at], fin=False) + frame(CONTINUATION, whole[at:], mask=mask),
            frame(TEXT, whole[:at], fin=False)
            + frame(PING, b"in the middle")
            + frame(CONTINUATION, b"", fin=False) * rng.choice((0, 1, 30))
            + frame(CONTINUATION, whole[at:]),
            frame(BINARY, rng.randbytes(rng.randint(0, 300))),
        )
    )


def _unfinished(rng: Random) -> bytes:
    """More was announced than comes: a header, a payload, or a message in parts."""
    whole = frame(TEXT, grammar.dumped(grammar.message(rng)).encode(), mask=rng.randbytes(4))
    return rng.choice(
        (
            whole[: rng.randrange(1, len(whole))],
            frame(TEXT, b"{", size=LARGEST_MESSAGE),
            frame(TEXT, b"{", fin=False),
            frame(PING, b"a", size=125),
            b"\x81\xfe",
            b"\x81",
        )
    )


def _broken(rng: Random) -> bytes:
    """Against RFC 6455, or a close with a code of any kind."""
    code = struct.pack("!H", rng.choice(CLOSE_CODES))
    return rng.choice(
        (
            frame(TEXT, rng.choice(BAD_UTF8)),
            frame(TEXT, b"\xe2\x82", fin=False) + frame(CONTINUATION, b"}"),
            frame(rng.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15)), b"x"),
            frame(TEXT, b"{}", reserved=rng.randint(1, 7)),
            frame(PING, b"a" * 200),
            frame(rng.choice((PING, PONG, CLOSE)), b"", fin=False),
            frame(CLOSE, b"\x00"),
            frame(CLOSE, code + rng.choice((b"", b"bye", b"\xff\xfe", b"a" * 123))),
            frame(CONTINUATION, b"goes on from nothing"),
            frame(TEXT, b"{", fin=False) + frame(rng.choice((TEXT, BINARY)), b"{}"),
            frame(TEXT, b"a" * (LARGEST_MESSAGE + 1)),
            frame(TEXT, b"", size=rng.choice((2**31, 2**63 - 1, 2**63, 2**64 - 1))),
            frame(TEXT, b"{}", mask=b""),
            frame(rng.randrange(16), rng.randbytes(40), reserved=rng.randint(1, 7)),
        )
    )


def _text(text: str) -> bytes:
    return frame(TEXT, text.encode("utf-8", "replace"))
