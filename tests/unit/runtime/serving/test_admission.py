from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from matinee.serving.admission import Admission, NotAdmitting, Place, QueueFull
from tests.unit.runtime.session.making import slot


class Guest:
    """Wants a slot, tells its places, and stays until told to leave."""

    def __init__(self, admission: Admission) -> None:
        self.places: list[Place] = []
        self.inside = False
        self._leave = asyncio.Event()
        self._admission = admission
        self.task = asyncio.create_task(self._visit())

    async def _visit(self) -> None:
        async with slot(self._admission, self.places.append):
            self.inside = True
            try:
                await self._leave.wait()
            finally:
                self.inside = False

    def leave(self) -> None:
        self._leave.set()

    @property
    def position(self) -> int:
        return self.places[-1].position


async def settled() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


@pytest.fixture
async def enter() -> AsyncIterator[Callable[[Admission], Guest]]:
    guests: list[Guest] = []

    def invite(admission: Admission) -> Guest:
        guests.append(Guest(admission))
        return guests[-1]

    yield invite
    for guest in guests:
        guest.task.cancel()
        with contextlib.suppress(asyncio.CancelledError, NotAdmitting, QueueFull):
            await guest.task


Enter = Callable[[Admission], Guest]


async def test_a_free_slot_is_given_at_once_and_the_place_told(enter: Enter) -> None:
    admission = Admission(4, slots=1)
    guest = enter(admission)
    await settled()
    assert guest.inside
    assert guest.places == [Place(0, 0, 0.0)]
    assert (admission.taken, admission.free, admission.waiting) == (1, 0, 0)


async def test_first_come_first_served(enter: Enter) -> None:
    admission = Admission(4, slots=1)
    guests = [enter(admission) for _ in range(3)]
    await settled()
    for index, guest in enumerate(guests):
        assert [one.inside for one in guests] == [index == other for other in range(3)]
        guest.leave()
        await settled()
    assert admission.taken == 0


async def test_waiting_guests_hear_of_each_change_and_of_nothing_else(enter: Enter) -> None:
    admission = Admission(4, slots=1)
    first, second, third = (enter(admission) for _ in range(3))
    await settled()
    told = [(place.position, place.depth) for place in third.places]
    assert told == [(1, 2)]

    admission.set_slots(1)
    second.task.cancel()
    await settled()

    assert [(place.position, place.depth) for place in third.places] == [(1, 2), (0, 1)]
    first.leave()
    await settled()
    assert third.inside
    assert len(third.places) == 2


async def test_only_so_many_may_wait(enter: Enter) -> None:
    admission = Admission(1, slots=1)
    enter(admission), enter(admission)
    await settled()
    with pytest.raises(QueueFull):
        async with slot(admission):
            pass
    assert (admission.taken, admission.waiting) == (1, 1)


async def test_viewers_wait_while_the_workers_start(enter: Enter) -> None:
    admission = Admission(4)
    guests = [enter(admission) for _ in range(3)]
    await settled()
    assert guests[0].places == [Place(0, 1, None), Place(0, 2, None), Place(0, 3, None)]
    admission.set_slots(2)
    await settled()
    assert [guest.inside for guest in guests] == [True, True, False]


async def test_sessions_keep_their_slots_when_workers_are_lost(enter: Enter) -> None:
    admission = Admission(4, slots=2)
    first, second, third = (enter(admission) for _ in range(3))
    await settled()
    admission.set_slots(1)
    assert (admission.taken, admission.free) == (2, 0)
    first.leave()
    await settled()
    assert not third.inside
    second.leave()
    await settled()
    assert third.inside


async def test_closing_turns_away_those_who_wait_and_those_who_come(enter: Enter) -> None:
    admission = Admission(4, slots=1)
    inside, waiting = enter(admission), enter(admission)
    await settled()
    admission.close("we drain")
    await settled()
    with pytest.raises(NotAdmitting, match="we drain"):
        await waiting.task
    with pytest.raises(NotAdmitting, match="we drain"):
        async with slot(admission):
            pass
    assert inside.inside
    inside.leave()
    await settled()
    assert (admission.taken, admission.waiting) == (0, 0)


async def test_the_wait_is_estimated_from_the_sessions_before(enter: Enter) -> None:
    admission = Admission(4, slots=2)
    admission._lengths.remember(100.0)
    guests = [enter(admission) for _ in range(4)]
    await settled()
    assert [guest.places[-1].eta_s for guest in guests] == [0.0, 0.0, 50.0, 100.0]


async def test_an_error_inside_gives_the_slot_back() -> None:
    admission = Admission(4, slots=1)
    with pytest.raises(RuntimeError):
        async with slot(admission):
            raise RuntimeError
    assert admission.taken == 0


# A waiter that is cancelled, whatever else happens in the same turn of the loop


async def test_cancelled_while_it_waits_it_frees_its_place(enter: Enter) -> None:
    admission = Admission(4, slots=1)
    enter(admission)
    second, third = enter(admission), enter(admission)
    await settled()
    second.task.cancel()
    await settled()
    assert (third.position, admission.waiting, admission.taken) == (0, 1, 1)


async def test_cancelled_just_after_it_was_admitted_it_passes_the_slot_on(enter: Enter) -> None:
    admission = Admission(4)
    first, second = enter(admission), enter(admission)
    await settled()
    admission.set_slots(1)
    first.task.cancel()
    await settled()
    assert second.inside
    assert admission.taken == 1


async def test_cancelled_just_before_a_slot_is_free_it_is_passed_over(enter: Enter) -> None:
    admission = Admission(4)
    first, second = enter(admission), enter(admission)
    await settled()
    first.task.cancel()
    admission.set_slots(1)
    await settled()
    assert second.inside
    assert (admission.taken, admission.waiting) == (1, 0)


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_cancelled_in_the_moment_of_closing_it_just_ends(
    enter: Enter, cancelled_first: bool
) -> None:
    admission = Admission(4)
    guest = enter(admission)
    await settled()
    if cancelled_first:
        guest.task.cancel()
        admission.close("we drain")
    else:
        admission.close("we drain")
        guest.task.cancel()
    await settled()
    assert guest.task.cancelled()
    assert (admission.taken, admission.waiting) == (0, 0)


async def test_a_timeout_around_a_slot_just_granted_leaks_nothing() -> None:
    admission = Admission(4)
    loop = asyncio.get_running_loop()
    timeout = asyncio.timeout(3600)

    async def visit() -> None:
        async with timeout, slot(admission):
            raise AssertionError

    task = asyncio.create_task(visit())
    await settled()
    timeout.reschedule(loop.time())
    await asyncio.sleep(0)  # the timeout fires in the next turn ...
    admission.set_slots(1)  # ... in which the slot is granted
    with contextlib.suppress(TimeoutError, AssertionError):
        await task
    assert (admission.taken, admission.waiting) == (0, 0)


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["enter", "leave", "cancel", "slots", "turn"]), st.integers(0, 5)),
    max_size=40,
)


@settings(max_examples=60)
@given(ACTIONS)
def test_slots_are_neither_lost_nor_given_twice(actions: list[tuple[str, int]]) -> None:
    asyncio.run(_play(actions))


async def _play(actions: list[tuple[str, int]]) -> None:
    admission, guests = Admission(3, slots=2), list[Guest]()
    for action, number in actions:
        await _act(admission, guests, action, number)
    await settled()
    assert admission.taken == sum(guest.inside for guest in guests)
    assert not (admission.free and admission.waiting)
    for guest in guests:
        guest.task.cancel()
    await asyncio.gather(*(guest.task for guest in guests), return_exceptions=True)
    assert (admission.taken, admission.waiting) == (0, 0)


async def _act(admission: Admission, guests: list[Guest], action: str, number: int) -> None:
    match action:
        case "enter":
            guests.append(Guest(admission))
        case "slots":
            admission.set_slots(number)
        case "turn":
            await asyncio.sleep(0)
        case "leave" if number < len(guests):
            guests[number].leave()
        case "cancel" if number < len(guests):
            guests[number].task.cancel()
