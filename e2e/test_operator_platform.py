"""What platform teams ask for, on nodes: the examples that say it, and a GPU that is short."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kubernetes.client
import pytest
import yaml

from e2e import pods
from e2e.operating import condition, patch, wait_for_pods, wait_until
from e2e.target import Target
from e2e.test_operator import wait_for_events
from e2e.waiting import Object, ask_until, objects, wait_for
from tests.places import EXAMPLES
from tools.cluster import __main__ as command

READY = condition("Ready", "True")
EXAMPLES_TOGETHER = ("workload-identity", "quota", "required-labels")
MISSING = "the label example.com/team is missing"
TOKEN = "/var/run/identity/token"  # noqa: S105 - where it is


def of_platforms() -> tuple[list[Object], Object]:
    """The examples' objects of others, and all that they say about pods."""
    texts = ((EXAMPLES / "platform" / f"{name}.yaml").read_text() for name in EXAMPLES_TOGETHER)
    found = [one for text in texts for one in yaml.safe_load_all(text)]
    others = [one for one in found if not one["apiVersion"].startswith("matinee.video/")]
    said: dict[str, Any] = {}
    for one in found:
        if one["kind"] == "VideoModel":
            assert not said.keys() & one["spec"]["pod"].keys()
            said |= one["spec"]["pod"]
    return others, said


def ours(
    pod: Object, resources: Object, warmup: Object | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The bundled model with a warm-up, and a service of one pod."""
    api, meta = {"apiVersion": "matinee.video/v1alpha1"}, {"name": "tiny"}
    model = {
        "source": {"uri": "builtin:tiny"},
        "engine": {"family": "ltx"},
        "warmup": {"resources": warmup or resources},
        "pod": pod,
    }
    service = {"modelRef": meta, "resources": resources, "pod": pod}
    return (
        {**api, "kind": "VideoModel", "metadata": meta, "spec": model},
        {**api, "kind": "StreamingService", "metadata": meta, "spec": service},
    )


def apply(target: Target, namespace: str, *manifests: Object) -> None:
    together = {"apiVersion": "v1", "kind": "List", "items": manifests}
    target.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(together))


@pytest.fixture
def platform(operator: Target, namespace: str) -> Iterator[Object]:
    """A namespace with a quota, an identity and a policy, which is in force; what a pod has to
    say there."""
    others, said = of_platforms()
    operator.kubectl("label", "namespace", namespace, "example.com/labels=required")
    try:
        apply(operator, namespace, *others)
        ask_until(lambda: refusal(operator, namespace), lambda told: MISSING in told)
        yield said
    finally:
        policies = [one for one in others if one["kind"].startswith("ValidatingAdmission")]
        names = [f"{one['kind'].lower()}/{one['metadata']['name']}" for one in policies]
        operator.kubectl("delete", *names)


def refusal(target: Target, namespace: str) -> str:
    """Of a pod that says nothing."""
    words = ("create", "--dry-run=server", "-n", namespace, "-f", "-")
    try:
        target.kubectl(*words, stdin=json.dumps(pods.asleep(target, "plain")))
    except subprocess.CalledProcessError as error:
        return bytes(error.stderr).decode()
    return ""


def test_a_namespace_with_a_quota_a_policy_and_an_identity_is_served(
    operator: Target, namespace: str, platform: Object
) -> None:
    apply(operator, namespace, *ours(platform, {"gpu": {"count": 0}}))
    wait_until("VideoModel", namespace, "tiny", condition("Warmed", "True", "WarmupSucceeded"))
    wait_until("StreamingService", namespace, "tiny", READY)
    core, batch = kubernetes.client.CoreV1Api(), kubernetes.client.BatchV1Api()
    found = objects(core.list_namespaced_pod, namespace)
    assert len(found) == 2
    for one in [*found, *objects(batch.list_namespaced_job, namespace)]:
        assert one["metadata"]["labels"]["example.com/team"] == "video"
    for pod in found:
        assert pod["spec"]["serviceAccountName"] == "weights"
        assert pod["spec"]["containers"][0]["resources"]["limits"] == {"cpu": "2", "memory": "4Gi"}
    # The warm-up has ended, and counts no more.
    used = {"requests.cpu": "500m", "limits.cpu": "2", "limits.memory": "4Gi"}
    wait_for(
        core.list_namespaced_resource_quota, lambda one: one[0]["status"]["used"] == used, namespace
    )
    (serving,) = wait_for_pods(namespace, "tiny", lambda listed: len(listed) == 1)
    name = serving["metadata"]["name"]
    token = operator.kubectl("exec", "-n", namespace, name, "--", "cat", TOKEN)
    claims = claims_in(token)
    assert claims["aud"] == ["sts.amazonaws.com"]
    assert claims["sub"] == f"system:serviceaccount:{namespace}:weights"
    assert claims["kubernetes.io"]["pod"]["name"] == name


def claims_in(token: str) -> Object:
    _, body, _ = token.split(".")
    found: Object = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


@contextmanager
def one_gpu(node: str) -> Iterator[None]:
    """Nothing computes on it: what counts is who gets it."""
    assert command.main(["node", "gpus", node, "1"]) == 0
    try:
        yield
    finally:
        assert command.main(["node", "gpus", node, "0"]) == 0


def is_placed(pod: Object) -> bool:
    return "nodeName" in pod["spec"]


def is_warm_up(pod: Object) -> bool:
    return bool(pod["metadata"]["labels"]["app.kubernetes.io/component"] == "warmup")


def wait_for_warm_up(namespace: str, *, placed: bool, not_: str = "") -> str:
    """The uid of its pod, another one than `not_`, as soon as it is placed or not."""

    def those(listed: list[Object]) -> list[Object]:
        found = [pod for pod in listed if is_warm_up(pod) and is_placed(pod) == placed]
        return [pod for pod in found if pod["metadata"]["uid"] != not_]

    core = kubernetes.client.CoreV1Api()
    listed = wait_for(core.list_namespaced_pod, lambda found: bool(those(found)), namespace)
    return str(those(listed)[0]["metadata"]["uid"])


def test_a_warm_up_makes_way_for_a_pod_that_wants_the_only_gpu_and_comes_back(
    operator: Target, our_cluster: Target, namespace: str
) -> None:
    """Its pods wait for a Secret, and keep the GPU meanwhile."""
    later = {"volumes": [{"name": "later", "secret": {"secretName": "later"}}]}
    little = {"gpu": {"count": 1}, "cpu": "100m", "memory": "256Mi"}
    model, service = ours(later, little)
    with one_gpu("node-1"):
        apply(operator, namespace, model)
        first = wait_for_warm_up(namespace, placed=True)
        apply(operator, namespace, service)
        (pod,) = wait_for_pods(namespace, "tiny", lambda found: bool(found) and is_placed(found[0]))
        name = pod["metadata"]["name"]
        message = f"the warm-up waits: no node has room for {name}"
        wait_for_events(namespace, {("Normal", "WarmupYields", message)})
        second = wait_for_warm_up(namespace, placed=False, not_=first)
        waits = condition("Warmed", "False", "Unschedulable")
        wait_until("VideoModel", namespace, "tiny", waits)
        patch(operator, namespace, {"replicas": 0})
        assert wait_for_warm_up(namespace, placed=True, not_=first) == second
        operator.kubectl("delete", "vmod/tiny", "-n", namespace)
        core = kubernetes.client.CoreV1Api()
        wait_for(core.list_namespaced_pod, lambda found: not found, namespace)
