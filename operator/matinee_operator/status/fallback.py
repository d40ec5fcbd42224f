"""The status of an object that nothing can be planned for: what it was, and that it is degraded.

It is made from the stored object as it is, so that neither a spec that breaks a rule nor a bug in
what reads its children goes unreported.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from matinee_api.kinds import conditions
from matinee_api.plain_text import plain
from matinee_operator.objects import Object, condition, stamp
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.status.conditions import MESSAGE_LENGTH


def degraded_status(raw: Object, trouble: Trouble, now: datetime) -> Mapping[str, Any]:
    status = raw.get("status") or {}
    before = condition(status, conditions.DEGRADED)
    since = before.get("lastTransitionTime") if before.get("status") == "True" else None
    degraded = {
        "type": conditions.DEGRADED,
        "status": "True",
        "observedGeneration": raw["metadata"].get("generation", 0),
        "lastTransitionTime": since or stamp(now),
        "reason": trouble.reason,
        "message": plain(trouble.message, MESSAGE_LENGTH),
    }
    others = [one for one in status.get("conditions", []) if one["type"] != conditions.DEGRADED]
    return {**status, "conditions": [*others, degraded]}
