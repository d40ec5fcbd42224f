"""What runtime pods and warm-up Jobs share: Pod Security `restricted`, volumes, placing."""

from __future__ import annotations

from typing import Any

from matinee_api.contracts.fetch import FetchConfig
from matinee_api.kinds.compute import ComputeResources
from matinee_api.kinds.pod import PodTemplate
from matinee_api.kinds.scheduling import Scheduling
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.installation import Installation
from matinee_operator.resources.devices import fitting
from matinee_operator.resources.fetch_container import (
    FETCHING,
    fetch_container,
    secret_volumes,
)
from matinee_operator.resources.metadata import Manifest
from matinee_operator.resources.pod_template import said_of_pod
from matinee_operator.weights.available import Weights
from matinee_operator.weights.trees import WEIGHTS_FOLDER, to_fetch

CACHE_FOLDER = "/cache"
CACHES = ("HOME", "HF_HOME", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
NODE_LOST_S = 30
"""How long a pod stays bound to a node that does not answer; Kubernetes' own default is 300 s."""


def base_spec(template: PodTemplate, scheduling: Scheduling) -> Manifest:
    """A PodSpec without containers, volumes and devices."""
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "tolerations": [*_given(scheduling.tolerations), *_when_a_node_is_lost()],
        **said_of_pod(template),
    }
    if scheduling.node_selector:
        spec["nodeSelector"] = dict(scheduling.node_selector)
    if scheduling.affinity:
        spec["affinity"] = scheduling.affinity.model_dump(mode="json", exclude_none=True)
    if scheduling.priority_class_name:
        spec["priorityClassName"] = scheduling.priority_class_name
    if scheduling.runtime_class_name:
        spec["runtimeClassName"] = scheduling.runtime_class_name
    if scheduling.scheduler_name:
        spec["schedulerName"] = scheduling.scheduler_name
    return spec


def base_volumes(
    weights: Weights, resources: ComputeResources, template: PodTemplate
) -> list[Manifest]:
    shared_memory = fitting(resources, template.limits).shared_memory
    return [
        {"name": "tmp", "emptyDir": {}},
        {"name": "cache", "emptyDir": {}},
        {
            "name": "shared-memory",
            "emptyDir": {"medium": "Memory", "sizeLimit": shared_memory},
        },
        *_weights_volumes(weights, template),
    ]


def _weights_volumes(weights: Weights, template: PodTemplate) -> list[Manifest]:
    if weights.claim:
        source = {"claimName": weights.claim, "readOnly": True}
        return [{"name": "weights", "persistentVolumeClaim": source}]
    if weights.fetched:
        return [{"name": "weights", "emptyDir": {}}, *secret_volumes([weights.fetched], template)]
    return []


def base_mounts(weights: Weights) -> list[Manifest]:
    mounts: list[Manifest] = [
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
        {"name": "cache", "mountPath": CACHE_FOLDER},
        {"name": "shared-memory", "mountPath": "/dev/shm"},  # noqa: S108 - as above
    ]
    if weights.path:
        mounts.append({"name": "weights", "mountPath": WEIGHTS_FOLDER, "readOnly": True})
    return mounts


def init_containers(
    model: VideoModel, weights: Weights, template: PodTemplate, installation: Installation
) -> Manifest:
    """What runs before the pod's own container: the download of weights that are kept nowhere."""
    if weights.fetched is None:
        return {}
    tree = weights.fetched
    config = FetchConfig(trees=(to_fetch(tree),), family=model.spec.engine.family)
    mounts = [{"name": "weights", "mountPath": WEIGHTS_FOLDER}]
    made = fetch_container(config, [tree], template, installation, FETCHING, mounts)
    return {"initContainers": [made]}


def base_environment() -> list[Manifest]:
    """Caches go where the pod may write."""
    return [{"name": name, "value": CACHE_FOLDER} for name in CACHES]


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
