"""Kubernetes Events about our objects, de-duplicated: each is written once in ten minutes."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from matinee_api.kinds.meta import API_VERSION
from matinee_api.plain_text import plain
from matinee_operator.actions import RecordEvent
from matinee_operator.clients.kube import Kube
from matinee_operator.errors import AlreadyExists, ApiError
from matinee_operator.objects import Key, content_hash, stamp

logger = logging.getLogger(__name__)

AGAIN_AFTER = timedelta(minutes=10)
REMEMBERED = 4096
MESSAGE_LENGTH = 1024


@dataclass(slots=True)
class _Recorded:
    when: datetime
    count: int


@dataclass(slots=True)
class Events:
    """`now` gives the time. An event that cannot be written is logged and forgotten."""

    kube: Kube
    identity: str
    now: Callable[[], datetime]
    _recorded: OrderedDict[str, _Recorded] = field(default_factory=OrderedDict)

    async def record(self, about: Key, uid: str, event: RecordEvent) -> None:
        name = f"{about.name}.{content_hash([uid, event.reason, event.message], 16)}"
        now, before = self.now(), self._recorded.get(name)
        if before is not None and now - before.when < AGAIN_AFTER:
            return
        self._recorded[name] = _Recorded(now, before.count + 1 if before else 1)
        self._recorded.move_to_end(name)
        while len(self._recorded) > REMEMBERED:
            self._recorded.popitem(last=False)
        try:
            await self._write(name, about, uid, event)
        except ApiError as error:
            logger.warning("event %s about %s is lost: %s", event.reason, about, error)

    async def _write(self, name: str, about: Key, uid: str, event: RecordEvent) -> None:
        now = stamp(self.now())
        count = self._recorded[name].count
        try:
            await self.kube.create(self._manifest(name, about, uid, event, now))
        except AlreadyExists:  # from before a restart, or a repeated one
            key = Key("Event", about.namespace, name)
            await self.kube.merge(key, {"lastTimestamp": now, "count": max(2, count)})

    def _manifest(
        self, name: str, about: Key, uid: str, event: RecordEvent, now: str
    ) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": about.namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": about.kind,
                "namespace": about.namespace,
                "name": about.name,
                "uid": uid,
            },
            "type": event.type,
            "reason": event.reason,
            "message": plain(event.message, MESSAGE_LENGTH),
            "source": {"component": "matinee-operator", "host": self.identity},
            "reportingComponent": "matinee-operator",
            "reportingInstance": self.identity,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
