"""What a hostile or broken client may send in one session, made from a seed."""

from __future__ import annotations

import json
import random
import string
from dataclasses import dataclass
from typing import Any

from tests.system.end_to_end.wire_level import BINARY, CLOSE, PING, TEXT, frame

MESSAGES: tuple[dict[str, Any], ...] = (
    {"type": "session_init_v2", "client_id": "c", "preset": None, "curated_prompts": ["a", "b"]},
    {"type": "segment_prompt_source", "prompt": "a ball", "seed": 7, "num_inference_steps": 2},
    {"type": "segment_prompt_source", "prompt": "a", "source": "curated", "num_frames": 9},
    {"type": "seed_prompts_updated", "seed_prompts": ["a", "b"]},
    {"type": "enhancement_updated", "enabled": False},
    {"type": "auto_extension_updated", "enabled": False},
    {"type": "loop_generation_updated", "enabled": True},
    {"type": "generation_paused_updated", "paused": True},
    {"type": "snapshot_state"},
    {"type": "segment_cancel"},
    {"type": "segment_cancel", "segment_idx": 0, "request_id": "r"},
    {"type": "rewrite_seed_prompts", "seed_prompt": "a", "count": 3},
    {"type": "adapters_updated", "adapters": [{"name": "a", "scale": 0.5}]},
    {"type": "prompt_updated", "prompt": "a", "request_id": "r"},
)
INITS: tuple[dict[str, Any], ...] = (
    {"type": "session_init_v2"},
    {"type": "session_init_v2", "stream_mode": "legacy_jpeg", "width": 16, "height": 16},
    {"type": "session_init_v2", "loop_generation_enabled": True, "curated_prompts": ["a"]},
    {"type": "session_init_v2", "initial_image": {"mime": "image/png", "name": "a", "data": "A"}},
    {"type": "session_init_v2", "continuation_state": {"kind": "ltx.v1", "payload": {"a": []}}},
)
END = frame(TEXT, b'{"type": "session_end"}')
BAD_UTF8 = b"\xff\xfe{}"
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**18, -(10**400), 1e308, float("nan"), float("inf"), "", " "),
    *("\0", "\ud800", "a" * 9000, "é日本🎬", [], {}, [[]], {"a": {"b": [1]}}, "1", b"\x00".hex()),
)


@dataclass(frozen=True)
class Script:
    """`frames`: all that the client sends. A client that vanishes hears no close. One that breaks
    the rules of WebSockets is told so, unless the answer meets bytes that it still sends: TCP then
    forgets the answer."""

    frames: list[bytes]
    vanishes: bool
    breaks_rules: bool


def script(seed: int) -> Script:
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    frames = [_first(rng)]
    for _ in range(rng.choice((3, 30, 120))):
        kind = rng.choices((_mutated, _random_json, _cut, _odd, _valid), (50, 15, 3, 1, 31))[0]
        frames.append(kind(rng))
    breaks_rules = rng.random() < 0.3
    frames.append(_broken(rng) if breaks_rules else END)
    return Script(frames, vanishes=rng.random() < 0.1, breaks_rules=breaks_rules)


def _first(rng: random.Random) -> bytes:
    if rng.random() < 0.9:
        return _text(rng.choice(INITS[:3]))
    return rng.choice((_mutated, _random_json, _cut))(rng)


def _valid(rng: random.Random) -> bytes:
    return _text(rng.choice(MESSAGES))


def _mutated(rng: random.Random) -> bytes:
    message = dict(rng.choice(MESSAGES + INITS))
    for _ in range(rng.randint(1, 3)):
        name = rng.choice([*message, "extra", "width", "fps"])
        if rng.random() < 0.2:
            message.pop(name, None)
        else:
            message[name] = rng.choice(ODD_VALUES)
    if rng.random() < 0.7:
        message["type"] = rng.choice(MESSAGES)["type"]
    return _text(message)


def _random_json(rng: random.Random) -> bytes:
    if rng.random() < 0.1:
        depth = rng.choice((10, 300, 9000))
        opening, closing = rng.choice((("[", "]"), ('{"a":', "}")))
        return frame(TEXT, (opening * depth + "0" + closing * depth)[:19_000].encode())
    return _text(_any_value(rng, 3))


def _any_value(rng: random.Random, depth: int) -> Any:
    if depth == 0 or rng.random() < 0.4:
        return rng.choice(ODD_VALUES)
    if rng.random() < 0.5:
        return [_any_value(rng, depth - 1) for _ in range(rng.randint(0, 4))]
    names = ["".join(rng.choices(string.printable, k=rng.randint(0, 6))) for _ in range(4)]
    return {name: _any_value(rng, depth - 1) for name in ("type", *names)}


def _cut(rng: random.Random) -> bytes:
    """A message whose end is missing, or one that is no text."""
    whole = json.dumps(rng.choice(MESSAGES)).encode()
    part = whole[: rng.randint(0, len(whole) - 1)]
    return frame(rng.choice((TEXT, TEXT, BINARY)), part)


def _odd(rng: random.Random) -> bytes:
    """Rare, and within RFC 6455."""
    return rng.choice(
        (
            frame(PING, b"a"),
            frame(TEXT, b'{"type":', fin=False) + frame(0, b' "snapshot_state"}'),
            frame(TEXT, b"{", fin=False) + frame(PING, b"") + frame(0, b"}"),
            frame(BINARY, rng.randbytes(rng.randint(0, 300))),
        )
    )


def _broken(rng: random.Random) -> bytes:
    """Against RFC 6455, or a close."""
    return rng.choice(
        (
            frame(TEXT, BAD_UTF8),
            frame(rng.choice((3, 7, 11, 15)), b"x"),
            frame(TEXT, b"{}", reserved=4),
            frame(PING, b"a" * 200),
            frame(CLOSE, b"\x00"),
            frame(CLOSE, b"\x03\xe8bye"),
            frame(0, b"goes on from nothing"),
            frame(TEXT, b"{", fin=False) + frame(TEXT, b"{}"),
            frame(TEXT, b"a" * 20_001),
            b"\x81\x02{}",
            frame(rng.randrange(16), rng.randbytes(40), reserved=rng.randint(1, 7)),
        )
    )


def _text(value: Any) -> bytes:
    """`json.dumps` writes NaN and lone surrogates as they are not allowed, or escaped."""
    data = json.dumps(value, ensure_ascii=True)
    return frame(TEXT, data.encode()[:19_000])
