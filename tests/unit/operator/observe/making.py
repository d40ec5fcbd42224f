"""Pods as the cache keeps them, so that whatever reads them is shown to find what it needs."""

from __future__ import annotations

from typing import Any

from matinee_operator.objects import Object
from matinee_operator.observe.trimming import trimmed

STAMP = "2026-11-25T12:00:00Z"


def raw(status: dict[str, Any], **meta: Any) -> Object:
    stored = {
        "kind": "Pod",
        "metadata": {
            "name": "live-abc-2",
            "uid": "u",
            "creationTimestamp": STAMP,
            "labels": {"matinee.video/revision": "abc", "matinee.video/slot": "2"},
            **meta,
        },
        "spec": {"nodeName": "n1"},
        "status": status,
    }
    return trimmed(stored)


def waits(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    waiting = {"reason": reason, "message": message}
    return {"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}, **more}]}
