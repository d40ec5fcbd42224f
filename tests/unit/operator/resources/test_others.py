"""Small builders, each compared as a whole; `metadata` alike for all is compared once."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from matinee_api.config.load import load_text
from matinee_api.config.runtime_config import ServeConfig
from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.installation import Monitors
from matinee_operator.resources.admin_secret import admin_secret
from matinee_operator.resources.disruption_budget import disruption_budget
from matinee_operator.resources.headless_service import headless_service, service_url
from matinee_operator.resources.metadata import Manifest, stamped
from matinee_operator.resources.network_policy import network_policy
from matinee_operator.resources.pod_monitor import pod_monitor
from matinee_operator.resources.router_service import router_service, router_url
from matinee_operator.resources.runtime_config import runtime_config
from tests.unit.operator.making import (
    INSTALLATION,
    TOKEN,
    claim_model,
    desired_pods,
    model,
    router,
    service,
    wanted_warmup,
)
from tests.unit.operator.weights.making import given

OWNER = """
    - apiVersion: matinee.video/v1alpha1
      kind: {kind}
      name: {name}
      uid: uid-of-{name}
      controller: true
"""
OF_THE_SERVICE = """
metadata:
  name: {name}
  namespace: demo
  labels:
    app.kubernetes.io/name: matinee
    app.kubernetes.io/component: runtime
    app.kubernetes.io/managed-by: matinee
    matinee.video/service: live
    matinee.video/model: tiny
  annotations: {{matinee.video/owner: uid-of-live}}
  ownerReferences:""" + OWNER.format(kind="StreamingService", name="live")

MANIFESTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "the headless Service": (
        headless_service(service()),
        "live",
        """
apiVersion: v1
kind: Service
spec:
  type: ClusterIP
  clusterIP: None
  ipFamilyPolicy: PreferDualStack
  selector: {matinee.video/service: live, matinee.video/accepting: "true"}
  ports:
    - {name: http, port: 8000, protocol: TCP, targetPort: http}
    - {name: control, port: 8001, protocol: TCP, targetPort: control}
""",
    ),
    "the disruption budget": (
        disruption_budget(service()),
        "live",
        """
apiVersion: policy/v1
kind: PodDisruptionBudget
spec:
  maxUnavailable: 0
  selector: {matchLabels: {matinee.video/service: live, matinee.video/busy: "true"}}
""",
    ),
    "the network policy": (
        network_policy(service(), INSTALLATION, []),
        "live",
        """
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
spec:
  podSelector: {matchLabels: {matinee.video/service: live}}
  policyTypes: [Ingress]
  ingress:
    - ports: [{port: http, protocol: TCP}]
    - ports: [{port: control, protocol: TCP}]
      from:
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: matinee-system}}
          podSelector: {matchLabels: {app.kubernetes.io/name: matinee-operator}}
        - podSelector:
            matchLabels:
              app.kubernetes.io/managed-by: matinee
              app.kubernetes.io/component: router
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}
""",
    ),
    "the pod monitor": (
        pod_monitor(service(), Monitors(interval="30s")),
        "live",
        """
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
spec:
  selector: {matchLabels: {matinee.video/service: live}}
  podTargetLabels: [matinee.video/service, matinee.video/model, matinee.video/revision]
  podMetricsEndpoints: [{port: control, path: /metrics, interval: 30s}]
""",
    ),
    "the Secret with the token": (
        admin_secret(service(), TOKEN),
        "live-admin-1aa8e844",
        f"""
apiVersion: v1
kind: Secret
immutable: true
type: Opaque
stringData: {{token: "{TOKEN}"}}
""",
    ),
}


@pytest.mark.parametrize("case", MANIFESTS)
def test_children_of_a_service(case: str) -> None:
    made, name, text = MANIFESTS[case]
    assert made == yaml.safe_load(text) | yaml.safe_load(OF_THE_SERVICE.format(name=name))


def config(wanted: StreamingService, asked: VideoModel | None = None) -> Manifest:
    return runtime_config(wanted, desired_pods(asked or model(), wanted).config)


def test_the_runtime_s_configuration_is_named_by_its_content() -> None:
    small, large = (config(service(sessions={"maxPerPod": count})) for count in (1, 4))
    assert small["metadata"]["name"] != large["metadata"]["name"]
    assert large["immutable"]
    assert yaml.safe_load(large["data"]["serve.yaml"]) == {
        "generator": {
            "model_path": "builtin:tiny",
            "model_id": "tiny",
            "family": "ltx",
            "engine": {"device": "cpu"},
        },
        "server": {
            "host": "::",
            "control_port": 8001,
            "control_token_file": "/etc/matinee-control/token",
            "open_metrics": True,
            "allowed_hosts": ["live", "live.demo", "*.demo.svc", "*.demo.svc.cluster.local"],
            "shutdown_grace_seconds": 5.0,
        },
        "streaming": {"max_sessions": 4},
    }


def test_the_names_of_services_and_routers_cannot_meet() -> None:
    names = (
        "a",
        "a-router",
        "a-router-pods",
        "a-router-pods-pods",
        "a-pods",
        "router",
        "a-routers",
    )
    services = [headless_service(service(name))["metadata"]["name"] for name in names]
    routers = [router_service(router(name))["metadata"]["name"] for name in names]
    assert len({*services, *routers}) == 2 * len(names)
    assert [new for new, name in zip(services, names, strict=True) if new != name] == [
        f"{name}-pods" for name in names[1:4]
    ]


def test_a_service_adds_names_and_origins_to_its_own() -> None:
    asked = service(access={"hosts": ["tv.example"], "origins": ["https://app.example"]})
    server = load_text(ServeConfig, config(asked)["data"]["serve.yaml"]).server
    assert server.allowed_hosts[-2:] == ("*.demo.svc.cluster.local", "tv.example")
    assert server.allowed_origins == ("https://app.example",)


def test_the_runtime_reads_what_is_written() -> None:
    text = config(service(store={"type": "File"}))["data"]["serve.yaml"]
    assert load_text(ServeConfig, text).streaming.state.directory == "/state"


def test_the_runtime_is_told_what_a_service_says_of_its_jobs() -> None:
    said = {
        "share": 10,
        "store": {"type": "Redis", "urlSecret": {"name": "jobs-store"}},
        "results": {"claimName": "videos"},
        "retention": {"ttlSeconds": 60},
        "quota": {"maxQueued": 3},
    }
    jobs = load_text(ServeConfig, config(service(jobs=said))["data"]["serve.yaml"]).jobs
    assert (jobs.store, jobs.directory, jobs.name) == ("redis", "/jobs", "demo.live")
    assert (jobs.share_percent, jobs.ttl_seconds, jobs.max_queued_per_key) == (10, 60.0, 3)
    assert "jobs" not in config(service())["data"]["serve.yaml"]
    said["results"] = {"uri": "s3://videos/made", "endpoint": "http://minio:9000"}
    jobs = load_text(ServeConfig, config(service(jobs=said))["data"]["serve.yaml"]).jobs
    assert (jobs.directory, jobs.results) == (None, "s3://videos/made")
    assert jobs.results_endpoint == "http://minio:9000"


def test_weights_on_a_claim_are_looked_for_where_they_are_mounted() -> None:
    text = config(service(), claim_model())["data"]["serve.yaml"]
    assert load_text(ServeConfig, text).generator.model_path == "/weights/ltx"


WARMUP = """
apiVersion: batch/v1
kind: Job
metadata:
  name: tiny-warmup-45debdc9
  namespace: demo
  labels: &labels
    app.kubernetes.io/name: matinee
    app.kubernetes.io/component: warmup
    app.kubernetes.io/managed-by: matinee
    matinee.video/model: tiny
  annotations: {{matinee.video/owner: uid-of-tiny}}
  ownerReferences:{owner}
spec:
  backoffLimit: 3
  activeDeadlineSeconds: 2400
  template:
    metadata: {{labels: *labels}}
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      enableServiceLinks: false
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        fsGroup: 10001
        fsGroupChangePolicy: OnRootMismatch
        seccompProfile: {{type: RuntimeDefault}}
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
        - name: warmup
          image: matinee/runtime:1
          imagePullPolicy: IfNotPresent
          command: [sh, -c, 'exec python3 -m matinee "$@" >/dev/termination-log', warmup]
          args:
            - generate
            - a red ball moving left on a blue background
            - --json
            - --output
            - /tmp/warmup.mp4
            - --generator.model_path=builtin:tiny
            - --generator.family=ltx
            - --generator.engine.device=cpu
            - --generator.engine.dtype=auto
            - --request.sampling.width=64
          env:
            - {{name: HOME, value: /cache}}
            - {{name: HF_HOME, value: /cache}}
            - {{name: XDG_CACHE_HOME, value: /cache}}
            - {{name: TORCHINDUCTOR_CACHE_DIR, value: /cache}}
            - {{name: TRITON_CACHE_DIR, value: /cache}}
          resources:
            requests: {{cpu: 500m, memory: 2Gi}}
            limits: {{memory: 2Gi}}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities: {{drop: [ALL]}}
          terminationMessagePolicy: FallbackToLogsOnError
          volumeMounts:
            - {{name: tmp, mountPath: /tmp}}
            - {{name: cache, mountPath: /cache}}
            - {{name: shared-memory, mountPath: /dev/shm}}
      volumes:
        - {{name: tmp, emptyDir: {{}}}}
        - {{name: cache, emptyDir: {{}}}}
        - {{name: shared-memory, emptyDir: {{medium: Memory, sizeLimit: 64Mi}}}}
"""


def test_the_warm_up_job() -> None:
    asked = model(generation={"width": 64}, warmup={"resources": {"gpu": {"count": 0}}})
    made = wanted_warmup(given(asked))
    owner = OWNER.format(kind="VideoModel", name="tiny")
    assert made == yaml.safe_load(WARMUP.format(owner=owner))


ROUTER = """
apiVersion: v1
kind: Service
metadata:
  name: front-router
  namespace: demo
  labels:
    app.kubernetes.io/name: matinee
    app.kubernetes.io/component: router
    app.kubernetes.io/managed-by: matinee
    matinee.video/router: front
  annotations: {{lb: "yes", matinee.video/owner: uid-of-front}}
  ownerReferences:{owner}
spec:
  type: NodePort
  selector: {{matinee.video/router: front, app.kubernetes.io/component: router}}
  ipFamilyPolicy: PreferDualStack
  ports: [{{name: http, port: 8080, protocol: TCP, targetPort: http, nodePort: 30080}}]
"""


def test_the_router_s_address() -> None:
    exposure = {"type": "NodePort", "port": 8080, "nodePort": 30080, "annotations": {"lb": "yes"}}
    made = router_service(router(service=exposure))
    assert made == yaml.safe_load(ROUTER.format(owner=OWNER.format(kind="Router", name="front")))


def test_a_load_balancer_is_asked_for_by_its_class_and_for_some_addresses() -> None:
    asked = {"loadBalancerClass": "internal", "loadBalancerSourceRanges": ["192.0.2.0/24"]}
    made = router_service(router(service={"type": "LoadBalancer", **asked}))
    assert {name: made["spec"][name] for name in asked} == asked
    assert not asked.keys() & router_service(router())["spec"].keys()


def test_the_router_s_url_leaves_out_the_usual_port() -> None:
    assert router_url(router()) == "ws://front-router.demo.svc/v1/stream"
    other = router_url(router(service={"port": 8080}))
    assert other == "ws://front-router.demo.svc:8080/v1/stream"


def test_a_service_s_own_url() -> None:
    assert service_url(service()) == "ws://live.demo.svc:8000/v1/stream"
    like_a_router_s = service("front-router")
    assert service_url(like_a_router_s) == "ws://front-router-pods.demo.svc:8000/v1/stream"


def test_a_stamp_changes_with_every_field() -> None:
    one, other = (stamped(headless_service(service(name))) for name in ("a", "b"))
    assert one["metadata"]["annotations"] != other["metadata"]["annotations"]
    assert one["spec"] == headless_service(service("a"))["spec"]
