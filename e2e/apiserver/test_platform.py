"""The examples for platform teams, on a real API server with what they are written for: a quota, a
policy, Pod Security. What the operator makes of them is looked at as the API server has taken it.
"""

from __future__ import annotations

import contextlib
from typing import Any

import aiohttp
import pytest
import yaml

from e2e.apiserver.fetching import bind_claims, run_jobs
from e2e.apiserver.scene import apply, be_ready, new_namespace
from e2e.apiserver.story import Life, life
from matinee_api.kinds.resource import KINDS as OURS
from matinee_operator import labels
from matinee_operator.clients.kube import APPLY, MERGE, Kube
from matinee_operator.errors import AlreadyExists, OperatorError, Refused
from matinee_operator.objects import Key
from tests.places import EXAMPLES

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
PLACES = {
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "ResourceQuota": "/api/v1/namespaces/{}/resourcequotas",
    "ValidatingAdmissionPolicy": f"{ADMISSION}/validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": f"{ADMISSION}/validatingadmissionpolicybindings",
}
MARKS = {
    "required-labels": {"example.com/labels": "required"},
    "any-user": {"pod-security.kubernetes.io/enforce": "restricted"},
}
"""Labels of the namespaces, as the examples' comments say."""


@pytest.fixture
async def place(kube: Kube, namespace: str, request: pytest.FixtureRequest) -> str:
    """A namespace for the example that the test names."""
    return await new_namespace(kube, f"{namespace}-x", **MARKS.get(request.param, {}))


def example(name: str) -> pytest.MarkDecorator:
    """Parametrizes `place` and `objects` with one example."""
    text = (EXAMPLES / "platform" / f"{name}.yaml").read_text(encoding="utf-8")
    objects = list(yaml.safe_load_all(text))
    return pytest.mark.parametrize(("place", "objects"), [(name, objects)], indirect=["place"])


async def apply_all(kube: Kube, namespace: str, objects: list[dict[str, Any]]) -> None:
    for found in objects:
        name = found["metadata"]["name"]
        if found["kind"] in OURS:
            await apply(kube, namespace, found["kind"], found["spec"], name)
        else:
            path = f"{PLACES[found['kind']].format(namespace)}/{name}"
            await kube.request("PATCH", path, {"fieldManager": "test"}, found, APPLY)
        if found["kind"] == "ResourceQuota":  # what its controller does
            hard = found["spec"]["hard"]
            status = {"hard": hard, "used": dict.fromkeys(hard, "0")}
            await kube.request("PATCH", f"{path}/status", {}, {"status": status}, MERGE)


def unsaid(objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, and nothing is said about pods."""
    return [
        {**found, "spec": {key: value for key, value in found["spec"].items() if key != "pod"}}
        if found["kind"] in OURS
        else found
        for found in objects
    ]


async def settled(operator: Life) -> None:
    with contextlib.suppress(Refused):
        await operator.settle()


async def degraded(kube: Kube, kind: str, namespace: str, name: str) -> str:
    status = (await kube.get(Key(kind, namespace, name)))["status"]
    (found,) = (one for one in status["conditions"] if one["type"] == "Degraded")
    return f"{found['reason']}: {found['message']}"


async def jobs_start(kube: Kube, namespace: str) -> list[dict[str, Any]]:
    """The Job controller makes a pod of each Job."""
    for job in await kube.list("Job", namespace):
        template, name = job["spec"]["template"], f"{job['metadata']['name']}-pod"
        meta = {**template["metadata"], "name": name, "namespace": namespace}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": template["spec"]}
        with contextlib.suppress(AlreadyExists):
            await kube.create(pod)
    return await kube.list("Pod", namespace)


@example("workload-identity")
async def test_jobs_have_the_identity_of_a_service_account(
    kube: Kube, session: aiohttp.ClientSession, place: str, objects: list[Any]
) -> None:
    operator = life(kube, session, place)
    await apply_all(kube, place, objects)
    await operator.settle()
    for verb in ("resolve", "download"):
        jobs = [job for job in await kube.list("Job", place) if verb in job["metadata"]["name"]]
        spec = jobs[0]["spec"]["template"]["spec"]
        assert spec["serviceAccountName"] == "weights"
        (volume,) = (one for one in spec["volumes"] if one["name"] == "identity")
        (source,) = volume["projected"]["sources"]
        assert source["serviceAccountToken"] == {
            "audience": "sts.amazonaws.com",
            "expirationSeconds": 3600,
            "path": "token",
        }
        (container,) = spec["containers"]
        variables = {one["name"]: one["value"] for one in container["env"]}
        token = {"name": "identity", "mountPath": "/var/run/identity", "readOnly": True}
        assert token in container["volumeMounts"]
        assert f"{token['mountPath']}/token" == variables["AWS_WEB_IDENTITY_TOKEN_FILE"]
        await run_jobs(kube, place)  # its pod is taken, as it is
        await operator.settle()
        await bind_claims(kube, place)
        await operator.settle()


@example("ca-bundle")
async def test_downloads_trust_a_bundle_and_go_through_a_proxy(
    kube: Kube, session: aiohttp.ClientSession, place: str, objects: list[Any]
) -> None:
    await apply_all(kube, place, objects)
    await life(kube, session, place).settle()
    (pod,) = await jobs_start(kube, place)
    (container,) = pod["spec"]["containers"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    assert variables["HTTPS_PROXY"] == "http://proxy.example.com:3128"
    folder, _, file = variables["SSL_CERT_FILE"].rpartition("/")
    (mount,) = (one for one in container["volumeMounts"] if one["mountPath"] == folder)
    (volume,) = (one for one in pod["spec"]["volumes"] if one["name"] == mount["name"])
    assert volume["configMap"]["name"] == "company-ca"
    assert volume["configMap"]["items"] == [{"key": "ca.crt", "path": file}]


@example("quota")
async def test_a_quota_of_limits_is_told_and_met(
    kube: Kube, session: aiohttp.ClientSession, place: str, objects: list[Any]
) -> None:
    operator = life(kube, session, place)
    await apply_all(kube, place, unsaid(objects))
    await settled(operator)
    told = await degraded(kube, "StreamingService", place, "tiny")
    assert told.startswith("PodRefused: ")
    assert "must specify limits.cpu for: runtime" in told
    assert told.endswith("; set pod.limits")
    await apply_all(kube, place, [one for one in objects if one["kind"] != "ResourceQuota"])
    await operator.settle()
    pods = await jobs_start(kube, place)
    assert len(pods) == 2  # the service's and the warm-up's
    for pod in pods:
        for container in pod["spec"]["containers"]:
            assert container["resources"]["limits"] == {"cpu": "2", "memory": "4Gi"}
    (runtime,) = await kube.list("Pod", place, f"{labels.SERVICE}=tiny")
    assert runtime["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "500m"
    assert (await degraded(kube, "StreamingService", place, "tiny")).startswith("NothingWrong")


async def enforced(kube: Kube, namespace: str) -> None:
    """The API server takes a moment to take up a new policy."""
    pod = {"metadata": {"name": "x"}, "spec": {"containers": [{"name": "x", "image": "x"}]}}
    for _ in range(10_000):  # of requests: each takes milliseconds
        try:
            path = f"/api/v1/namespaces/{namespace}/pods"
            await kube.request("POST", path, {"dryRun": "All"}, pod)
        except OperatorError:
            return
    raise AssertionError("the policy is not enforced")


@example("required-labels")
async def test_a_policy_that_wants_labels_gets_them_on_pods_and_jobs(
    kube: Kube, session: aiohttp.ClientSession, place: str, objects: list[Any]
) -> None:
    operator = life(kube, session, place)
    await apply_all(kube, place, [one for one in objects if one["kind"] not in OURS])
    await enforced(kube, place)
    model, service = (one for one in objects if one["kind"] in OURS)
    for said, kind in (([model], "StreamingService"), ([service], "VideoModel")):
        others = [one for one in (model, service) if one not in said]
        await apply_all(kube, place, [*said, *unsaid(others)])
        await settled(operator)
        assert "the label example.com/team is missing" in await degraded(kube, kind, place, "tiny")
    await apply_all(kube, place, objects)
    await operator.settle()
    made = [*await jobs_start(kube, place), *await kube.list("Job", place)]
    assert [one["metadata"]["labels"]["example.com/team"] for one in made] == ["video"] * 3
    for kind in ("StreamingService", "VideoModel"):
        assert (await degraded(kube, kind, place, "tiny")).startswith("NothingWrong")


@example("any-user")
async def test_the_cluster_may_choose_the_user_under_restricted_pod_security(
    kube: Kube, session: aiohttp.ClientSession, place: str, objects: list[Any]
) -> None:
    await apply_all(kube, place, objects)
    await life(kube, session, place).settle()
    pods = await jobs_start(kube, place)
    assert len(pods) == 2
    for pod in pods:
        security = pod["spec"]["securityContext"]
        assert security["runAsNonRoot"]
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & set(security)
        assert all("runAsUser" not in one["securityContext"] for one in pod["spec"]["containers"])


@example("private-registry")
async def test_images_come_by_digest_from_a_private_registry(
    kube: Kube, session: aiohttp.ClientSession, place: str, objects: list[Any]
) -> None:
    await apply_all(kube, place, objects)
    await life(kube, session, place).settle()
    for pod in await jobs_start(kube, place):
        assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
        (container,) = pod["spec"]["containers"]
        assert container["image"] == objects[0]["spec"]["pod"]["image"]


@example("pods")
async def test_what_else_is_said_about_pods_and_a_rollout_by_percentages(
    kube: Kube, session: aiohttp.ClientSession, place: str, objects: list[Any]
) -> None:
    operator = life(kube, session, place)
    await apply_all(kube, place, objects)
    await operator.settle()
    await be_ready(kube, place)
    await operator.settle()
    pods = await kube.list("Pod", place)
    assert len(pods) == 4
    spec = pods[0]["spec"]
    (container,) = spec["containers"]
    assert spec["terminationGracePeriodSeconds"] == 120
    assert spec["schedulerName"] == "default-scheduler"
    (volume,) = (one for one in spec["volumes"] if one["name"] == "vault")
    assert volume["csi"]["driver"] == "secrets-store.csi.k8s.io"
    assert container["envFrom"][0]["prefix"] == "TELEMETRY_"
    node = {"apiVersion": "v1", "fieldPath": "spec.nodeName"}
    assert {"name": "NODE_NAME", "valueFrom": {"fieldRef": node}} in container["env"]
    changed = {**objects[1]["spec"], "sessions": {"maxPerPod": 2}}
    await apply(kube, place, "StreamingService", changed)
    await operator.settle()
    assert len(await kube.list("Pod", place)) == 5  # a quarter of four more
