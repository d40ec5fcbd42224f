"""Which session gets the next chunk: the one with the least service, first in first out within it.

Sessions and jobs enter, a job id leaves; no clock and no I/O. Service is whatever unit `charge`
is called with (the worker's loop charges compute seconds).

A session that joins starts level with the best served of those that wait. So it waits for at most
a round, however long the others have been there; and none of them waits for it, or for any number
of newcomers after it, longer than that. An idle session is remembered while it is ahead of the
others, because one that sends its segments singly would otherwise have each of them forgiven.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from dataclasses import dataclass, field

REMEMBERED_SESSIONS = 64


@dataclass(slots=True)
class _Session:
    service: float = 0.0
    joined: int = 0
    jobs: deque[int] = field(default_factory=deque)


class Scheduler:
    def __init__(self) -> None:
        self._sessions: dict[str, _Session] = {}
        self._session_of: dict[int, str] = {}
        self._joins = 0

    def __len__(self) -> int:
        return len(self._session_of)

    def add(self, session_id: str, job_id: int) -> None:
        session = self._sessions.setdefault(session_id, _Session())
        if not session.jobs:
            self._joins += 1
            session.joined = self._joins
            level = max((waiting.service for waiting in self._waiting()), default=0.0)
            session.service = max(session.service, level)
        session.jobs.append(job_id)
        self._session_of[job_id] = session_id

    def pick(self, blocked: Container[int] = ()) -> int | None:
        """The job to make a chunk of, or None when every session's oldest job is blocked.

        A blocked session is kept from falling behind: it would claim the worker afterwards.
        """
        waiting = self._waiting()
        ready = [session for session in waiting if session.jobs[0] not in blocked]
        if not ready:
            return None
        chosen = min(ready, key=lambda session: (session.service, session.joined))
        for session in waiting:
            session.service = max(session.service, chosen.service)
        self._forget(chosen.service)
        return chosen.jobs[0]

    def charge(self, job_id: int, service: float) -> None:
        self._sessions[self._session_of[job_id]].service += service

    def remove(self, job_id: int) -> None:
        self._sessions[self._session_of.pop(job_id)].jobs.remove(job_id)
        if not self._session_of:
            self._sessions.clear()

    def _waiting(self) -> list[_Session]:
        return [session for session in self._sessions.values() if session.jobs]

    def _forget(self, level: float) -> None:
        idle = {key: session for key, session in self._sessions.items() if not session.jobs}
        excess = len(idle) - REMEMBERED_SESSIONS
        for session_id, session in idle.items():
            if session.service <= level or excess > 0:
                del self._sessions[session_id]
                excess -= 1
