"""Which session gets the next chunk: the one with the least service, first in first out within it.

Sessions and jobs enter, a job id leaves; no clock and no I/O. Service is whatever unit `charge`
is called with (the worker's loop charges compute seconds). A session that joins, comes back or
was blocked is lifted to the level of the session served last: it neither claims what others got
before it came, nor waits until they have caught up with it. This is start-time fair queueing
(Goyal et al. 1996) with equal weights.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Session:
    arrival: int
    service: float
    jobs: deque[int] = field(default_factory=deque)


class Scheduler:
    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._session_of: dict[int, str] = {}
        self._level = 0.0
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._session_of)

    def add(self, session_id: str, job_id: int) -> None:
        session = self._sessions.get(session_id)
        if session is None:
            self._arrivals += 1
            session = _Session(arrival=self._arrivals, service=self._level)
            self._sessions[session_id] = session
        elif not session.jobs:
            session.service = max(session.service, self._level)
        session.jobs.append(job_id)
        self._session_of[job_id] = session_id

    def pick(self, blocked: Container[int] = ()) -> int | None:
        """The job to make a chunk of, or None when every session's oldest job is blocked."""
        waiting = [session for session in self._sessions.values() if session.jobs]
        ready = [session for session in waiting if session.jobs[0] not in blocked]
        if not ready:
            return None
        chosen = min(ready, key=lambda session: (session.service, session.arrival))
        self._level = max(self._level, chosen.service)
        for session in waiting:
            if session.jobs[0] in blocked:
                session.service = max(session.service, self._level)
        self._forget_idle()
        return chosen.jobs[0]

    def charge(self, job_id: int, service: float) -> None:
        self._sessions[self._session_of[job_id]].service += service

    def remove(self, job_id: int) -> None:
        self._sessions[self._session_of.pop(job_id)].jobs.remove(job_id)

    def _forget_idle(self) -> None:
        """An idle session is remembered while it is ahead of the others: without that, one that
        sends its segments singly would start level each time and be served before everybody."""
        idle = [
            session_id
            for session_id, session in self._sessions.items()
            if not session.jobs and session.service <= self._level
        ]
        for session_id in idle:
            del self._sessions[session_id]
