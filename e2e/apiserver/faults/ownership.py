"""Names that others have, and objects of ours that somebody edits."""

from __future__ import annotations

from e2e.apiserver.faults.fault import FALSE, MODEL, ROUTER, TRUE, Fault, degraded
from e2e.apiserver.faults.steps import edited, pods_say, taken
from e2e.apiserver.scene import NAME, READY
from e2e.apiserver.strangers import CONTROLLED
from matinee_api.kinds import conditions

LEFT_ALONE = "it has no controller); left alone. Delete or rename what is there"


def _taken(what: str, kind: str, name: str = "") -> Fault:
    return degraded(what, conditions.NAME_TAKEN, LEFT_ALONE, taken(kind, name))


TAKEN: tuple[Fault, ...] = (
    _taken("somebody's Service has the name of the headless one", "Service", NAME),
    _taken("somebody's NetworkPolicy has the name of ours", "NetworkPolicy"),
    _taken("somebody's PodDisruptionBudget has the name of ours", "PodDisruptionBudget"),
    _taken("somebody's ConfigMap has the name of ours", "ConfigMap"),
    _taken("somebody's Pod has the name of ours", "Pod"),
    degraded(
        "another controller's NetworkPolicy has the name of ours",
        conditions.NAME_TAKEN,
        "its controller is Deployment theirs",
        taken("NetworkPolicy", **CONTROLLED),
    ),
    Fault(
        "somebody's Service has the name of the Router's",
        (taken("Service", f"{NAME}-router"),),
        ROUTER,
        conditions.ACCEPTED,
        FALSE,
        conditions.NAME_TAKEN,
        f"Service {NAME}-router ({LEFT_ALONE}",
    ),
    Fault(
        "somebody's Deployment has the name of the Router's",
        (taken("Deployment", f"{NAME}-router"),),
        ROUTER,
        conditions.ACCEPTED,
        FALSE,
        conditions.NAME_TAKEN,
        f"Deployment {NAME}-router ({LEFT_ALONE}",
    ),
    Fault(
        "somebody's Job has the name of the warm-up",
        (taken("Job"),),
        MODEL,
        conditions.DEGRADED,
        TRUE,
        conditions.NAME_TAKEN,
        LEFT_ALONE,
    ),
)


def _edited(what: str, kind: str = "Pod", **meta: object) -> Fault:
    """Put back within one look at everything."""
    return Fault(
        what,
        (pods_say(**READY), edited(kind, **meta)),
        "StreamingService",
        conditions.READY,
        TRUE,
        conditions.AS_DESIRED,
    )


EDITED: tuple[Fault, ...] = (
    _edited(
        "somebody takes the label `app.kubernetes.io/managed-by` off the pods",
        labels={"app.kubernetes.io/managed-by": None},
    ),
    _edited("somebody gives a pod another slot", labels={"matinee.video/slot": "debug"}),
    _edited("somebody takes the ownerReference off the pods", ownerReferences=None),
    _edited(
        "somebody takes the ownerReference off the NetworkPolicy",
        "NetworkPolicy",
        ownerReferences=None,
    ),
)
