"""How backends are: each is asked for its health now and then, and its stream of slots is read.

Both run as long as the backend is in the table; whatever it answers, or not, they go on.
"""

from __future__ import annotations

import asyncio
import logging
import time
from http import HTTPStatus

from pydantic import ValidationError

from matinee.router.table import Backend, Table
from matinee.router.tokens import NoToken, authorization
from matinee.serving.http_client import Unanswered, asked
from matinee.serving.tasks import stopped
from matinee_api.backoff import backoff
from matinee_api.config.router_config import HealthCheckConfig
from matinee_api.contracts.pod_http import HEARTBEAT_S, SLOTS_PATH, Slots

FIRST_RETRY_S, LONGEST_RETRY_S = 0.25, 5.0
NO_FEED_RETRY_S = 30.0
"""After a backend that has no stream of slots, or gives it to others only."""
SILENCE_S = 2 * HEARTBEAT_S + 5
MOST_LINE_BYTES = 64 * 1024
NO_FEED = (HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

logger = logging.getLogger(__name__)


class Watches:
    """One over each backend of the table."""

    def __init__(self, table: Table, check: HealthCheckConfig) -> None:
        self._table = table
        self._check = check
        self._tasks: dict[Backend, asyncio.Task[None]] = {}

    def sync(self) -> None:
        """Begin with those that came, and end with those that are gone."""
        present = list(self._table)
        for backend in self._tasks.keys() - present:
            self._tasks.pop(backend).cancel()
        for backend in present:
            if backend not in self._tasks:
                watching = watch(self._table, backend, self._check)
                self._tasks[backend] = asyncio.create_task(watching, name="a watch")

    async def stop(self) -> None:
        for task in self._tasks.values():
            await stopped(task)
        self._tasks.clear()


async def watch(table: Table, backend: Backend, check: HealthCheckConfig) -> None:
    """Both, until cancelled. A mistake of ours is logged, and they begin anew."""
    while True:
        urgent = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(_probe_on(table, backend, check, urgent), name="a probe")
                tasks.create_task(_read_on(table, backend, check, urgent), name="a feed")
        except* Exception:
            logger.exception("the watch over %s failed", backend.address.name)
        await asyncio.sleep(check.interval_seconds)


async def _probe_on(
    table: Table, backend: Backend, check: HealthCheckConfig, urgent: asyncio.Event
) -> None:
    """`urgent`: set when there is a reason to ask at once."""
    while True:
        urgent.clear()
        await _probe(table, backend, check)
        try:
            async with asyncio.timeout(check.interval_seconds):
                await urgent.wait()
        except TimeoutError:
            continue


async def _probe(table: Table, backend: Backend, check: HealthCheckConfig) -> None:
    began = time.perf_counter()
    before = backend.health
    try:
        url, timeout_s = backend.address.url, check.timeout_seconds
        async with asked(url, check.path, {}, timeout_s=timeout_s) as answer:
            healthy, reason = answer.status < HTTPStatus.BAD_REQUEST, f"status {answer.status}"
    except Unanswered as error:
        healthy, reason = False, str(error)
    if healthy:
        table.succeeded(backend, time.time(), (time.perf_counter() - began) * 1000)
    else:
        backend.failed()
    if backend.health is not before:
        logger.info("%s is %s: %s", backend.address.name, backend.health, reason)


async def _read_on(
    table: Table, backend: Backend, check: HealthCheckConfig, urgent: asyncio.Event
) -> None:
    failures = 0
    while True:
        wait_s = NO_FEED_RETRY_S
        try:
            if await _read_feed(table, backend, check):
                failures, wait_s = 0, FIRST_RETRY_S  # it was there, and ended
        except (Unanswered, NoToken) as error:
            failures += 1
            wait_s = backoff(failures, FIRST_RETRY_S, LONGEST_RETRY_S)
            logger.debug("the slots of %s: %s", backend.address.name, error)
        urgent.set()
        await asyncio.sleep(wait_s)


async def _read_feed(table: Table, backend: Backend, check: HealthCheckConfig) -> bool:
    """Until its end; false when it has none for us. Raises `Unanswered` and `NoToken`."""
    address = backend.address
    headers = authorization(address.control_token_file)
    timeout_s = check.timeout_seconds
    async with asked(address.control_url, SLOTS_PATH, headers, timeout_s=timeout_s) as answer:
        if answer.status in NO_FEED:
            table.told(backend, None)
            logger.info("%s tells no slots: status %d", address.name, answer.status)
            return False
        if answer.status != HTTPStatus.OK:
            raise Unanswered(f"status {answer.status}")
        async for line in answer.lines(MOST_LINE_BYTES, SILENCE_S):
            table.told(backend, _slots(line))
        return True


def _slots(line: bytes) -> Slots:
    """Raises `Unanswered`."""
    try:
        return Slots.model_validate_json(line, extra="ignore")
    except ValidationError as error:
        raise Unanswered("a line of its slots is not what it should be") from error
