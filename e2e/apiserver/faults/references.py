"""Objects that name others which are not there, and warm-ups that fail."""

from __future__ import annotations

from e2e.apiserver.faults.fault import FALSE, MODEL, ROUTER, SERVICE, TRUE, UNKNOWN, Fault, degraded
from e2e.apiserver.faults.steps import (
    OOM,
    TRACEBACK,
    Step,
    applied,
    container,
    deleted,
    deployment_says,
    ended,
    held,
    job_is_refused_pods,
    job_pod_says,
    job_says,
    later,
    pods_say,
    router_pods_say,
    says,
    waits,
)
from e2e.apiserver.scene import CPU, READY
from matinee_api.kinds import conditions

NO_KEYS = "matinee: /etc/matinee-keys/keys.yaml: cannot be read\n"
REQUIRED = {"resources": CPU, "policy": "Required"}


def _warmed(what: str, status: str, reason: str, told: str, *steps: Step) -> Fault:
    return Fault(what, steps, MODEL, conditions.WARMED, status, reason, told)


REFERENCES: tuple[Fault, ...] = (
    degraded(
        "`modelRef` names no VideoModel",
        conditions.MODEL_NOT_FOUND,
        "there is no VideoModel tiny",
        without=(MODEL,),
    ),
    degraded(
        "the VideoModel is deleted while pods serve",
        conditions.MODEL_NOT_FOUND,
        "there is no VideoModel tiny",
        pods_say(**READY),
        later(10),
        deleted(MODEL),
    ),
    Fault(
        "the VideoModel is deleted: viewers stay",
        (pods_say(**READY), later(10), deleted(MODEL)),
        SERVICE,
        conditions.SERVABLE,
        TRUE,
        conditions.SERVING,
    ),
    Fault(
        "the VideoModel is deleted, and the service scaled to 0",
        (pods_say(**READY), later(10), deleted(MODEL), applied(SERVICE, replicas=0)),
        SERVICE,
        conditions.SERVABLE,
        FALSE,
        conditions.SCALED_TO_ZERO,
    ),
    degraded(
        "the VideoModel and a pod are deleted: the pod is made again, of what was recorded",
        conditions.MODEL_NOT_FOUND,
        "there is no VideoModel tiny",
        pods_say(**READY),
        later(10),
        deleted(MODEL),
        deleted("Pod"),
        remade=("Pod",),
    ),
    Fault(
        "a Router names no StreamingService",
        (applied(ROUTER, services=[{"name": "nobody"}]),),
        ROUTER,
        conditions.RESOLVED_REFS,
        FALSE,
        conditions.SERVICE_NOT_FOUND,
        "no StreamingService of this namespace is called nobody",
    ),
    Fault(
        "no pod behind a Router serves",
        (),
        ROUTER,
        conditions.ENDPOINTS_AVAILABLE,
        FALSE,
        conditions.NO_READY_PODS,
        "no pod behind the address takes sessions",
    ),
    Fault(
        "the Secret with a Router's keys is missing, or what is in it is wrong",
        (
            applied(ROUTER, auth={"keysSecret": {"name": "viewers"}}),
            router_pods_say(
                **waits("CrashLoopBackOff", lastState=ended(2, NO_KEYS), name="router")
            ),
        ),
        ROUTER,
        conditions.DEGRADED,
        TRUE,
        conditions.CRASH_LOOPING,
        "keys.yaml: cannot be read",
    ),
    Fault(
        "a quota allows no pods of a Router",
        (deployment_says("ReplicaFailure", "exceeded quota: pods"),),
        ROUTER,
        conditions.DEGRADED,
        TRUE,
        conditions.POD_REFUSED,
        "exceeded quota",
    ),
    Fault(
        "nobody says on which device to warm up",
        (applied(MODEL, warmup={}),),
        MODEL,
        conditions.WARMED,
        UNKNOWN,
        conditions.WAITING_FOR_SERVICE,
        "set spec.warmup.resources",
        without=(SERVICE,),
    ),
)


WARM_UP: tuple[Fault, ...] = (
    _warmed(
        "the warm-up makes no video",
        FALSE,
        conditions.WARMUP_FAILED,
        "ModelUnavailable: no folder /models/x",
        job_pod_says(phase="Failed", containerStatuses=[container(ended(1, TRACEBACK))]),
        job_says("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"),
    ),
    _warmed(
        "the warm-up takes longer than `warmup.timeoutSeconds`",
        FALSE,
        conditions.WARMUP_FAILED,
        "active longer than specified deadline",
        job_says("Failed", "DeadlineExceeded", "Job was active longer than specified deadline"),
    ),
    _warmed(
        "the model does not fit into the warm-up's memory",
        FALSE,
        conditions.OUT_OF_MEMORY,
        "OOMKilled",
        job_pod_says(phase="Failed", containerStatuses=[container(OOM)]),
        job_says("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"),
    ),
    _warmed(
        "no node has a GPU for the warm-up",
        FALSE,
        conditions.UNSCHEDULABLE,
        "Insufficient nvidia.com/gpu",
        job_pod_says(**says("PodScheduled", FALSE, "Unschedulable", "Insufficient nvidia.com/gpu")),
    ),
    _warmed(
        "the warm-up's image cannot be pulled",
        FALSE,
        conditions.IMAGE_PULL_FAILED,
        "not found",
        job_pod_says(**waits("ErrImagePull", "registry/x:1: not found")),
    ),
    _warmed(
        "the Secret with the hub's token is missing",
        FALSE,
        conditions.POD_CONFIG_INVALID,
        'secret "hub" not found',
        job_pod_says(**waits("CreateContainerConfigError", 'secret "hub" not found')),
    ),
    _warmed(
        "somebody deletes the warm-up Job, and a finalizer of somebody else holds it",
        FALSE,
        conditions.FINALIZER_HOLDS,
        "is being deleted and held by the finalizer example.com/audit",
        held("Job"),
    ),
    _warmed(
        "admission refuses the warm-up's pods",
        FALSE,
        conditions.POD_REFUSED,
        "pods must carry a team",
        job_is_refused_pods("denied: pods must carry a team"),
    ),
    Fault(
        "admission refuses the pod that asks where the weights are",
        (
            applied(MODEL, source={"uri": "hf:org/name"}),
            job_is_refused_pods("denied: pods must carry a team"),
        ),
        MODEL,
        conditions.DOWNLOADED,
        FALSE,
        conditions.POD_REFUSED,
        "pods must carry a team",
        without=(MODEL,),
    ),
    _warmed(
        "no node has room for a pod of the service: the warm-up makes way",
        FALSE,
        conditions.WARMUP_YIELDS,
        "which come first",
        pods_say(**says("PodScheduled", FALSE, "Unschedulable", "Insufficient nvidia.com/gpu")),
    ),
    Fault(
        "a warm-up with `policy: Required` fails: no pod of a new revision is made",
        (
            pods_say(**READY),
            later(10),
            applied(MODEL, warmup=REQUIRED),
            job_says("Failed", "BackoffLimitExceeded", "Job has reached the backoff limit"),
            applied(SERVICE, sessions={"maxPerPod": 3}),
        ),
        SERVICE,
        conditions.DEGRADED,
        TRUE,
        conditions.WARMUP_FAILED,
        "VideoModel tiny: Job has reached the backoff limit",
        remade=("Pod",),
    ),
    Fault(
        "a warm-up with `policy: BestEffort` fails: services may use the model",
        (
            applied(MODEL, warmup={"resources": CPU, "policy": "BestEffort"}),
            job_says("Failed", "BackoffLimitExceeded", "Job has reached the backoff limit"),
        ),
        MODEL,
        conditions.READY,
        TRUE,
        conditions.AS_DESIRED,
    ),
)
