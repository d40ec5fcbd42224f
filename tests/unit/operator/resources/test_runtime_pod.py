from __future__ import annotations

from typing import Any

import yaml

from matinee_api.config.load import load_text
from matinee_api.contracts.fetch import FetchConfig, FetchedTree
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.resources.runtime_pod import runtime_pod
from tests.unit.operator.making import INSTALLATION, claim_model, desired_pods, model, service
from tests.unit.operator.weights.making import COMMIT, FOLDER, HUB, downloaded_model, resolved_model

MADE = """
apiVersion: v1
kind: Pod
metadata:
  name: live-0a1b2c3d-1
  namespace: demo
  labels:
    app.kubernetes.io/name: matinee
    app.kubernetes.io/component: runtime
    app.kubernetes.io/managed-by: matinee
    matinee.video/service: live
    matinee.video/model: tiny
    matinee.video/revision: 0a1b2c3d
    matinee.video/slot: "1"
    matinee.video/accepting: "true"
  annotations:
    matinee.video/attempt: "0"
    matinee.video/owner: uid-of-live
  ownerReferences:
    - apiVersion: matinee.video/v1alpha1
      kind: StreamingService
      name: live
      uid: uid-of-live
      controller: true
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 30
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  tolerations:
    - key: node.kubernetes.io/not-ready
      operator: Exists
      effect: NoExecute
      tolerationSeconds: 30
    - key: node.kubernetes.io/unreachable
      operator: Exists
      effect: NoExecute
      tolerationSeconds: 30
  containers:
    - name: runtime
      image: matinee/runtime:1
      imagePullPolicy: IfNotPresent
      args: [serve, --config, /etc/matinee/serve.yaml]
      env:
        - {name: HOME, value: /cache}
        - {name: HF_HOME, value: /cache}
        - {name: XDG_CACHE_HOME, value: /cache}
        - {name: TORCHINDUCTOR_CACHE_DIR, value: /cache}
        - {name: TRITON_CACHE_DIR, value: /cache}
      ports: [{name: http, containerPort: 8000}, {name: control, containerPort: 8001}]
      resources:
        requests: {cpu: 500m, memory: 2Gi}
        limits: {memory: 2Gi}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      terminationMessagePolicy: FallbackToLogsOnError
      volumeMounts:
        - {name: config, mountPath: /etc/matinee, readOnly: true}
        - {name: control, mountPath: /etc/matinee-control, readOnly: true}
        - {name: state, mountPath: /state}
        - {name: tmp, mountPath: /tmp}
        - {name: cache, mountPath: /cache}
        - {name: shared-memory, mountPath: /dev/shm}
      startupProbe:
        httpGet: {path: /healthz, port: control}
        periodSeconds: 1
        failureThreshold: 600
      livenessProbe:
        httpGet: {path: /healthz, port: control}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: control}
        periodSeconds: 1
        timeoutSeconds: 2
        failureThreshold: 2
  volumes:
    - {name: config, configMap: {name: live-da5dcf19}}
    - {name: control, secret: {secretName: live-admin-1, defaultMode: 288}}
    - {name: state, emptyDir: {}}
    - {name: tmp, emptyDir: {}}
    - {name: cache, emptyDir: {}}
    - {name: shared-memory, emptyDir: {medium: Memory, sizeLimit: 64Mi}}
"""


def made(model_spec: dict[str, Any] | None = None, **spec: Any) -> Any:
    asked, wanted = model(**(model_spec or {})), service(**spec)
    pods = desired_pods(asked, wanted)
    return runtime_pod(
        asked,
        wanted,
        INSTALLATION,
        weights=pods.weights,
        config=pods.config.name,
        revision="0a1b2c3d",
        slot=1,
        attempt=0,
        secret="live-admin-1",  # noqa: S106 - a Secret's name
    )


def test_a_pod_of_the_bundled_model() -> None:
    assert made() == yaml.safe_load(MADE)


def test_a_pod_with_gpus_asks_for_them_and_for_more_of_everything() -> None:
    spec = made(resources={"gpu": {"count": 2}}, sessions={"maxPerPod": 2})["spec"]
    asked = {"cpu": "4", "memory": "32Gi", "nvidia.com/gpu": "2"}
    assert spec["containers"][0]["resources"] == {
        "requests": asked,
        "limits": {"memory": "32Gi", "nvidia.com/gpu": "2"},
    }


def test_claims_on_devices_are_the_pod_s_and_the_container_s() -> None:
    claim = {"name": "gpu", "resourceClaimTemplateName": "one-gpu"}
    spec = made(resources={"resourceClaims": [claim]})["spec"]
    assert spec["resourceClaims"] == [claim]
    assert spec["containers"][0]["resources"]["claims"] == [{"name": "gpu"}]


def test_what_a_service_adds_to_its_pods() -> None:
    manifest = made(
        pod={
            "image": "registry.example/own:2",
            "imagePullPolicy": "Always",
            "imagePullSecrets": [{"name": "pull"}],
            "labels": {"team": "video"},
            "annotations": {"note": "x"},
            "env": [{"name": "A", "value": "b"}],
            "volumes": [{"name": "extra", "secret": {"secretName": "s"}}],
            "volumeMounts": [{"name": "extra", "mountPath": "/extra", "readOnly": True}],
        },
        scheduling={
            "nodeSelector": {"disk": "fast"},
            "tolerations": [{"key": "gpu", "operator": "Exists"}],
            "topologySpreadConstraints": [{"topologyKey": "zone"}],
            "priorityClassName": "high",
            "runtimeClassName": "nvidia",
        },
    )
    labels, spec = manifest["metadata"]["labels"], manifest["spec"]
    container = spec["containers"][0]
    assert (labels["team"], labels["matinee.video/service"]) == ("video", "live")
    assert manifest["metadata"]["annotations"]["note"] == "x"
    assert (container["image"], container["imagePullPolicy"]) == (
        "registry.example/own:2",
        "Always",
    )
    assert container["env"][-1] == {"name": "A", "value": "b"}
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert spec["volumes"][-1] == {"name": "extra", "secret": {"secretName": "s"}}
    assert container["volumeMounts"][-1]["mountPath"] == "/extra"
    assert spec["nodeSelector"] == {"disk": "fast"}
    assert spec["tolerations"][0] == {"key": "gpu", "operator": "Exists"}
    assert spec["topologySpreadConstraints"] == [
        {
            "topologyKey": "zone",
            "maxSkew": 1,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"matinee.video/service": "live"}},
        }
    ]
    assert (spec["priorityClassName"], spec["runtimeClassName"]) == ("high", "nvidia")


def made_of(found: VideoModel, **spec: Any) -> Any:
    pods = desired_pods(found, service(**spec))
    return runtime_pod(
        found,
        service(**spec),
        INSTALLATION,
        weights=pods.weights,
        config=pods.config.name,
        revision="r",
        slot=0,
        attempt=0,
        secret="s",  # noqa: S106 - a name
    )["spec"]


def test_weights_on_a_claim_are_mounted_for_reading() -> None:
    spec = made_of(claim_model())
    claim = {"claimName": "weights", "readOnly": True}
    assert {"name": "weights", "persistentVolumeClaim": claim} in spec["volumes"]
    mount = {"name": "weights", "mountPath": "/weights", "readOnly": True}
    assert mount in spec["containers"][0]["volumeMounts"]
    assert "initContainers" not in spec


def test_fetched_weights_are_mounted_for_reading_and_nothing_of_their_source_is_known() -> None:
    source = HUB | {"tokenSecretRef": {"name": "hub"}}
    spec = made_of(downloaded_model(source=source).model)
    claim = {"claimName": "tiny-weights", "readOnly": True}
    assert {"name": "weights", "persistentVolumeClaim": claim} in spec["volumes"]
    assert "hub" not in str(spec)


def test_without_a_cache_the_pod_fetches_the_pinned_commit_before_it_starts() -> None:
    source = HUB | {"tokenSecretRef": {"name": "hub", "key": "k"}}
    spec = made_of(
        resolved_model(source=source, cache={"type": "None"}).model, pod={"image": "own:1"}
    )
    (fetch,) = spec["initContainers"]
    assert (fetch["image"], fetch["securityContext"]["readOnlyRootFilesystem"]) == ("own:1", True)
    config = load_text(FetchConfig, fetch["env"][0]["value"])
    assert config == FetchConfig(
        trees=(
            FetchedTree(
                name="model",
                kind="model",
                uri="hf://org/LTX-Video",
                revision=COMMIT,
                token_file="/etc/matinee/secrets/hub/k",  # noqa: S106 - a path
                folder=f"/weights/{FOLDER}",
            ),
        ),
        family="ltx",
    )
    assert fetch["volumeMounts"] == [
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
        {"name": "weights", "mountPath": "/weights"},
        {"name": "secret-0", "mountPath": "/etc/matinee/secrets/hub", "readOnly": True},
    ]
    secret = {
        "secretName": "hub",
        "items": [{"key": "k", "path": "k"}],
        "defaultMode": 0o440,
        "optional": True,
    }
    assert {"name": "secret-0", "secret": secret} in spec["volumes"]
    assert {"name": "weights", "emptyDir": {}} in spec["volumes"]
    (runtime,) = spec["containers"]
    assert "secret-0" not in str(runtime["volumeMounts"])


SHARED_JOBS = {
    "store": {"type": "Redis", "urlSecret": {"name": "jobs-store"}},
    "results": {"claimName": "videos"},
}


def test_pods_that_share_their_jobs_have_the_address_of_the_list_and_a_place_for_videos() -> None:
    spec = made(jobs=SHARED_JOBS)["spec"]
    (container,) = spec["containers"]
    secret = {"secretKeyRef": {"name": "jobs-store", "key": "url"}}
    assert {"name": "MATINEE_JOBS_URL", "valueFrom": secret} in container["env"]
    assert {"name": "jobs", "mountPath": "/jobs"} in container["volumeMounts"]
    claim = {"name": "jobs", "persistentVolumeClaim": {"claimName": "videos"}}
    assert claim in spec["volumes"]
