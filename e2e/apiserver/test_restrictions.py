"""The chart's restrictions on a real API server: what the operator may make, whoever asks."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from e2e.apiserver.control_plane import ControlPlane, kubeconfig_for
from e2e.apiserver.scene import NAME, SPECS, apply, apply_all
from e2e.apiserver.story import Life, MortalKube
from matinee_operator.clients.kube import PATHS, Kube, connected
from matinee_operator.errors import Refused
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key
from tests.charts.rendering import needs_helm, rendered
from tests.unit.operator.making import INSTALLATION

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
PLURALS = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
}
RBAC = "rbac.authorization.k8s.io"
DEFAULT, ROUTER = INSTALLATION.runtime_image, INSTALLATION.router_image
VALUES = (
    *("--set", "restrictions.enabled=true"),
    *("--set-string", f"runtime.image.tag={DEFAULT.partition(':')[2]}"),
    *("--set-string", f"router.image.tag={ROUTER.partition(':')[2]}"),
    *("--set", "restrictions.images={r.example/ok,r.example/team/,r.example}"),
    *("--set", "restrictions.secrets={hub},restrictions.priorityClasses={low}"),
    *("--set", "restrictions.serviceAccounts={bucket}"),
)
DIGEST = f"sha256:{'a' * 64}"

pytestmark = needs_helm


@pytest.fixture
async def operator(
    api_server: ControlPlane, kube: Kube, namespace: str, tmp_path: Path
) -> AsyncIterator[Kube]:
    """The API server for the operator's ServiceAccount, which may do everything; the restrictions
    are in force."""
    name = f"m-{namespace}"  # what belongs to no namespace must differ for each test
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    await kube.request("POST", accounts, {}, {"metadata": {"name": name}})
    await _may_do_everything(kube, namespace, name)
    values = (*VALUES, "--set", f"fullnameOverride={name}", "-s", "templates/restrictions.yaml")
    for one in rendered(*values, namespace=namespace):
        await kube.request("POST", f"{ADMISSION}/{PLURALS[one['kind']]}", {}, one)
    token = await kube.request("POST", f"{accounts}/{name}/token", {}, {"spec": {}})
    config = kubeconfig_for(api_server, tmp_path, token["status"]["token"])
    async with connected(Metrics(), str(config)) as found:
        await _until_in_force(found, namespace)
        yield found


async def _may_do_everything(kube: Kube, namespace: str, account: str) -> None:
    subject = {"kind": "ServiceAccount", "name": account, "namespace": namespace}
    role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"}
    binding = {"metadata": {"name": account}, "roleRef": role, "subjects": [subject]}
    await kube.request("POST", f"/apis/{RBAC}/v1/clusterrolebindings", {}, binding)


async def _until_in_force(operator: Kube, namespace: str) -> None:
    for _ in range(10_000):  # of requests: each takes milliseconds
        if await refusal(operator, namespace, pod(image="r.example/other:1")):
            return
    raise AssertionError("nothing is refused")


def pod(**changes: Any) -> dict[str, Any]:
    container = {"name": "runtime", "image": changes.pop("image", DEFAULT)}
    container |= {key: changes.pop(key) for key in ("env", "envFrom") if key in changes}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [container], "restartPolicy": "Never", **changes},
    }


def job(of: dict[str, Any]) -> dict[str, Any]:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": of["spec"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"template": template},
    }


def deployment(of: dict[str, Any]) -> dict[str, Any]:
    made = job(of)
    spec = {**made["spec"], "selector": {"matchLabels": {"a": "b"}}}
    spec["template"]["spec"] = {**of["spec"], "restartPolicy": "Always"}
    meta = {"name": "front-router"}
    return {**made, "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def service(kind: str) -> dict[str, Any]:
    spec = {"type": kind, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}


INGRESS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "i"},
    "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}},
}


async def refusal(kube: Kube, namespace: str, manifest: dict[str, Any]) -> str:
    """What the API server would say; empty: it would be made."""
    prefix, plural = PATHS[manifest["kind"]]
    path = f"/{prefix}/namespaces/{namespace}/{plural}"
    try:
        await kube.request("POST", path, {"dryRun": "All"}, copy.deepcopy(manifest))
    except Refused as refused:
        return refused.message
    return ""


def secret_env(name: str) -> list[dict[str, Any]]:
    return [{"name": "A", "valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}}]


def volumes(source: dict[str, Any], name: str = "v") -> list[dict[str, Any]]:
    return [{"name": name, **source}]


def files(name: str) -> dict[str, Any]:
    return {"secret": {"secretName": name}}


def projected(name: str) -> dict[str, Any]:
    return {"projected": {"sources": [{"secret": {"name": name}}]}}


def csi(name: str) -> dict[str, Any]:
    return {"csi": {"driver": "d.example", "nodePublishSecretRef": {"name": name}}}


CASES: dict[str, tuple[dict[str, Any], str]] = {
    "the default image": (pod(), ""),
    "an image that is listed, with any tag": (pod(image="r.example/ok:2"), ""),
    "and by digest": (pod(image=f"r.example/ok@{DIGEST}"), ""),
    "an image below a folder that is listed": (pod(image="r.example/team/x/y:1"), ""),
    "another image": (pod(image="evil:1"), "the image evil:1 is not one of"),
    "one whose name begins alike": (pod(image="r.example/okay:1"), "r.example/okay:1 is not"),
    "a port is no tag": (pod(image="r.example:5000/evil"), "r.example:5000/evil is not"),
    "an image of an init container": (
        pod(initContainers=[{"name": "i", "image": "evil:2"}]),
        "the image evil:2 is not one of",
    ),
    "an image of a Job": (job(pod(image="evil:1")), "the image evil:1 is not one of"),
    "a Secret that is listed": (
        pod(
            env=secret_env("hub"),
            volumes=[*volumes(files("hub")), *volumes(projected("hub"), "p")],
            imagePullSecrets=[{"name": "hub"}],
        ),
        "",
    ),
    "another one in the environment": (pod(env=secret_env("db")), "env: a Secret that is not"),
    "all of another one": (pod(envFrom=[{"secretRef": {"name": "db"}}]), "envFrom: a Secret"),
    "another one as files": (pod(volumes=volumes(files("db"))), "volumes, tokens: a Secret"),
    "among others": (pod(volumes=volumes(projected("db"))), "volumes, tokens: a Secret"),
    "for a driver": (pod(volumes=volumes(csi("db"))), "volumes, tokens: a Secret"),
    "for pulling": (pod(imagePullSecrets=[{"name": "db"}]), "imagePullSecrets: a Secret"),
    "of a Job": (job(pod(volumes=volumes(files("db"), "control"))), "volumes, tokens: a Secret"),
    "a runtime pod's own token": (pod(volumes=volumes(files("live-admin-1"), "control")), ""),
    "a Router's own token and account": (
        deployment(
            pod(
                image=ROUTER,
                volumes=volumes(files("front-router-admin-1"), "control"),
                serviceAccountName="front-router",
            )
        ),
        "",
    ),
    "another image of a Router": (deployment(pod(image="evil:1")), "the image evil:1 is not one"),
    "another account of a Router": (
        deployment(pod(serviceAccountName="root")),
        "the ServiceAccount root is not one of",
    ),
    "keys of a Router": (
        deployment(pod(volumes=volumes(files("db")))),
        "volumes, tokens: a Secret",
    ),
    "a ServiceAccount that is listed": (job(pod(serviceAccountName="bucket")), ""),
    "another one": (pod(serviceAccountName="root"), "the ServiceAccount root is not one of"),
    "a PriorityClass of a Job": (job(pod(priorityClassName="low")), ""),
    "another PriorityClass": (
        job(pod(priorityClassName="high")),
        "the PriorityClass high is not one of",
    ),
    "the taint of GPU nodes": (
        pod(tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists"}]),
        "",
    ),
    "every taint": (pod(tolerations=[{"operator": "Exists"}]), "a taint is tolerated"),
    "another taint": (
        pod(tolerations=[{"key": "x", "operator": "Exists"}]),
        "a taint is tolerated",
    ),
    "an address inside": (service("ClusterIP"), ""),
    "an address outside": (INGRESS, "the kind Ingress is not one of"),
    "a port of the nodes": (service("NodePort"), "the type NodePort is not one of"),
}


async def test_what_is_not_listed_is_refused(kube: Kube, operator: Kube, namespace: str) -> None:
    told = {case: await refusal(operator, namespace, made) for case, (made, _) in CASES.items()}
    wrong = {
        case: told[case]
        for case, (_, expected) in CASES.items()
        if (expected not in told[case]) or (not expected and told[case])
    }
    assert wrong == {}
    assert await refusal(kube, namespace, pod(image="evil:1")) == ""  # of somebody else


async def test_the_service_that_asked_is_told_and_heals(
    operator: Kube, session: aiohttp.ClientSession, kube: Kube, namespace: str
) -> None:
    life = Life(MortalKube(operator), session, namespace)
    await apply_all(kube, namespace, replicas=1, pod={"image": "evil:1"})
    with pytest.raises(Refused):
        await life.settle()
    told = await degraded(kube, namespace, "StreamingService")
    assert (told["status"], told["reason"]) == ("True", "PodRefused")
    assert "the image evil:1 is not one of" in told["message"]
    assert await kube.list("Pod", namespace) == []
    await apply_all(kube, namespace, replicas=1)
    await life.settle()
    assert len(await kube.list("Pod", namespace)) == 1
    assert (await degraded(kube, namespace, "StreamingService"))["status"] == "False"
    await life.close()


async def test_the_router_that_asked_is_told(
    operator: Kube, session: aiohttp.ClientSession, kube: Kube, namespace: str
) -> None:
    life = Life(MortalKube(operator), session, namespace)
    router = SPECS["Router"] | {"service": {"type": "NodePort"}}
    await apply(kube, namespace, "Router", router)
    with pytest.raises(Refused):
        await life.settle()
    told = await degraded(kube, namespace, "Router")
    assert (told["status"], told["reason"]) == ("True", "InvalidSpec")
    assert "the type NodePort is not one of" in told["message"]
    await life.close()


async def degraded(kube: Kube, namespace: str, kind: str) -> dict[str, Any]:
    found = await kube.get(Key(kind, namespace, NAME))
    (one,) = [each for each in found["status"]["conditions"] if each["type"] == "Degraded"]
    return dict(one)
