"""What is said about pods once is so for every pod that the operator makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from matinee_api.kinds import environment, volumes
from matinee_api.kinds.pod import OWN_LABELS, OWN_PREFIXES
from matinee_api.kinds.streamingservice import StreamingService
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.observe.snapshots import parsed
from matinee_operator.resources.fetch_job import attempted, download_job, resolve_job
from matinee_operator.resources.metadata import Manifest
from matinee_operator.resources.runtime_pod import runtime_pod
from matinee_operator.weights.trees import trees_of
from tests.unit.operator.making import (
    CPU,
    INSTALLATION,
    NOW,
    desired_pods,
    meta,
    model,
    revision,
    service,
    wanted_warmup,
)
from tests.unit.operator.weights.making import HUB, hub_model, resolved_model

DIGEST = f"registry.example/runtime@sha256:{'0' * 64}"
TOKEN = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "path": "token"}}
IDENTITY = {"name": "identity", "projected": {"sources": [TOKEN]}}
VAULT = {
    "name": "vault",
    "csi": {"driver": "secrets-store.csi.k8s.io", "volumeAttributes": {"class": "db"}},
}
MOUNT = {"name": "identity", "mountPath": "/var/run/identity", "readOnly": True}
NODE = {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
PROXY = {"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}
SAID: dict[str, Any] = {
    "image": DIGEST,
    "imagePullPolicy": "Always",
    "imagePullSecrets": [{"name": "pull"}],
    "serviceAccountName": "downloader",
    "labels": {"team": "video"},
    "annotations": {"note": "x" * 5000},
    "env": [PROXY, NODE],
    "envFrom": [{"secretRef": {"name": "aws", "optional": True}}],
    "volumes": [IDENTITY, VAULT],
    "volumeMounts": [MOUNT],
    "caBundle": {"configMapKeyRef": {"name": "company-ca", "key": "bundle.pem"}},
    "limits": {"cpu": 2, "memory": "8Gi"},
    "securityContext": {"runAsUser": 4000, "fsGroup": 5000},
    "terminationGracePeriodSeconds": 90,
}
PLACED = {"schedulerName": "gpu-scheduler"}
SOURCE = HUB | {"tokenSecretRef": {"name": "hub"}}


def a_pod(pod: Any, **spec: Any) -> Manifest:
    asked = resolved_model(cache={"type": "None"}).model
    wanted = service(pod=pod, **spec)
    return runtime_pod(
        asked,
        wanted,
        INSTALLATION,
        weights=desired_pods(asked, wanted).weights,
        config="c",
        revision="r",
        slot=0,
        attempt=0,
        secret="s",  # noqa: S106 - a name
    )


def a_resolve_job(pod: Any, **spec: Any) -> Manifest:
    asked = hub_model(source=SOURCE, pod=pod, **spec)
    return attempted(resolve_job(asked, trees_of(asked), INSTALLATION), 0)


def a_download_job(pod: Any, **spec: Any) -> Manifest:
    asked = resolved_model(source=SOURCE, pod=pod, **spec).model
    facts = ["uid", 1]
    return attempted(download_job(asked, trees_of(asked), INSTALLATION, "tiny-weights", facts), 0)


def a_warmup_job(pod: Any, **spec: Any) -> Manifest:
    asked = model(pod=pod, **{"warmup": {"resources": CPU}, **spec})
    return wanted_warmup(ModelSnapshot(now=NOW, model=asked, installation=INSTALLATION))


MADE: dict[str, Callable[..., Manifest]] = {
    "a runtime pod that fetches first": a_pod,
    "a Job that resolves": a_resolve_job,
    "a Job that downloads": a_download_job,
    "a warm-up Job": a_warmup_job,
}
each = pytest.mark.parametrize("make", MADE.values(), ids=MADE)


def pod_of(made: Manifest) -> Any:
    return made["spec"]["template"] if made["kind"] == "Job" else made


def containers_of(made: Manifest) -> list[Any]:
    spec = pod_of(made)["spec"]
    return [*spec.get("initContainers", []), *spec["containers"]]


@each
def test_the_metadata_of_jobs_and_pods(make: Callable[..., Manifest]) -> None:
    made = make(SAID, scheduling=PLACED)
    for one in (made, pod_of(made)):
        assert one["metadata"]["labels"]["team"] == "video"
        assert one["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "matinee"
        assert one["metadata"]["annotations"]["note"] == "x" * 5000


@each
def test_the_pods_themselves(make: Callable[..., Manifest]) -> None:
    spec = pod_of(make(SAID, scheduling=PLACED))["spec"]
    assert spec["serviceAccountName"] == "downloader"
    assert spec["automountServiceAccountToken"] is False
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert spec["terminationGracePeriodSeconds"] == 90
    assert spec["schedulerName"] == "gpu-scheduler"
    ids = {"runAsUser": 4000, "runAsGroup": 10001, "fsGroup": 5000, "runAsNonRoot": True}
    assert ids.items() <= spec["securityContext"].items()
    found = {volume["name"]: volume for volume in spec["volumes"]}
    (projected,) = found["identity"]["projected"]["sources"]
    assert projected["serviceAccountToken"]["audience"] == "sts.amazonaws.com"
    assert found["vault"]["csi"]["volumeAttributes"] == {"class": "db"}
    assert found["ca-bundle"]["configMap"] == {
        "name": "company-ca",
        "items": [{"key": "bundle.pem", "path": "ca.crt"}],
        "optional": True,
    }


@each
def test_every_container_of_them(make: Callable[..., Manifest]) -> None:
    for container in containers_of(make(SAID)):
        assert (container["image"], container["imagePullPolicy"]) == (DIGEST, "Always")
        trusted = {"name": "SSL_CERT_FILE", "value": "/etc/matinee-ca/ca.crt"}
        assert container["env"][-3:] == [trusted, PROXY, NODE]
        assert container["envFrom"] == [{"secretRef": {"name": "aws", "optional": True}}]
        bundle = {"name": "ca-bundle", "mountPath": "/etc/matinee-ca", "readOnly": True}
        assert container["volumeMounts"][-2:] == [bundle, MOUNT]
        limits = container["resources"]["limits"]
        assert (limits["cpu"], limits["memory"]) == ("2", "8Gi")


@each
def test_what_is_asked_for_stays_within_small_limits(make: Callable[..., Manifest]) -> None:
    for container in containers_of(make({"limits": {"cpu": "50m", "memory": "256Mi"}})):
        assert container["resources"]["requests"] == {"cpu": "50m", "memory": "256Mi"}
    for container in containers_of(make({})):
        assert "cpu" not in container["resources"]["limits"]


@each
def test_ids_may_be_left_to_the_cluster(make: Callable[..., Manifest]) -> None:
    spec = pod_of(make({"securityContext": {"ids": "Cluster"}}))["spec"]
    security, secrets = spec["securityContext"], str(spec["volumes"])
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(security)
    assert security["runAsNonRoot"] is True
    assert f"'defaultMode': {0o440}" not in secrets  # nobody knows whose group that would be


def test_a_person_s_own_amounts_are_not_changed() -> None:
    resources = {**CPU, "cpu": 0.5, "memory": "4Gi"}
    runtime = containers_of(a_pod({"limits": {"memory": "2Gi"}}, resources=resources))[-1]
    assert runtime["resources"]["requests"] == {"cpu": "0.5", "memory": "4Gi"}


@each
def test_names_that_are_the_operator_s_are_refused_to_others(make: Callable[..., Manifest]) -> None:
    made = make({})
    spec = pod_of(made)["spec"]
    own = {name for one in containers_of(made) for name in (entry["name"] for entry in one["env"])}
    assert own <= set(environment.OWN_VARIABLES)
    named = {volume["name"] for volume in spec["volumes"]}
    assert {name for name in named if not name.startswith("secret-")} <= set(volumes.OWN_VOLUMES)
    marks = {*pod_of(made)["metadata"]["labels"], *pod_of(made)["metadata"].get("annotations", {})}
    assert all(name in OWN_LABELS or name.startswith(OWN_PREFIXES) for name in marks)


KNOWN_OF_PODS: dict[str, Any] = {
    "image": DIGEST,
    "imagePullPolicy": "Always",
    "imagePullSecrets": [{"name": "pull"}],
    "labels": {"team": "video", "app.kubernetes.io/name": "stored before that was refused"},
    "annotations": {"note": "x"},
    "env": [
        {"name": "HOME", "value": "/stored"},
        {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
    ],
    "volumes": [
        {"name": "extra", "secret": {"secretName": "s"}},
        {"name": "more", "configMap": {"name": "c"}},
        {"name": "scratch", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "disk", "persistentVolumeClaim": {"claimName": "d"}},
    ],
    "volumeMounts": [{"name": "extra", "mountPath": "/extra", "readOnly": True}],
}
LONG_KNOWN: dict[str, Any] = {
    "modelRef": {"name": "tiny"},
    "pod": KNOWN_OF_PODS,
    "scheduling": {
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "topologySpreadConstraints": [{"topologyKey": "zone"}],
        "priorityClassName": "high",
        "runtimeClassName": "nvidia",
    },
    "resources": {"gpu": {"count": 2}, "cpu": 4, "memory": "16Gi", "sharedMemory": "1Gi"},
    "sessions": {"maxPerPod": 2},
}


def test_an_update_of_the_operator_makes_no_pod_and_no_job_anew() -> None:
    """Names from before there was so much to say about pods: another one would replace every pod of
    every user, or run every Job again."""
    placed = {"scheduling": {"nodeSelector": {"disk": "fast"}}}
    warm = {"warmup": {"resources": {**CPU, "memory": "3Gi"}}}
    jobs = (a_resolve_job({}, **placed), a_download_job({}, **placed), a_warmup_job({}, **warm))
    assert [job["metadata"]["name"] for job in jobs] == [
        "tiny-resolve-e812600e-0",
        "tiny-download-ca6149f3-0",  # serves its progress on IPv6 too
        "tiny-warmup-9bc51c16",
    ]
    stored = parsed({"kind": "StreamingService", "metadata": meta("live"), "spec": LONG_KNOWN})
    assert isinstance(stored, StreamingService)
    assert revision(model(), stored, INSTALLATION) == "bcfc3489"
