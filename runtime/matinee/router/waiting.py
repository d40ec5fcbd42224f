"""How long somebody will be queued, from how long sessions and their segments take. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SMOOTHING = 0.5
"""Weight of the newest cold start in the running mean."""


@dataclass(frozen=True, slots=True)
class Playing:
    """A session that plays. `seconds`: so far; `segments`: that it has begun; `cap`: that its
    server allows, 0: any number."""

    seconds: float
    segments: int
    cap: int = 0


def segment_s(playing: Sequence[Playing]) -> float | None:
    """How long a segment takes, with the time that its viewer thinks; None while none was begun."""
    segments = sum(one.segments for one in playing)
    return sum(one.seconds for one in playing if one.segments) / segments if segments else None


def eta_s(
    position: int, playing: Sequence[Playing], capacity: int, mean_s: float | None
) -> float | None:
    """Until the one at this place has a slot. `capacity`: slots in all; those that are not ours to
    see end evenly in time. `mean_s`: how long sessions lasted, None while none has ended: then
    they are taken to go on to their cap. None where that is not known either."""
    pace_s = segment_s(playing)
    lengths = [_length_s(one, pace_s, mean_s) for one in playing]
    known = [length for length in lengths if length is not None]
    length_s = mean_s if mean_s is not None else max(known, default=None)
    if length_s is None or not capacity:
        return None
    left = [
        max(0.0, (length_s if length is None else length) - one.seconds)
        for one, length in zip(playing, lengths, strict=True)
    ]
    others = max(0, capacity - len(left))
    left += [length_s * (index + 1) / (others + 1) for index in range(others)]
    left.sort()
    rounds, place = divmod(position, len(left))
    return round(left[place] + rounds * length_s, 1)


def _length_s(one: Playing, pace_s: float | None, mean_s: float | None) -> float | None:
    """Of the whole session: as long as others, and no longer than all its segments take."""
    all_s = one.cap * pace_s if one.cap and pace_s is not None else None
    known = [length for length in (mean_s, all_s) if length is not None]
    return min(known, default=None)


class ColdStarts:
    """While no backend takes sessions. `mean_s`: how long that was, None until it has ended once
    with somebody queued."""

    def __init__(self) -> None:
        self.mean_s: float | None = None
        self._since: float | None = None

    def begin(self, now: float) -> None:
        """Somebody waits for a backend. A second time changes nothing."""
        if self._since is None:
            self._since = now

    def give_up(self) -> None:
        """Nobody waits any more."""
        self._since = None

    def end(self, now: float) -> bool:
        """There is one. True: something was learned."""
        if self._since is None:
            return False
        took_s, self._since = now - self._since, None
        mean = self.mean_s
        self.mean_s = took_s if mean is None else mean + SMOOTHING * (took_s - mean)
        return True

    def eta_s(self, now: float) -> float | None:
        """Until there is one; None while that is not known, or it has taken longer already."""
        if self.mean_s is None or self._since is None:
            return None
        left = self.mean_s - (now - self._since)
        return round(left, 1) if left > 0 else None
