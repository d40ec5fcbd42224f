"""The Deployment of a router's pods. They keep nothing, so Kubernetes may replace them as it likes.

A pod that is deleted serves on until nobody is sent to it any more. Its viewers then hear that it
goes, and come back with their tokens through another one.
"""

from __future__ import annotations

from matinee_api.contracts.pod_http import ALIVE_PATH, PORT, READY_PATH
from matinee_api.kinds.environment import STORE_VARIABLE
from matinee_api.kinds.router import Router
from matinee_operator import labels
from matinee_operator.amounts import canonical
from matinee_operator.installation import Installation
from matinee_operator.objects import content_hash, pruned
from matinee_operator.resources.devices import Fitting, plain_resources, within
from matinee_operator.resources.metadata import Manifest, metadata, own_labels
from matinee_operator.resources.pod_security import CONTAINER_SECURITY
from matinee_operator.resources.pod_spec import base_spec
from matinee_operator.resources.pod_template import (
    environment_from,
    extra_volumes,
    pull_policy_of,
    said_of_container,
    secret_mode,
    with_metadata,
)
from matinee_operator.resources.router_config import FILE, KEYS_FOLDER, TLS_FOLDER
from matinee_operator.resources.router_rights import account_name
from matinee_operator.resources.router_service import router_name, router_selector
from matinee_operator.resources.runtime_config import TERMINATION_GRACE_S, TOKEN_FOLDER

CONTAINER = "router"
CONFIG_FOLDER = "/etc/matinee"
USUAL = Fitting(cpu="100m", memory="512Mi")
"""Some hundred sessions."""


def router_deployment(
    router: Router, installation: Installation, config: str, secret: str, replicas: int
) -> Manifest:
    """`config`: the text of its configuration; `secret`: the Secret with the control token."""
    made: Manifest = pruned(_deployment(router, installation, config, secret))
    made["spec"]["replicas"] = replicas
    return made


def _deployment(router: Router, installation: Installation, config: str, secret: str) -> Manifest:
    said = router.spec.pod
    meta = {
        "labels": own_labels(router, "router"),
        "annotations": {labels.CONFIG_HASH: content_hash(config)},
    }
    if router.spec.tls is not None:
        meta["annotations"][labels.SCHEME] = "https"
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": with_metadata(said, metadata(router, router_name(router), "router")),
        "spec": {
            "selector": {"matchLabels": router_selector(router)},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {
                "metadata": with_metadata(said, meta),
                "spec": _spec(router, installation, secret),
            },
        },
    }


def _spec(router: Router, installation: Installation, secret: str) -> Manifest:
    said = router.spec.pod
    return {
        "terminationGracePeriodSeconds": TERMINATION_GRACE_S,
        **base_spec(said, router.spec.scheduling),
        "automountServiceAccountToken": True,
        "serviceAccountName": account_name(router),
        "topologySpreadConstraints": _spreads(router),
        "containers": [_container(router, installation)],
        "volumes": [
            {"name": labels.CONFIG, "configMap": {"name": router_name(router)}},
            {"name": "control", "secret": {"secretName": secret, "defaultMode": secret_mode(said)}},
            {"name": "tmp", "emptyDir": {}},
            *_secret_volumes(router),
            *extra_volumes(said),
        ],
    }


def _spreads(router: Router) -> list[Manifest]:
    """Over nodes, unless the Router says how to spread."""
    selector = {"matchLabels": router_selector(router)}
    asked = router.spec.scheduling.topology_spread_constraints
    usual = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
    }
    said = [one.model_dump(mode="json") for one in asked] or [usual]
    return [{**spread, "labelSelector": selector} for spread in said]


def _secret_volumes(router: Router) -> list[Manifest]:
    """Optional, so that the program can say what is missing; without its keys or its certificate it
    does not serve."""
    usual = {"optional": True, "defaultMode": secret_mode(router.spec.pod)}
    made = []
    if (keys := router.spec.auth.keys_secret) is not None:
        items = [{"key": keys.key, "path": keys.key}]
        source = {"secretName": keys.name, "items": items, **usual}
        made.append({"name": "secret-keys", "secret": source})
    if (tls := router.spec.tls) is not None:
        items = [{"key": key, "path": key} for key in ("tls.crt", "tls.key")]
        source = {"secretName": tls.secret_ref.name, "items": items, **usual}
        made.append({"name": "secret-tls", "secret": source})
    return made


def _container(router: Router, installation: Installation) -> Manifest:
    said, store = router.spec.pod, router.spec.store
    mounts = [
        {"name": labels.CONFIG, "mountPath": CONFIG_FOLDER, "readOnly": True},
        {"name": "control", "mountPath": TOKEN_FOLDER, "readOnly": True},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
    ]
    if router.spec.auth.keys_secret is not None:
        mounts.append({"name": "secret-keys", "mountPath": KEYS_FOLDER, "readOnly": True})
    if router.spec.tls is not None:
        mounts.append({"name": "secret-tls", "mountPath": TLS_FOLDER, "readOnly": True})
    propagation_s = round(installation.propagation.total_seconds())
    container = {
        "name": CONTAINER,
        "image": said.image or installation.router_image,
        "imagePullPolicy": pull_policy_of(said, installation),
        "args": ["router-serve", "--config", f"{CONFIG_FOLDER}/{FILE}"],
        "env": environment_from({STORE_VARIABLE: store.url_secret}) if store else [],
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "resources": canonical(plain_resources(within(USUAL, said.limits), said.limits)),
        "securityContext": CONTAINER_SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(propagation_s)]}}},
        **_probes(router),
    }
    return said_of_container(said, container)


def _probes(router: Router) -> Manifest:
    """The kubelet checks no certificate."""
    tls = {"scheme": "HTTPS"} if router.spec.tls is not None else {}
    return {
        name: {"httpGet": {"path": path, "port": "http", **tls}, **times}
        for name, (path, times) in _PROBES.items()
    }


_PROBES: dict[str, tuple[str, Manifest]] = {
    "startupProbe": (ALIVE_PATH, {"periodSeconds": 1, "failureThreshold": 60}),
    "livenessProbe": (
        ALIVE_PATH,
        {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
    ),
    "readinessProbe": (
        READY_PATH,
        {"periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": 3},
    ),
}
