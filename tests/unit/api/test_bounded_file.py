from __future__ import annotations

from pathlib import Path

import pytest

from matinee_api.bounded_file import read_at_most


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"12345")
    assert read_at_most(file, 5) == b"12345"
    with pytest.raises(OSError, match="it is larger than 4 bytes"):
        read_at_most(file, 4)
    with pytest.raises(OSError, match="it is larger than 4 bytes"):
        read_at_most("/dev/zero", 4)
    with pytest.raises(OSError, match="null byte"):
        read_at_most("a\0", 4)
