"""Requests to the job API, `/v1/videos` and `/v1/images`: most are understood, many nearly right.

The ids of jobs are not known beforehand: `VIDEO_ID` stands for one that is there when it is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tools.fuzz import grammar, pictures

VIDEO_ID = "video_that_is_there_when_it_is_sent___"
"""As long as one."""
CHARACTER = "char_WzE3NjQ0MDAwMDAsICJNb3NzeSJd"
BOUNDARY = "b0undary"
FIELDS: dict[str, tuple[Any, ...]] = {
    "prompt": ("a ball", "", " ", 3, None, "é🎬" * 30, "refused", ["a"]),
    "model": ("fake", "sora-2", None, 1),
    "seconds": ("0.7", "4", 1, "0", "-1", "NaN", "1e9", None, True, "four"),
    "size": ("32x32", "48x32", "auto", "33x32", "0x0", "99999x99999", 32, None, "x"),
    "num_frames": (17, "17", 9, 1, 10, 0, -1, 10**9, True),
    "fps": (24, "8", 0, 10**6, "fast"),
    "seed": (1, "2", -1, 2**64, 1.5),
    "num_inference_steps": (1, 2, 0, 10**6),
    "guidance_scale": (1, "1.0", -1, "inf", 1e308),
    "negative_prompt": ("rain", "", None, 5),
    "input_reference": (
        *({"image_url": "data:image/png;base64,AAAA"}, {"image_url": "http://127.0.0.1/a.png"}),
        *({"file_id": "f"}, {"image_url": 3}, "/etc/passwd", "data:,", {}, [], None),
    ),
    "image": ({"image_url": "data:image/png;base64,iVBORw0KGgo="}, "file:///etc/passwd", [1]),
    "video": ({"id": VIDEO_ID}, {"id": "video_0"}, {"id": None}, VIDEO_ID, {}, 1),
    "adapters": ([], [{"name": "a", "scale": 1}], "a"),
    "characters": ([], [{"id": CHARACTER}]),
    "prompt_enhance": (False, True, "yes"),
    "name": ("Mossy", "", "x" * 300, 3),
    "n": (1, "1", 2, 0, None),
    "response_format": ("b64_json", "url", "file", None),
    "output_format": ("png", "jpeg", "webp", "svg"),
    "output_compression": (100, 0, 101, "x"),
    "partial_images": (0, 1, "x"),
    "stream": (False, True, "true", "often"),
    "user": ("somebody", 3),
}
ORDER = ("prompt", "size", "num_frames", "num_inference_steps", "seed")
ROUTES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("POST", "/v1/videos", ORDER),
    ("POST", "/v1/videos", (*ORDER, "input_reference")),
    ("POST", "/v1/videos/generations", (*ORDER, "response_format")),
    ("POST", f"/v1/videos/{VIDEO_ID}/remix", ("prompt",)),
    ("POST", "/v1/videos/edits", ("prompt", "video")),
    ("POST", "/v1/videos/extensions", ("prompt", "video", "seconds")),
    ("POST", "/v1/videos/characters", ("name", "video")),
    ("POST", "/v1/images/generations", ("prompt", "size", "output_format", "stream")),
    ("POST", "/v1/images/edits", ("prompt", "image", "stream", "response_format")),
    ("GET", "/v1/videos", ()),
    ("GET", f"/v1/videos/{VIDEO_ID}", ()),
    ("GET", f"/v1/videos/{VIDEO_ID}/content", ()),
    ("DELETE", f"/v1/videos/{VIDEO_ID}", ()),
    ("GET", f"/v1/videos/characters/{CHARACTER}", ()),
)
QUERIES = (
    *("", "", "?limit=2", f"?after={VIDEO_ID}", "?order=asc&limit=100", "?limit=0", "?order=up"),
    *("?variant=thumbnail", "?variant=image", "?variant=x", "?limit=9" + "9" * 50, "?after=%00%ff"),
)
HEADERS = (
    *("Idempotency-Key: a", "Idempotency-Key: b", f"Idempotency-Key: {'k' * 300}"),
    *("Range: bytes=0-9", "Range: bytes=9-1", "Range: bytes=-5,0-0", "If-None-Match: *"),
    *("Authorization: Bearer x", "Origin: http://evil.example", "Accept: text/event-stream"),
)
FILES = ("input_reference", "image", "video", "mask", "image[]", "")


def request(rng: Random) -> bytes:
    """One that names a route of the API, whole."""
    method, path, wanted = rng.choice(ROUTES)
    if rng.random() < 0.05:
        method = rng.choice(("GET", "POST", "DELETE", "PUT"))
    query = rng.choice(QUERIES) if method == "GET" else ""
    lines = ["Host: localhost", *rng.sample(HEADERS, rng.choice((0, 0, 0, 1, 2)))]
    body = b""
    if method == "POST":
        kind, body = _body(rng, wanted)
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    head = "\r\n".join([f"{method} {path}{query} HTTP/1.1", *lines, "", ""])
    return head.encode("latin-1", "replace") + body


def _body(rng: Random, wanted: tuple[str, ...]) -> tuple[str, bytes]:
    fields = {name: _value(rng, name) for name in wanted if rng.random() < 0.97}
    for name in rng.sample(sorted(FIELDS), rng.choice((0, 0, 0, 1, 3))):
        fields[name] = _value(rng, name)
    if rng.random() < 0.05:
        fields[rng.choice(("extra", "", "a[b]", "output_path"))] = grammar.odd_value(rng, 2)
    if rng.random() < 0.5:
        return "application/json", json.dumps(fields).encode("utf-8", "replace")
    return f"multipart/form-data; boundary={BOUNDARY}", _form(rng, fields)


def _value(rng: Random, name: str) -> Any:
    """The first ones are right."""
    values = FIELDS[name]
    return values[0] if rng.random() < 0.75 else rng.choice(values)


def _form(rng: Random, fields: dict[str, Any]) -> bytes:
    parts = [_part(name, value) for name, value in fields.items()]
    parts += [_file(rng) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    rng.shuffle(parts)
    whole = b"".join(b"--%b\r\n%b\r\n" % (BOUNDARY.encode(), part) for part in parts)
    whole += b"--%b--\r\n" % BOUNDARY.encode()
    return whole if rng.random() < 0.95 else whole[: rng.randrange(len(whole))]


def _part(name: str, value: Any) -> bytes:
    inner = value.items() if isinstance(value, dict) else ()
    for key, one in inner:
        name, value = f"{name}[{key}]", one
        break
    text = value if isinstance(value, str) else json.dumps(value)
    return _headed(f'form-data; name="{name}"', text.encode("utf-8", "replace"))


def _file(rng: Random) -> bytes:
    makers: tuple[Callable[[], bytes], ...] = (
        lambda: pictures.picture(rng)[0],
        lambda: b"\0\0\0\x18ftypisom" + rng.randbytes(50),
        lambda: rng.randbytes(rng.choice((0, 1, 500))),
    )
    name = rng.choice(FILES)
    return _headed(f'form-data; name="{name}"; filename="a.png"', rng.choice(makers)())


def _headed(disposition: str, content: bytes) -> bytes:
    return f"Content-Disposition: {disposition}\r\n\r\n".encode("utf-8", "replace") + content
