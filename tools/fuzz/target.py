"""The server that is attacked, and what must hold for it after all of it.

It runs, answers, has logged no mistake of its own, and holds as many tasks, descriptors and objects
and as much memory as before. A first part of the cases warms it up: caches and free lists fill only
once.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from matinee_api.contracts.pod_http import DRAIN_PATH
from tests.system.end_to_end.serving import Server, fake_server, memory_bytes_of, running
from tests.system.router.routing import routing
from tools.fuzz.scripts import LARGEST_MESSAGE

GROWTH = 1.1
"""Memory after all cases, beside that after the warm-up."""
SETTLE_S = 60.0
"""More than any of the server's own timeouts, on a machine that is busy with something else."""
FEW = 8
"""Tasks and descriptors: those of whoever asks for them come and go."""
GROWTH_OBJECTS = 1000
"""Far fewer than the sessions in between. Dead weak references alone come and go by hundreds, and
of each session that ended within a minute its store knows so."""
MISTAKES = re.compile(
    r'"level": "(error|critical)"|Traceback|internal_error|never retrieved|never awaited'
    r"|(?<!video_.{32} )failed"
)
"""A job that cannot be made fails, and that is logged."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """Of the server: `memory_bytes` with its children, after unused memory was given back;
    `doing`: what its tasks do."""

    tasks: int
    objects: int
    files: int
    memory_bytes: int
    doing: Counter[str] = field(default_factory=Counter, repr=False)


@dataclass(frozen=True, slots=True)
class Target:
    """`door`: what is attacked: the server, or the router before it."""

    server: Server
    door: Server

    @property
    def port(self) -> int:
        return self.door.port

    @property
    def programs(self) -> list[Server]:
        return [self.server] if self.door is self.server else [self.server, self.door]


@contextmanager
def target(folder: Path, *, behind_a_router: bool = False) -> Iterator[Target]:
    """A server over the backend without torch, with small limits, in a process of its own."""
    command = fake_server(
        max_sessions=8,
        generation_segment_cap=3,
        jobs={"max_jobs": 32, "max_queued": 8},  # else they are what grows, up to their bound
        state={"max_states": 16},
        limits={"message_bytes": LARGEST_MESSAGE, "initial_image_bytes": LARGEST_MESSAGE // 2},
    )
    with running(command, folder / "log") as server:
        if not behind_a_router:
            yield Target(server, server)
            return
        with routing(folder, [server.url], message_bytes=LARGEST_MESSAGE) as router:
            yield Target(server, router)


def undrain(server: Server) -> None:
    """On loopback a stranger may drain it, and did."""
    httpx.delete(f"{server.url}{DRAIN_PATH}").raise_for_status()


def holdings(attacked: Target) -> Holdings:
    attacked.server.wait_until_idle()
    family = [process for one in attacked.programs for process in one.family()]
    alive = attacked.server.counted()
    return Holdings(
        alive["tasks"],
        alive["objects"],
        sum(one.family()[0].num_fds() for one in attacked.programs),
        memory_bytes_of(family),
        Counter(alive["doing"]),
    )


def mistakes(attacked: Target) -> list[str]:
    """Lines of a log that tell a mistake of its own, or that a program is gone."""
    found = []
    for one in attacked.programs:
        found += [line for line in one.log.read_text().splitlines() if MISTAKES.search(line)]
        if one.process.poll() is not None:
            found.append(f"a program has ended with {one.process.returncode}")
    return found


def leaks(attacked: Target, before: Holdings) -> list[str]:
    """What is more than before, once the server has had time to put it away."""
    most = Holdings(
        before.tasks + FEW,
        before.objects + GROWTH_OBJECTS,
        before.files + FEW,
        round(before.memory_bytes * GROWTH),
        before.doing,
    )
    until = time.monotonic() + SETTLE_S
    while (found := _beyond(holdings(attacked), most)) and time.monotonic() < until:
        attacked.server.get("/healthz")
    return found


def _beyond(now: Holdings, most: Holdings) -> list[str]:
    found = [
        f"{name}: {getattr(now, name)}, at most {getattr(most, name)}"
        for name in ("tasks", "objects", "files", "memory_bytes")
        if getattr(now, name) > getattr(most, name)
    ]
    return [*found, f"new tasks: {dict(now.doing - most.doing)}"] if found else []
