"""Who gets the next free slot: first come, first served, but fair between the owners of keys. Pure.

Start-time fair queueing: whoever joins gets a number above that of the last one served and above
those of its own owner's others, so that an owner with a hundred viewers delays another's first one
by one viewer, not by a hundred. Numbers never change, so nobody is ever overtaken by later viewers
of the same owner. A full queue has room for somebody new as long as another owner crowds it.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from dataclasses import dataclass
from itertools import count

from matinee.serving.admission import QueueFull

FIRST_ARRIVAL = 2**48
"""Above those of an order that routers share: no place of ours is one of theirs."""


@dataclass(frozen=True, order=True, slots=True)
class Place:
    """Where somebody is queued: the order of places is the order of service."""

    number: int
    arrival: int
    owner: str


class Queue:
    """`most`: places that there may be at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._places: list[Place] = []
        self._last: dict[str, int] = {}
        """The highest number of each owner that is queued."""
        self._served = 0
        self._arrivals = count(FIRST_ARRIVAL)

    def __len__(self) -> int:
        return len(self._places)

    @property
    def places(self) -> tuple[Place, ...]:
        """The next one first."""
        return tuple(self._places)

    def join(self, owner: str) -> Place:
        """Raises `QueueFull`."""
        if len(self._places) >= self._most:
            raise QueueFull
        number = max(self._served, self._last.get(owner, 0)) + 1
        place = Place(number, next(self._arrivals), owner)
        self._last[owner] = number
        insort(self._places, place)
        return place

    def surplus(self, owner: str) -> Place | None:
        """The last place of whoever has most, which makes room for this owner in a full queue; None
        where nobody has two more than it would have."""
        counts = Counter(place.owner for place in self._places if place.number)
        crowd, most = max(counts.items(), key=lambda one: one[1], default=("", 0))
        if most < counts[owner] + 2:
            return None
        return next(place for place in reversed(self._places) if place.owner == crowd)

    def ahead(self, owner: str) -> Place:
        """A place before all others, for `come_back`: of a session that has played already."""
        return Place(0, next(self._arrivals), owner)

    def serve(self, place: Place) -> None:
        """It has a slot now."""
        self._served = max(self._served, place.number)
        self.leave(place)

    def come_back(self, place: Place) -> None:
        """The slot was none after all: the place is the same as before, even in a full queue."""
        insort(self._places, place)
        self._last[place.owner] = max(place.number, self._last.get(place.owner, 0))

    def leave(self, place: Place) -> None:
        """A second time changes nothing."""
        if place not in self._places:
            return
        self._places.remove(place)
        if not any(one.owner == place.owner for one in self._places):
            del self._last[place.owner]
