"""What a Router becomes besides its Service."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import yaml

from matinee_api.config.load import load_text
from matinee_api.config.router_config import RouterConfig
from matinee_api.kinds.router import Router
from matinee_operator.desired import desired_router
from matinee_operator.installation import Monitors
from matinee_operator.observe.snapshot import RouterSnapshot
from matinee_operator.resources.router_service import router_url
from tests.unit.operator.making import INSTALLATION, METRICS_TOKEN, NOW, ROUTERS_TOKEN, router

EVERYTHING = dataclasses.replace(INSTALLATION, monitors=Monitors(interval="30s"), has_routes=True)


def made(wanted: Router, kind: str) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "installation": EVERYTHING,
        "tokens": (ROUTERS_TOKEN,),
        "metrics_token": METRICS_TOKEN,
        "services": {},
    }
    desired = desired_router(RouterSnapshot(now=NOW, router=wanted, **facts))
    (found,) = (one for one in (*desired.children, desired.secret) if one["kind"] == kind)
    return found


SPEC = """
replicas: 2
selector: {matchLabels: {matinee.video/router: front, app.kubernetes.io/component: router}}
strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
"""
POD = """
terminationGracePeriodSeconds: 30
automountServiceAccountToken: true
serviceAccountName: front-router
enableServiceLinks: false
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {matinee.video/router: front, app.kubernetes.io/component: router}
"""
CONTAINER = """
name: router
image: matinee/router:dev
args: [router-serve, --config, /etc/matinee/router.yaml]
resources:
  requests: {cpu: 100m, memory: 512Mi}
  limits: {memory: 512Mi}
lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
"""


def test_the_deployment() -> None:
    spec = made(router(), "Deployment")["spec"]
    assert yaml.safe_load(SPEC).items() <= spec.items()
    pod = spec["template"]["spec"]
    assert yaml.safe_load(POD).items() <= pod.items()
    (container,) = pod["containers"]
    assert yaml.safe_load(CONTAINER).items() <= container.items()
    assert {one["name"] for one in pod["volumes"]} == {"config", "control", "tmp"}
    secret = made(router(), "Secret")
    assert pod["volumes"][1]["secret"]["secretName"] == secret["metadata"]["name"]
    assert ROUTERS_TOKEN not in str(spec)


def test_it_may_find_its_backends_and_nothing_else() -> None:
    (rule,) = made(router(), "Role")["rules"]
    assert rule == {
        "apiGroups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["list", "watch"],
    }
    (subject,) = made(router(), "RoleBinding")["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "front-router", "namespace": "demo"}
    other = router(pod={"serviceAccountName": "cloud"})
    assert made(other, "RoleBinding")["subjects"][0]["name"] == "cloud"
    assert made(other, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "cloud"
    with pytest.raises(ValueError, match="not enough values"):
        made(other, "ServiceAccount")


def config(wanted: Router) -> dict[str, Any]:
    text = made(wanted, "ConfigMap")["data"]["router.yaml"]
    load_text(RouterConfig, text)
    settings: dict[str, Any] = yaml.safe_load(text)["router"]
    return settings


def test_the_configuration() -> None:
    wanted = router("front", "live", "a-router", strategy="Hash", failoverSeconds=0)
    assert config(wanted) == {
        "host": "::",
        "port": 8000,
        "kubernetes": {
            "services": [{"name": "live"}, {"name": "a-router-pods"}],
            "control_token_file": "/etc/matinee-control/token",
        },
        "strategy": "hash",
        "queue": {"no_backend_seconds": 300.0},
        "failover_seconds": 0.0,
        "control_token_file": "/etc/matinee-control/token",
        "metrics_token_file": "/etc/matinee-control/metrics",
        "allowed_hosts": [
            "front-router",
            "front-router.demo",
            "front-router.demo.svc",
            "front-router.demo.svc.cluster.local",
        ],
        "limits": {
            "connections": 8192,
            "connections_per_address": 0,
            "streams_per_second": 0,
        },
    }


def test_keys_come_from_a_secret_that_may_come_later() -> None:
    wanted = router(auth={"keysSecret": {"name": "viewers"}})
    assert config(wanted)["keys_file"] == "/etc/matinee-keys/keys.yaml"
    pod = made(wanted, "Deployment")["spec"]["template"]["spec"]
    (volume,) = (one for one in pod["volumes"] if one["name"] == "secret-keys")
    assert (volume["secret"]["secretName"], volume["secret"]["optional"]) == ("viewers", True)
    mounts = {one["name"]: one["mountPath"] for one in pod["containers"][0]["volumeMounts"]}
    assert mounts["secret-keys"] == "/etc/matinee-keys"


def test_the_address_of_the_store_comes_from_a_secret_that_has_to_be_there() -> None:
    shares = router(store={"urlSecret": {"name": "session-store", "key": "address"}})
    (container,) = made(shares, "Deployment")["spec"]["template"]["spec"]["containers"]
    source = {"secretKeyRef": {"name": "session-store", "key": "address"}}
    assert container["env"] == [{"name": "MATINEE_STORE_URL", "valueFrom": source}]
    (container,) = made(router(), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert "env" not in container


TLS = router(tls={"secretRef": {"name": "cert"}}, service={"port": 443})


def test_a_router_serves_tls_with_a_secret_that_may_come_later() -> None:
    folder = "/etc/matinee-tls"
    files = {"cert_file": f"{folder}/tls.crt", "key_file": f"{folder}/tls.key"}
    assert config(TLS)["tls"] == files
    template = made(TLS, "Deployment")["spec"]["template"]
    assert template["metadata"]["annotations"]["matinee.video/scheme"] == "https"
    (volume,) = (one for one in template["spec"]["volumes"] if one["name"] == "secret-tls")
    assert (volume["secret"]["secretName"], volume["secret"]["optional"]) == ("cert", True)
    (container,) = template["spec"]["containers"]
    assert {"name": "secret-tls", "mountPath": folder, "readOnly": True} in container[
        "volumeMounts"
    ]
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")]
    assert [one["scheme"] for one in probes] == ["HTTPS"] * 3
    assert router_url(TLS) == "wss://front-router.demo.svc/v1/stream"
    plain = made(router(), "Deployment")["spec"]["template"]
    assert "matinee.video/scheme" not in plain["metadata"]["annotations"]
    assert "scheme" not in plain["spec"]["containers"][0]["readinessProbe"]["httpGet"]


def test_prometheus_has_a_token_that_opens_the_metrics_alone() -> None:
    secret, monitor = made(TLS, "Secret"), made(TLS, "PodMonitor")
    assert secret["stringData"] == {"token": ROUTERS_TOKEN, "metrics": METRICS_TOKEN}
    assert monitor["spec"] == {
        "selector": {
            "matchLabels": {
                "matinee.video/router": "front",
                "app.kubernetes.io/component": "router",
            }
        },
        "podTargetLabels": ["matinee.video/router"],
        "podMetricsEndpoints": [
            {
                "port": "http",
                "path": "/metrics",
                "interval": "30s",
                "scheme": "https",
                "tlsConfig": {"insecureSkipVerify": True},
                "authorization": {
                    "credentials": {"name": secret["metadata"]["name"], "key": "metrics"}
                },
            }
        ],
    }
    assert "scheme" not in made(router(), "PodMonitor")["spec"]["podMetricsEndpoints"][0]


OUTSIDE = router(
    ingress={
        "host": "video.example.com",
        "className": "nginx",
        "tls": {"secretRef": {"name": "cert"}},
        "annotations": {"nginx.ingress.kubernetes.io/proxy-read-timeout": "3600"},
    },
    httpRoute={
        "parentRefs": [{"name": "public", "namespace": "gateways", "sectionName": "tls"}],
        "hostnames": ["video.example.com", "*.video.example.com"],
    },
)
INGRESS = """
ingressClassName: nginx
tls: [{hosts: [video.example.com], secretName: cert}]
rules:
  - host: video.example.com
    http:
      paths:
        - path: /
          pathType: Prefix
          backend: {service: {name: front-router, port: {name: http}}}
"""
ROUTE = """
parentRefs: [{name: public, namespace: gateways, sectionName: tls}]
hostnames: [video.example.com, "*.video.example.com"]
rules: [{backendRefs: [{name: front-router, port: 80}]}]
"""


def test_an_ingress_and_a_route_lead_to_its_address_and_it_answers_under_their_names() -> None:
    ingress = made(OUTSIDE, "Ingress")
    assert ingress["spec"] == yaml.safe_load(INGRESS)
    assert "nginx.ingress.kubernetes.io/proxy-read-timeout" in ingress["metadata"]["annotations"]
    assert made(OUTSIDE, "HTTPRoute")["spec"] == yaml.safe_load(ROUTE)
    assert config(OUTSIDE)["allowed_hosts"][4:] == ["video.example.com", "*.video.example.com"]


def test_the_least_of_both() -> None:
    least = router(
        ingress={"host": "a.example", "tls": {}},
        httpRoute={"parentRefs": [{"name": "public"}]},
        access={"hosts": ["b.example"]},
    )
    assert made(least, "Ingress")["spec"]["tls"] == [{"hosts": ["a.example"]}]
    assert "hostnames" not in made(least, "HTTPRoute")["spec"]
    assert config(least)["allowed_hosts"][4:] == ["a.example", "b.example"]


def test_another_configuration_replaces_the_pods_and_another_number_of_them_does_not() -> None:
    templates = [
        made(router(**spec), "Deployment")["spec"]["template"]
        for spec in ({}, {"replicas": 3}, {"strategy": "Hash"})
    ]
    assert templates[0] == templates[1] != templates[2]


def test_a_router_that_is_made_again_has_another_secret() -> None:
    again = router()
    again = again.model_copy(update={"metadata": again.metadata.model_copy(update={"uid": "new"})})
    names = {made(one, "Secret")["metadata"]["name"] for one in (router(), again)}
    assert len(names) == 2


def test_one_pod_at_a_time_may_be_evicted() -> None:
    assert made(router(), "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert made(router(), "NetworkPolicy")["spec"]["ingress"] == [
        {"ports": [{"port": "http", "protocol": "TCP"}]}
    ]
