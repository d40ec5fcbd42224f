from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.worker.ring import SLOT_BYTES, FrameRing, FreeSlots


@dataclass
class Inherited:
    """A descriptor as `multiprocessing` hands it to a child."""

    fd: int

    def detach(self) -> int:
        return self.fd


@pytest.fixture
def ring() -> Iterator[FrameRing]:
    ring = FrameRing.create(slots=4)
    yield ring
    ring.close()


def test_what_one_side_writes_the_other_sees_in_the_same_memory(ring: FrameRing) -> None:
    other = FrameRing.attached(Inherited(os.dup(ring._fd)), ring.slots)
    seen = other.picture(2, width=32, height=16)

    ring.picture(2, width=32, height=16)[:] = 7

    assert seen.shape == (24, 32)
    assert np.all(seen == 7)
    other.close()


def test_a_slot_used_again_is_written_in_place(ring: FrameRing) -> None:
    first = ring.picture(1, width=32, height=16)
    again = ring.picture(1, width=32, height=16)
    assert first.ctypes.data == again.ctypes.data
    assert first.ctypes.data != ring.picture(2, width=32, height=16).ctypes.data


def test_pictures_of_neighbouring_slots_do_not_overlap(ring: FrameRing) -> None:
    width, height = 4096, 2304
    ring.picture(0, width, height)[:] = 1
    ring.picture(1, width, height)[:] = 2
    assert np.all(ring.picture(0, width, height) == 1)


def test_slots_cost_only_the_memory_of_their_pictures(ring: FrameRing) -> None:
    ring.picture(0, width=64, height=64)[:] = 1
    assert os.fstat(ring._fd).st_blocks * 512 < SLOT_BYTES // 100


@pytest.mark.parametrize(("slot", "width", "height"), [(-1, 32, 32), (4, 32, 32), (0, 8192, 8192)])
def test_a_picture_outside_its_slot_is_refused(
    ring: FrameRing, slot: int, width: int, height: int
) -> None:
    with pytest.raises(ValueError, match="no picture"):
        ring.picture(slot, width, height)


def test_closing_leaves_living_views_alone() -> None:
    ring = FrameRing.create(slots=1)
    picture = ring.picture(0, 32, 32)
    ring.close()
    ring.close()
    picture[:] = 3
    with pytest.raises(ValueError, match="no picture"):
        ring.picture(0, 32, 32)


def test_the_ring_has_no_name_in_the_file_system() -> None:
    before = os.listdir("/dev/shm")  # noqa: S108 - looked at, not written
    ring = FrameRing.create(slots=1)
    ring.picture(0, 32, 32)[:] = 1
    assert os.listdir("/dev/shm") == before  # noqa: S108
    ring.close()


def test_a_lone_session_gets_half_the_slots_and_another_one_half_of_the_rest() -> None:
    free = FreeSlots(range(8))
    assert len(free.take("a", 8)) == 4
    assert len(free.take("b", 8)) == 2
    assert free.take("a", 8) == ()


def test_slots_from_before_a_restart_are_free_once_given_back() -> None:
    free = FreeSlots([0])
    free.give_back([1, 2])
    assert len(free) == 3


def test_the_slot_used_last_is_used_next() -> None:
    free = FreeSlots(range(8))
    taken = free.take("a", 1)
    free.give_back(taken)
    assert free.take("b", 1) == taken


@given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from("abc"), st.integers(0, 9)),
            st.tuples(st.just("release"), st.integers(0, 9)),
        ),
        max_size=60,
    )
)
def test_no_slot_is_lost_or_has_two_holders_and_no_session_takes_all(
    actions: list[tuple[str, int]],
) -> None:
    free = FreeSlots(range(12))
    held: list[tuple[str, int]] = []
    for who, count in actions:
        if who == "release":
            released, held = held[:count], held[count:]
            free.give_back(slot for _, slot in released)
        else:
            held += [(who, slot) for slot in free.take(who, count)]
        assert len({slot for _, slot in held}) == len(held)
        assert len(free) + len(held) == 12
    assert all(count <= 6 for count in Counter(who for who, _ in held).values())
