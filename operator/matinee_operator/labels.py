"""The fixed words: labels, annotations, field managers, and how children are called."""

from __future__ import annotations

import hashlib
import json
from typing import Any

MANAGED_BY = "app.kubernetes.io/managed-by"
APP_NAME = "app.kubernetes.io/name"
COMPONENT = "app.kubernetes.io/component"
SERVICE = "matinee.video/service"
MODEL = "matinee.video/model"
REVISION = "matinee.video/revision"
ROUTER = "matinee.video/router"
SLOT = "matinee.video/slot"
BUSY = "matinee.video/busy"
"""On pods with sessions; their disruption budget selects it."""
ACCEPTING = "matinee.video/accepting"
"""On pods that new sessions may go to once they are ready; Services select it."""
BEHIND = "router.matinee.video/"
"""Prefix of the label that puts a pod behind a Router; the rest is the Router's name."""

CONFIG = "matinee.video/config"
"""Annotation of a pod: the ConfigMap it reads."""
ATTEMPT = "matinee.video/attempt"
"""Annotation of a pod: how many failed pods in a row came before it."""
CORDONED_AT = "matinee.video/cordoned-at"
"""Annotation of a pod: since when it takes no new sessions."""
DRAIN_DEADLINE = "matinee.video/drain-deadline"
"""Annotation of such a pod: it is deleted by then at the latest."""
APPLIED = "matinee.video/applied"
"""Annotation of every applied child: hash of what was applied."""

FINALIZER = "matinee.video/drain"
FIELD_MANAGER = "matinee-operator"
STATUS_MANAGER = "matinee-operator-status"
APP = "matinee"


def content_hash(value: Any, length: int = 8) -> str:
    """The same for equal JSON, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def counted(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
