from __future__ import annotations

import json
import zlib

import pytest

from matinee.store.container import MAGIC, pack, unpack

WHOLE = b"".join(pack(b"facts", {"a": b"0123", "b": memoryview(b"xyz")}))


def sealed(contents: bytes) -> bytes:
    return contents + zlib.crc32(contents).to_bytes(4, "big")


def headed(header: object, rest: bytes = b"") -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return sealed(MAGIC + len(encoded).to_bytes(8, "big") + encoded + rest)


def test_what_was_packed_is_unpacked() -> None:
    facts, blobs = unpack(WHOLE)
    assert facts == b"facts"
    assert blobs == {"a": b"0123", "b": b"xyz"}
    assert list(blobs) == ["a", "b"]


def test_nothing_large_is_copied() -> None:
    blob = bytes(1000)
    assert any(part is blob for part in pack(b"", {"a": blob}))
    _, blobs = unpack(b"".join(pack(b"", {"a": blob})))
    assert isinstance(blobs["a"], memoryview)


@pytest.mark.parametrize("at", range(len(WHOLE)))
def test_a_byte_that_changed_is_found(at: int) -> None:
    changed = bytes([WHOLE[at] ^ 1])
    with pytest.raises(ValueError, match=r"the state is damaged|not a state"):
        unpack(WHOLE[:at] + changed + WHOLE[at + 1 :])


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_a_file_that_was_cut_off_is_no_state(length: int) -> None:
    with pytest.raises(ValueError, match=r"the state is damaged|not a state"):
        unpack(WHOLE[:length])


@pytest.mark.parametrize(
    "contents",
    [
        b"{}",
        sealed(MAGIC),
        sealed(MAGIC + b"\xff" * 8),
        headed(b"\xff\xfe"),
        headed(b"[" * 200_000),
        headed([]),
        headed({}),
        headed({"facts": "5", "blobs": []}, b"abcde"),
        headed({"facts": 0, "blobs": 3}),
        headed({"facts": 0, "blobs": [["a"]]}),
        headed({"facts": 5, "blobs": [["a", -2]]}, b"abc"),
        headed({"facts": -2, "blobs": [["a", 5]]}, b"abc"),
        headed({"facts": 3, "blobs": []}, b"abcd"),
        headed({"facts": 3, "blobs": []}, b"ab"),
    ],
)
def test_what_somebody_else_wrote_is_refused(contents: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a state|header is not one"):
        unpack(contents)
