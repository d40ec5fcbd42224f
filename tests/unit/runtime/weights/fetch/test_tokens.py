from __future__ import annotations

from pathlib import Path

import pytest

from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.fetch.tokens import read_token


def test_the_end_of_the_line_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_abc\n")
    assert read_token(str(tmp_path / "token")) == "hf_abc"


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"two\nlines", b"\xff\xfe", "hf_ü".encode(), b"a" * 2**20]
)
def test_a_file_without_a_token_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(FetchFailed) as caught:
        read_token(str(tmp_path / "token"))
    assert caught.value.reason == "SourceDenied"
    assert "hf_" not in str(caught.value)
