"""Pods that do not serve: what the scheduler and the kubelet write into their status."""

from __future__ import annotations

from e2e.apiserver.faults.fault import FALSE, SERVICE, TRUE, Fault, degraded
from e2e.apiserver.faults.steps import (
    OOM,
    TRACEBACK,
    WORKERS_FAILED,
    applied,
    container,
    ended,
    failed,
    later,
    pods_say,
    says,
    waits,
)
from e2e.apiserver.scene import READY
from matinee_api.kinds import conditions


def _of_pods(what: str, reason: str, told: str, **status: object) -> Fault:
    return degraded(what, reason, told, pods_say(**status))


def _fails_twice(what: str, told: str, reason: str, message: str) -> Fault:
    step = pods_say(**failed(reason, message))
    return degraded(what, conditions.POD_FAILED, told, step, step)


PODS: tuple[Fault, ...] = (
    _of_pods(
        "no node has a free GPU",
        conditions.UNSCHEDULABLE,
        "Insufficient nvidia.com/gpu",
        **says("PodScheduled", FALSE, "Unschedulable", "0/2 nodes: Insufficient nvidia.com/gpu"),
    ),
    _of_pods(
        "the nodes have a taint that is not tolerated",
        conditions.UNSCHEDULABLE,
        "untolerated taint",
        **says("PodScheduled", FALSE, "Unschedulable", "2 node(s) had untolerated taint(s)"),
    ),
    _of_pods(
        "`nodeSelector` matches no node",
        conditions.UNSCHEDULABLE,
        "didn't match Pod's node affinity/selector",
        **says(
            "PodScheduled",
            FALSE,
            "Unschedulable",
            "2 node(s) didn't match Pod's node affinity/selector",
        ),
    ),
    _of_pods(
        "a claim that the pods mount does not exist",
        conditions.UNSCHEDULABLE,
        'persistentvolumeclaim "weights" not found',
        **says("PodScheduled", FALSE, "Unschedulable", 'persistentvolumeclaim "weights" not found'),
    ),
    _of_pods(
        "a ResourceClaim does not exist",
        conditions.UNSCHEDULABLE,
        'resourceclaim "gpu" not found',
        **says("PodScheduled", FALSE, "Unschedulable", 'resourceclaim "gpu" not found'),
    ),
    _of_pods(
        "the image does not exist",
        conditions.IMAGE_PULL_FAILED,
        "not found",
        **waits("ErrImagePull", "registry/x:1: not found"),
    ),
    _of_pods(
        "pulling the image is tried again",
        conditions.IMAGE_PULL_FAILED,
        "Back-off pulling",
        **waits("ImagePullBackOff", "Back-off pulling image"),
    ),
    _of_pods(
        "the image's name cannot be read",
        conditions.IMAGE_PULL_FAILED,
        "couldn't parse",
        **waits("InvalidImageName", "couldn't parse image name"),
    ),
    _of_pods(
        "`imagePullPolicy: Never`, and the node lacks the image",
        conditions.IMAGE_PULL_FAILED,
        "not present with pull policy of Never",
        **waits("ErrImageNeverPull", "image is not present with pull policy of Never"),
    ),
    _of_pods(
        "the registry does not answer",
        conditions.IMAGE_PULL_FAILED,
        "connection refused",
        **waits("RegistryUnavailable", "dial tcp: connection refused"),
    ),
    _of_pods(
        "the image's signature is not trusted",
        conditions.IMAGE_PULL_FAILED,
        "signature",
        **waits("SignatureValidationFailed", "signature validation failed"),
    ),
    _of_pods(
        "the node cannot read the image that it has",
        conditions.IMAGE_PULL_FAILED,
        "inspect",
        **waits("ImageInspectError", "failed to inspect image"),
    ),
    _of_pods(
        "a Secret that `pod.env` names is missing",
        conditions.POD_CONFIG_INVALID,
        'secret "keys" not found',
        **waits("CreateContainerConfigError", 'secret "keys" not found'),
    ),
    _of_pods(
        "the container cannot be made",
        conditions.POD_CONFIG_INVALID,
        "mkdir",
        **waits("CreateContainerError", "mkdir /x: read-only file system"),
    ),
    _of_pods(
        "the command does not exist",
        conditions.POD_CONFIG_INVALID,
        "no such file",
        **waits("RunContainerError", "exec: no such file or directory"),
    ),
    _of_pods(
        "the runtime ends again and again",
        conditions.CRASH_LOOPING,
        "restarted 3 times, exit code 1: ModelUnavailable: no folder /models/x",
        **waits("CrashLoopBackOff", lastState=ended(1, TRACEBACK), restartCount=3),
    ),
    _of_pods(
        "all workers of a pod have failed, so that the runtime ends to be started again",
        conditions.CRASH_LOOPING,
        "it failed 6 times within 10 minutes",
        **waits("CrashLoopBackOff", lastState=ended(1, WORKERS_FAILED), restartCount=1),
    ),
    _of_pods(
        "the liveness probe kills the runtime again and again",
        conditions.CRASH_LOOPING,
        "restarted 2 times, exit code 137",
        phase="Running",
        containerStatuses=[container(ended(137), restartCount=2)],
    ),
    _of_pods(
        "the runtime needs more memory than its limit",
        conditions.OUT_OF_MEMORY,
        "more memory than its limit",
        **waits("CrashLoopBackOff", lastState=OOM, restartCount=1),
    ),
    _of_pods(
        "the node does not answer",
        conditions.NODE_LOST,
        "does not answer",
        **says("DisruptionTarget", TRUE, "DeletionByTaintManager", "Taint manager: deleting"),
    ),
    _of_pods(
        "a pod of higher priority takes the place",
        conditions.POD_FAILED,
        "preempt",
        **says("DisruptionTarget", TRUE, "PreemptionByScheduler", "preempting to accommodate"),
    ),
    _of_pods(
        "the pods are evicted through the API",
        conditions.POD_FAILED,
        "Eviction API",
        **says("DisruptionTarget", TRUE, "EvictionByEvictionAPI", "Eviction API: evicting"),
    ),
    _fails_twice("a node evicts for lack of disk, twice", "low on", "Evicted", "low on storage"),
    _fails_twice(
        "a node shuts down, and so does the next",
        "node shutdown",
        "Terminated",
        "Pod was terminated in response to imminent node shutdown.",
    ),
    _fails_twice(
        "a GPU is sick: the device plugin has none to give, twice",
        "no healthy devices",
        "UnexpectedAdmissionError",
        "Allocate failed due to no healthy devices present",
    ),
    _fails_twice(
        "the node ran full between scheduling and start, twice",
        "Node didn't have enough resource",
        "OutOfmemory",
        "Node didn't have enough resource: memory",
    ),
    Fault(
        "a pod ends once: it is replaced at once",
        (pods_say(**failed("Evicted", "low on storage")),),
        SERVICE,
        conditions.READY,
        FALSE,
        conditions.PODS_STARTING,
        "0 of 1 pods serve",
        remade=("Pod",),
    ),
    Fault(
        "pods that served are not ready any more",
        (pods_say(**READY), later(10), pods_say(**says("Ready", FALSE, "ContainersNotReady"))),
        SERVICE,
        conditions.SERVABLE,
        FALSE,
        conditions.NO_READY_PODS,
    ),
    degraded(
        "a volume cannot be mounted: pods stay in `ContainerCreating`",
        conditions.PROGRESS_DEADLINE_EXCEEDED,
        "no progress for 600 s",
        applied(SERVICE, rollout={"progressDeadlineSeconds": 600}),
        pods_say(**waits("ContainerCreating")),
        later(700),
    ),
)
