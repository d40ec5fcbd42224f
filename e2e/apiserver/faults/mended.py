"""What the operator mends by itself, and what looks like a fault and is wanted."""

from __future__ import annotations

from e2e.apiserver.faults.fault import FALSE, MODEL, ROUTER, SERVICE, TRUE, Fault, degraded
from e2e.apiserver.faults.steps import applied, deleted, held, later, pods_say
from e2e.apiserver.scene import NAME, READY
from matinee_api.kinds import conditions


def _mended(what: str, kind: str, name: str = "", of: str = SERVICE) -> Fault:
    condition = {
        ROUTER: conditions.ACCEPTED,
        SERVICE: conditions.READY,
        MODEL: conditions.DOWNLOADED,
    }[of]
    reason = {MODEL: conditions.BUNDLED, ROUTER: conditions.OPEN_TO_ANYBODY}.get(
        of, conditions.AS_DESIRED
    )
    steps = (pods_say(**READY), later(10), deleted(kind, name))
    return Fault(what, steps, of, condition, TRUE, reason, remade=(kind,))


MENDED: tuple[Fault, ...] = (
    _mended("somebody deletes the headless Service", "Service", NAME),
    _mended("somebody deletes the ConfigMap", "ConfigMap"),
    _mended("somebody deletes the PodDisruptionBudget", "PodDisruptionBudget"),
    _mended("somebody deletes the NetworkPolicy", "NetworkPolicy"),
    _mended("somebody deletes the Router's Service", "Service", of=ROUTER),
    _mended("somebody deletes the Router's Deployment", "Deployment", of=ROUTER),
    _mended("somebody deletes the Router's ServiceAccount", "ServiceAccount", of=ROUTER),
    _mended("somebody deletes the Router's Role", "Role", of=ROUTER),
    _mended("somebody deletes the Router's RoleBinding", "RoleBinding", of=ROUTER),
    _mended("somebody deletes the warm-up Job", "Job", of=MODEL),
    Fault(
        "somebody deletes the pods, and a finalizer of somebody else holds them: others are made",
        (pods_say(**READY), later(10), held("Pod"), pods_say(**READY)),
        SERVICE,
        conditions.READY,
        TRUE,
        conditions.AS_DESIRED,
    ),
    Fault(
        "somebody deletes the pods",
        (pods_say(**READY), later(10), deleted("Pod")),
        SERVICE,
        conditions.READY,
        FALSE,
        conditions.PODS_STARTING,
        remade=("Pod",),
    ),
)


HELD: tuple[Fault, ...] = (
    degraded(
        "`rollout.paused`, and the record of the old revision is deleted: no pod of it is made",
        conditions.REVISION_NOT_RECORDED,
        "is left, so pods of it that go are not replaced; go on with the rollout",
        pods_say(**READY),
        later(10),
        applied(SERVICE, rollout={"paused": True}, sessions={"maxPerPod": 3}),
        deleted("ConfigMap"),
        deleted("Pod"),
    ),
    Fault(
        "`rollout.paused`, the spec was changed, and a pod goes: one of the old revision is made",
        (
            pods_say(**READY),
            later(10),
            applied(SERVICE, rollout={"paused": True}, sessions={"maxPerPod": 3}),
            deleted("Pod"),
            pods_say(**READY),
        ),
        SERVICE,
        conditions.SERVABLE,
        TRUE,
        conditions.SERVING,
        remade=("Pod",),
    ),
)


ON_PURPOSE: tuple[Fault, ...] = (
    Fault(
        "`replicas: 0`",
        (applied(SERVICE, replicas=0),),
        SERVICE,
        conditions.SERVABLE,
        FALSE,
        conditions.SCALED_TO_ZERO,
    ),
    Fault(
        "`rollout.paused`, and the spec was changed",
        (
            pods_say(**READY),
            later(10),
            applied(SERVICE, rollout={"paused": True}, sessions={"maxPerPod": 3}),
        ),
        SERVICE,
        conditions.PROGRESSING,
        TRUE,
        conditions.PAUSED,
    ),
    Fault(
        "`warmup.enabled: false`",
        (applied(MODEL, warmup={"enabled": False}),),
        MODEL,
        conditions.READY,
        TRUE,
        conditions.AS_DESIRED,
    ),
)
