"""The operator under test: installed by the chart, and what its objects say."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import kubernetes.client

from e2e.target import Target
from e2e.waiting import PATIENCE_S, Object, objects, wait_for

NAMESPACE, RELEASE = "matinee-system", "matinee"
GROUP, VERSION = "matinee.video", "v1alpha1"
PLURALS = {
    "VideoModel": "videomodels",
    "StreamingService": "streamingservices",
    "Router": "routers",
}


def helm(target: Target, *words: str) -> str:
    """What helm prints, about the operator's namespace.

    Raises:
        AssertionError: it failed, with what it said.
    """
    done = _helm(target, words)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def failing_helm(target: Target, *words: str) -> str:
    """What helm says when it fails, as it should."""
    done = _helm(target, words)
    assert done.returncode != 0, done.stdout
    return done.stderr


def _helm(target: Target, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    command = ["helm", "--namespace", NAMESPACE, *words]
    return subprocess.run(command, env=target.environment(), capture_output=True, text=True)


def install(target: Target, *more: str) -> None:
    """The chart, with the images under test and `more` options of helm; returns when both replicas
    are ready. No node here needs as long as some do to follow a Service."""
    values = ["--set", "propagationSeconds=1", *more]
    images = {"image": "operator", "runtime.image": "runtime", "router.image": "router"}
    for key, name in images.items():
        repository, _, tag = target.image(name).rpartition(":")
        values += ["--set", f"{key}.repository={repository}", "--set", f"{key}.tag={tag}"]
    helm(
        target,
        *("upgrade", "--install", RELEASE, "charts/matinee", "--create-namespace"),
        *(*values, "--wait", "--timeout", "3m"),
    )


def uninstall(target: Target) -> None:
    helm(target, "uninstall", RELEASE, "--wait")
    names = [f"crd/{plural}.{GROUP}" for plural in PLURALS.values()]
    target.kubectl("delete", *names, "--ignore-not-found")
    target.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")


def lister(kind: str) -> Callable[..., Any]:
    """What `wait_for` takes, for one of our kinds."""
    api = kubernetes.client.CustomObjectsApi()

    def list_objects(namespace: str, **options: Any) -> Any:
        return api.list_namespaced_custom_object(
            GROUP, VERSION, namespace, PLURALS[kind], **options
        )

    # kubernetes.watch reads the returned type from the docstring of what it calls.
    list_objects.__doc__ = api.list_namespaced_custom_object.__doc__
    return list_objects


def wait_until(
    kind: str,
    namespace: str,
    name: str,
    holds: Callable[[Object], bool],
    timeout_s: float = PATIENCE_S,
) -> Object:
    """The object, as soon as `holds` is true of it."""
    (found,) = wait_for(
        lister(kind),
        lambda objects: bool(objects) and holds(objects[0]),
        namespace,
        name=name,
        timeout_s=timeout_s,
    )
    return found


def condition(kind: str, status: str, reason: str | None = None) -> Callable[[Object], bool]:
    """A test for a condition that is about the object's present spec."""

    def holds(found: Object) -> bool:
        generation = found["metadata"]["generation"]
        return any(
            one["type"] == kind
            and one["status"] == status
            and reason in (None, one["reason"])
            and one["observedGeneration"] == generation
            for one in (found.get("status") or {}).get("conditions") or ()
        )

    return holds


def patch(target: Target, namespace: str, spec: dict[str, Any]) -> None:
    """Change the service `tiny`."""
    words = ("patch", "ssvc/tiny", "-n", namespace, "--type=merge", "-p")
    target.kubectl(*words, json.dumps({"spec": spec}))


def revision_of(pod: Object) -> str:
    return str(pod["metadata"]["labels"]["matinee.video/revision"])


def wait_for_pods(
    namespace: str, service: str, holds: Callable[[list[Object]], bool]
) -> list[Object]:
    """The service's pods that are not going, as soon as `holds` is true of them."""
    list_pods = kubernetes.client.CoreV1Api().list_namespaced_pod
    found = wait_for(list_pods, lambda listed: holds(_staying(listed, service)), namespace)
    return _staying(found, service)


def pods_of(namespace: str, service: str) -> list[Object]:
    """The service's pods that are not going."""
    return _staying(objects(kubernetes.client.CoreV1Api().list_namespaced_pod, namespace), service)


def _staying(listed: list[Object], service: str) -> list[Object]:
    label = "matinee.video/service"
    return [
        pod
        for pod in listed
        if (pod["metadata"].get("labels") or {}).get(label) == service
        and "deletionTimestamp" not in pod["metadata"]
    ]
