from __future__ import annotations

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matinee.weights.fetch.digests import hasher_of, matches

KNOWN_HEX = {  # of b"123456789": the check values of the catalogue of CRCs, and the SHA-1
    "crc32": "cbf43926",
    "crc32c": "e3069283",
    "crc64nvme": "ae8b14860a799888",
    "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
}


def digest_matches(data: bytes, digest: str, *, cuts: tuple[int, ...] = ()) -> bool:
    hasher = hasher_of(digest, len(data))
    for begin, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
        hasher.update(data[begin:end])
    return matches(hasher, digest)


@pytest.mark.parametrize(("name", "value_hex"), KNOWN_HEX.items())
def test_known_digests_are_told_from_wrong_ones(name: str, value_hex: str) -> None:
    value = base64.b64encode(bytes.fromhex(value_hex)).decode()
    assert digest_matches(b"123456789", f"{name}:{value}")
    assert not digest_matches(b"123456780", f"{name}:{value}")


def test_an_md5_is_told_in_hexadecimal_digits() -> None:
    assert digest_matches(b"123456789", "md5:25f9e794323b453885f5181f1b624d0b")


def test_a_git_digest_is_what_git_says(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hello\n")
    said = subprocess.run(
        ["git", "hash-object", "file"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert digest_matches(b"hello\n", f"git-sha1:{said.stdout.strip()}")


def test_what_cannot_be_computed_cannot_be_wrong() -> None:
    assert digest_matches(b"anything", "etag:0123-7")


@settings(max_examples=30)
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=4))
def test_it_does_not_matter_how_the_bytes_are_cut(data: bytes, places: list[int]) -> None:
    cuts = tuple(sorted(min(place, len(data)) for place in places))
    assert digest_matches(data, f"sha256:{hashlib.sha256(data).hexdigest()}", cuts=cuts)
    base64_sha256 = base64.b64encode(hashlib.sha256(data).digest()).decode()
    assert digest_matches(data, f"sha256-base64:{base64_sha256}", cuts=cuts)
