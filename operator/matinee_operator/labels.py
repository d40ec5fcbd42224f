"""The fixed names: labels, annotations, a port, the finalizer and field managers."""

from __future__ import annotations

from matinee_api.contracts.revisions import REVISION_LABEL, SERVICE_LABEL

MANAGED_BY = "app.kubernetes.io/managed-by"
APP_NAME = "app.kubernetes.io/name"
COMPONENT = "app.kubernetes.io/component"
SERVICE = SERVICE_LABEL
MODEL = "matinee.video/model"
REVISION = REVISION_LABEL
ROUTER = "matinee.video/router"
SLOT = "matinee.video/slot"
BUSY = "matinee.video/busy"
"""On pods with sessions; their disruption budget selects it."""
ACCEPTING = "matinee.video/accepting"
"""On pods that new sessions may go to once they are ready; Services select it."""

OWNER = "matinee.video/owner"
"""Annotation of every child: the uid of the object that it was made for."""
ATTEMPT = "matinee.video/attempt"
"""Annotation of a pod: how many failed pods in a row came before it."""
CORDONED_AT = "matinee.video/cordoned-at"
"""Annotation of a pod: since when it takes no new sessions."""
DRAIN_DEADLINE = "matinee.video/drain-deadline"
"""Annotation of such a pod: it is deleted by then at the latest."""
CONFIG_HASH = "matinee.video/config"
"""Annotation of a Router's pods: hash of their configuration, so that another one replaces them."""
SCHEME = "matinee.video/scheme"
"""Annotation of a Router's pods that serve TLS themselves: `https`."""
APPLIED = "matinee.video/applied"
"""Annotation of every applied child: hash of what was applied."""

CONTROL = "control"
"""Name of the port where a pod is controlled; pods of a former release have one port for all."""
CONFIG = "config"
"""Name of a pod's volume with its configuration."""

FINALIZER = "matinee.video/drain"
FIELD_MANAGER = "matinee-operator"
STATUS_MANAGER = "matinee-operator-status"
APP = "matinee"
OPERATOR_APP = "matinee-operator"
"""Name that the chart gives the operator's own pods."""
