"""Pods as the API server stores them."""

from __future__ import annotations

from typing import Any

STAMP = "2026-11-25T12:00:00Z"


def raw(status: dict[str, Any], **meta: Any) -> dict[str, Any]:
    return {
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


def waits(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    waiting = {"reason": reason, "message": message}
    return {"phase": "Pending", "containerStatuses": [{"state": {"waiting": waiting}, **more}]}
