"""What runtime pods and warm-up Jobs share: Pod Security `restricted`, volumes, placing."""

from __future__ import annotations

from typing import Any

from matinee_api.compute import ComputeResources
from matinee_api.scheduling import Scheduling
from matinee_api.videomodel import VideoModel
from matinee_operator.resources.devices import fitting, pod_claims
from matinee_operator.resources.metadata import Manifest
from matinee_operator.resources.runtime_config import WEIGHTS_FOLDER, weights_claim

USER = 10001
CACHE_FOLDER = "/cache"
CACHES = ("HOME", "HF_HOME", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
NODE_LOST_S = 30
"""How long a pod stays bound to a node that does not answer; Kubernetes' own default is 300 s."""

CONTAINER_SECURITY: Manifest = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
POD_SECURITY: Manifest = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "fsGroup": USER,
    "fsGroupChangePolicy": "OnRootMismatch",
    "seccompProfile": {"type": "RuntimeDefault"},
}


def base_spec(resources: ComputeResources, scheduling: Scheduling) -> Manifest:
    """A PodSpec without containers and volumes."""
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": POD_SECURITY,
        "tolerations": [*_given(scheduling.tolerations), *_when_a_node_is_lost()],
    }
    if claims := pod_claims(resources):
        spec["resourceClaims"] = claims
    if scheduling.node_selector:
        spec["nodeSelector"] = dict(scheduling.node_selector)
    if scheduling.affinity:
        spec["affinity"] = scheduling.affinity.model_dump(mode="json", exclude_none=True)
    if scheduling.priority_class_name:
        spec["priorityClassName"] = scheduling.priority_class_name
    if scheduling.runtime_class_name:
        spec["runtimeClassName"] = scheduling.runtime_class_name
    return spec


def base_volumes(model: VideoModel, resources: ComputeResources) -> list[Manifest]:
    volumes: list[Manifest] = [
        {"name": "tmp", "emptyDir": {}},
        {"name": "cache", "emptyDir": {}},
        {
            "name": "shared-memory",
            "emptyDir": {"medium": "Memory", "sizeLimit": fitting(resources).shared_memory},
        },
    ]
    if claim := weights_claim(model):
        source = {"claimName": claim, "readOnly": True}
        volumes.append({"name": "weights", "persistentVolumeClaim": source})
    return volumes


def base_mounts(model: VideoModel) -> list[Manifest]:
    mounts: list[Manifest] = [
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
        {"name": "cache", "mountPath": CACHE_FOLDER},
        {"name": "shared-memory", "mountPath": "/dev/shm"},  # noqa: S108 - as above
    ]
    if weights_claim(model):
        mounts.append({"name": "weights", "mountPath": WEIGHTS_FOLDER, "readOnly": True})
    return mounts


def base_environment(model: VideoModel) -> list[Manifest]:
    """Caches go where the pod may write; a token of the hub comes from its Secret."""
    made: list[Manifest] = [{"name": name, "value": CACHE_FOLDER} for name in CACHES]
    token = model.spec.source.token_secret_ref
    if token and model.spec.source.scheme == "hf":
        reference = {"name": token.name, "key": token.key}
        made.append({"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": reference}})
    return made


def _given(models: Any) -> list[Manifest]:
    return [model.model_dump(mode="json", exclude_none=True) for model in models]


def _when_a_node_is_lost() -> list[Manifest]:
    return [
        {
            "key": f"node.kubernetes.io/{taint}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": NODE_LOST_S,
        }
        for taint in ("not-ready", "unreachable")
    ]
