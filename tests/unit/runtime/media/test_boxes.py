from __future__ import annotations

from matinee.media.boxes import box, full_box


def test_a_box_states_its_whole_size_then_its_kind() -> None:
    assert box(b"free", b"ab", b"c") == b"\x00\x00\x00\x0bfreeabc"


def test_a_full_box_puts_version_and_flags_before_its_content() -> None:
    assert full_box(b"tfdt", 1, 0x020301, b"x") == b"\x00\x00\x00\x0dtfdt\x01\x02\x03\x01x"
