"""The cases that need no server: parsers and the session, in this process.

Each kind plays one script and returns how many cases it had. Whatever a parser does with nonsense
but refuse it in its own words is a fault, and so is an effect after a session's end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from random import Random

from matinee.errors import BadInput
from matinee.media.images import decode_image
from matinee.serving.names import host_refusal, origin_allowed
from matinee.session.effects import End
from matinee.session.opening import Rejection, parse_init
from matinee.wire.client_messages import InvalidMessage, StateEnvelope, parse_later_message
from matinee.worker import messages as worker
from matinee.worker.messages import Cause
from tests.unit.runtime.session.making import Viewer, failed, state_of, step
from tests.unit.runtime.state.unpacking import state_from_wire
from tools.fuzz import grammar, pictures

BATCH = 100
MOST_PIXELS = 2**20


class Broken(Exception):
    """Something that must hold does not; `sent` is the last case."""

    def __init__(self, what: str, sent: object) -> None:
        super().__init__(what)
        self.sent = sent


def parsers(rng: Random) -> int:
    for _ in range(BATCH):
        text = grammar.text(rng)
        _tried(partial(parse_later_message, text), text)
        _tried(partial(_opened, text), text)
    return BATCH


def decoders(rng: Random) -> int:
    for _ in range(BATCH // 5):
        data, mime = pictures.picture(rng)
        _tried(partial(decode_image, data, mime, 32, 32, MOST_PIXELS), data)
    return BATCH // 5


def origins(rng: Random) -> int:
    places = (
        "localhost",
        "evil.example",
        "[::1]:8000",
        "[::1",
        "a@b",
        "",
        "*",
        "é.example",
        "a:99999",
    )
    for _ in range(BATCH):
        host = rng.choice(places) + rng.choice(("", ":80", ".", "\0", "%00"))
        origin = rng.choice(("http://", "https://", "null", "", "//")) + rng.choice(places)
        allowed = rng.choices(places, k=2)
        _tried(partial(origin_allowed, origin, host, allowed), (origin, host))
        _tried(partial(host_refusal, [host], "1.1", allowed), host)
    return BATCH


def sessions(rng: Random) -> int:
    """One session from its first message, among the events of a worker."""
    viewer = Viewer(
        bound=rng.random() < 0.5,
        generation_segment_cap=rng.choice((0, 2)),
        init={"loop_generation_enabled": rng.random() < 0.5, "curated_prompts": ["a"]},
        limits={"queued_requests": 3},
    )
    for number in range(BATCH):
        had_ended = viewer.session.ended is not None
        case = _act(rng, viewer)
        effects = viewer.effects
        if had_ended and effects:
            raise Broken(f"{effects[0]} after the session's end", case)
        if any(isinstance(effect, End) for effect in effects[:-1]):
            raise Broken("the end is not the last effect", case)
        if had_ended:
            return number + 1
        if rng.random() < 0.02:
            json.loads(viewer.session.record(viewer.now).to_json())
    return BATCH


def _act(rng: Random, viewer: Viewer) -> object:
    """One message or one event; what it was."""
    session, now = viewer.session, viewer.now
    if rng.random() < 0.6:
        text = grammar.text(rng) if rng.random() < 0.97 else None
        session.receive(text, now)
        return text
    events: tuple[Callable[[], object], ...] = (
        lambda: session.segment_done(state_of(1), now),
        lambda: session.segment_cancelled(worker.SegmentCancelled(1, 1), now),
        lambda: session.segment_failed(failed(Cause.REQUEST), now),
        lambda: session.segment_failed(failed(Cause.NO_WORKER), now),
        lambda: session.slot_bound(now),
        lambda: session.drain(1.0),
        lambda: session.step_done(step(2), now),
        lambda: session.tick(now + 1),
    )
    number = rng.choices(range(len(events)), (10, 4, 2, 1, 4, 0.2, 20, 4))[0]
    events[number]()
    return f"event {number}"


def _opened(text: str) -> None:
    init = parse_init(text, ("calm", "wild"))
    if isinstance(init.continuation_state, StateEnvelope):
        state_from_wire(init.continuation_state.kind, init.continuation_state.payload)


def _tried(parse: Callable[[], object], sent: object) -> None:
    try:
        parse()
    except (InvalidMessage, Rejection, BadInput):
        return
    except Exception as error:
        raise Broken(f"{type(error).__name__}: {error}", sent) from error


INSIDE: dict[str, Callable[[Random], int]] = {
    "parsers": parsers,
    "sessions": sessions,
    "decoders": decoders,
    "origins": origins,
}
