"""One runtime pod: a bare Pod of one slot of a StreamingService.

Its name is `<service>-<revision>-<slot>`, so that creating it twice makes one pod.
"""

from __future__ import annotations

from matinee_api.contracts.pod_http import ALIVE_PATH, CONTROL_PORT, PORT, READY_PATH
from matinee_api.kinds.environment import JOBS_VARIABLE, STORE_VARIABLE
from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator import labels
from matinee_operator.installation import Installation
from matinee_operator.observe.pods import ObservedPod
from matinee_operator.resources.devices import container_resources, pod_claims
from matinee_operator.resources.metadata import Manifest, metadata
from matinee_operator.resources.pod_security import CONTAINER_SECURITY
from matinee_operator.resources.pod_spec import (
    base_environment,
    base_mounts,
    base_spec,
    base_volumes,
    init_containers,
)
from matinee_operator.resources.pod_template import (
    environment_from,
    extra_volumes,
    image_of,
    pull_policy_of,
    said_of_container,
    secret_mode,
    with_metadata,
)
from matinee_operator.resources.runtime_config import (
    FILE,
    JOBS_FOLDER,
    STATE_FOLDER,
    TERMINATION_GRACE_S,
    TOKEN_FOLDER,
)
from matinee_operator.weights.available import Weights

CONFIG_FOLDER = "/etc/matinee"
CONTAINER = "runtime"


def pod_name(service: StreamingService, revision: str, slot: int) -> str:
    return f"{service.metadata.name}-{revision}-{slot}"


def runtime_pod(
    model: VideoModel,
    service: StreamingService,
    installation: Installation,
    *,
    weights: Weights,
    config: str,
    revision: str,
    slot: int,
    attempt: int,
    secret: str,
) -> Manifest:
    """`config`: the ConfigMap with its configuration; `secret`: the Secret with the control
    tokens."""
    own = {labels.REVISION: revision, labels.SLOT: str(slot), labels.ACCEPTING: "true"}
    meta = metadata(service, pod_name(service, revision, slot), "runtime", own)
    meta["annotations"][labels.ATTEMPT] = str(attempt)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": with_metadata(service.spec.pod, meta),
        "spec": _spec(model, service, installation, weights, config, secret),
    }


def pod_marks(service: StreamingService, pod: ObservedPod, *, current: bool) -> Manifest:
    """Metadata that a pod keeps as long as it lives. One that is not of the current revision may
    serve a former model."""
    own = {labels.REVISION: pod.revision, labels.SLOT: str(pod.slot)}
    meta = metadata(service, pod.name, "runtime", own)
    if not current:
        del meta["labels"][labels.MODEL]
    return {"kind": "Pod", "metadata": meta}


def _spec(
    model: VideoModel,
    service: StreamingService,
    installation: Installation,
    weights: Weights,
    config: str,
    secret: str,
) -> Manifest:
    said, resources = service.spec.pod, service.spec.resources
    spec = {
        "terminationGracePeriodSeconds": TERMINATION_GRACE_S,
        **base_spec(said, service.spec.scheduling),
        **pod_claims(resources),
        **init_containers(model, weights, said, installation),
    }
    spec["containers"] = [_container(model, service, installation, weights)]
    spec["volumes"] = [
        {"name": labels.CONFIG, "configMap": {"name": config}},
        {"name": "control", "secret": {"secretName": secret, "defaultMode": secret_mode(said)}},
        {"name": "state", "emptyDir": {}},
        *_results_volumes(service),
        *base_volumes(weights, resources, said),
        *extra_volumes(said),
    ]
    if spreads := service.spec.scheduling.topology_spread_constraints:
        selector = {"matchLabels": {labels.SERVICE: service.metadata.name}}
        spec["topologySpreadConstraints"] = [
            {**spread.model_dump(mode="json"), "labelSelector": selector} for spread in spreads
        ]
    return spec


def _container(
    model: VideoModel,
    service: StreamingService,
    installation: Installation,
    weights: Weights,
) -> Manifest:
    said = service.spec.pod
    container = {
        "name": CONTAINER,
        "image": image_of(said, installation),
        "imagePullPolicy": pull_policy_of(said, installation),
        "args": ["serve", "--config", f"{CONFIG_FOLDER}/{FILE}"],
        "env": [*base_environment(), *_urls(service)],
        "ports": [
            {"name": "http", "containerPort": PORT},
            {"name": labels.CONTROL, "containerPort": CONTROL_PORT},
        ],
        "resources": container_resources(service.spec.resources, said.limits),
        "securityContext": CONTAINER_SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": labels.CONFIG, "mountPath": CONFIG_FOLDER, "readOnly": True},
            {"name": "control", "mountPath": TOKEN_FOLDER, "readOnly": True},
            {"name": "state", "mountPath": STATE_FOLDER},
            *_results_mounts(service),
            *base_mounts(weights),
        ],
        **_probes(model.spec.warmup.timeout_seconds),
    }
    return said_of_container(said, container)


def _urls(service: StreamingService) -> list[Manifest]:
    spec = service.spec
    secrets = {STORE_VARIABLE: spec.store.url_secret, JOBS_VARIABLE: spec.jobs.store.url_secret}
    return environment_from(secrets)


def _results_volumes(service: StreamingService) -> list[Manifest]:
    results = service.spec.jobs.results
    if results is None or results.claim_name is None:
        return []
    return [{"name": "jobs", "persistentVolumeClaim": {"claimName": results.claim_name}}]


def _results_mounts(service: StreamingService) -> list[Manifest]:
    return [{"name": one["name"], "mountPath": JOBS_FOLDER} for one in _results_volumes(service)]


def _probes(load_timeout_s: int) -> Manifest:
    """`/healthz` answers from the start; `/readyz` only after a real generation. The model may
    take its time to load: that is no reason for a restart, and the runtime has its own limit. The
    kubelet asks where viewers cannot be in its way."""
    return {
        "startupProbe": {
            "httpGet": {"path": ALIVE_PATH, "port": labels.CONTROL},
            "periodSeconds": 1,
            "failureThreshold": min(load_timeout_s, 600),
        },
        "livenessProbe": {
            "httpGet": {"path": ALIVE_PATH, "port": labels.CONTROL},
            "periodSeconds": 10,
            "timeoutSeconds": 5,
            "failureThreshold": 6,
        },
        "readinessProbe": {
            "httpGet": {"path": READY_PATH, "port": labels.CONTROL},
            "periodSeconds": 1,
            "timeoutSeconds": 2,
            "failureThreshold": 2,
        },
    }
