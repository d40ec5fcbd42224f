from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes.client

from e2e import operating, pods
from e2e.operating import condition, pods_of, revision_of, wait_for_pods, wait_until
from e2e.target import Target
from e2e.test_runtime import streamed
from e2e.waiting import Object, ask_until, is_ready, objects, wait_for

READY = condition("Ready", "True")
TAKEOVER_S = 15.0


def names_of(namespace: str) -> set[str]:
    return {pod["metadata"]["name"] for pod in pods_of(namespace, "tiny")}


def test_the_chart_s_own_test_passes(operator: Target) -> None:
    assert "Succeeded" in operating.helm(operator, "test", operating.RELEASE)


def test_the_examples_serve_and_say_so(operator: Target, served: str, tmp_path: Path) -> None:
    wait_until("VideoModel", served, "tiny", READY)
    operator.kubectl("apply", "-n", served, "-f", "examples/router.yaml")
    router = wait_until("Router", served, "tiny", READY)
    url = f"http://tiny-router.{served}.svc"
    assert len(streamed(operator, served, url, tmp_path / "segment.mp4")) == 17
    assert router["status"]["url"].startswith(f"ws://tiny-router.{served}.svc")
    operator.kubectl("delete", "-n", served, "-f", "examples/router.yaml")
    url = f"http://tiny.{served}.svc:8000"
    assert len(streamed(operator, served, url, tmp_path / "segment.mp4")) == 17


STATUS = """
import sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1], headers={"Host": sys.argv[2]} if sys.argv[2] else {})
try:
    print(urllib.request.urlopen(request, timeout=5).status)
except urllib.error.HTTPError as error:
    print(error.code)
except OSError:
    print(0)
"""


def test_a_pod_answers_to_its_names_and_is_controlled_with_the_token(
    operator: Target, served: str
) -> None:
    def asked(url: str, host: str = "") -> int:
        words = ("exec", "-n", served, "client", "--", "python3", "-c", STATUS, url, host)
        return int(operator.kubectl(*words))

    url = f"http://tiny.{served}.svc"
    pods.wait_reachable(operator, served, "client", f"{url}:8000/healthz")
    assert asked(f"{url}:8000/healthz", "evil.example") == 421
    assert asked(f"{url}:8000/metrics") == 404
    # 0 where the cluster's network keeps to NetworkPolicies
    assert asked(f"{url}:8001/v1/slots") in (0, 401)


def table(text: str) -> list[dict[str, str]]:
    """What `kubectl get` prints, by column. AGE is left out."""
    head, *rows = text.splitlines()
    places = [(found.group(), found.start()) for found in re.finditer(r"\S+", head)]
    ends = [start for _, start in places[1:]] + [None]
    return [
        {
            name: row[start:end].strip()
            for (name, start), end in zip(places, ends, strict=True)
            if name != "AGE"
        }
        for row in rows
    ]


def test_kubectl_tells_how_things_are(operator: Target, served: str) -> None:
    wait_until("VideoModel", served, "tiny", READY)
    (model,) = table(operator.kubectl("get", "videomodels", "-n", served, "-o", "wide"))
    assert float(model.pop("FPS")) > 0
    assert model == {
        "NAME": "tiny",
        "READY": "True",
        "PHASE": "Ready",
        "FAMILY": "ltx",
        "SIZE": "",
        "CACHED": "True",
        "WARM": "True",
        "REASON": "AsDesired",
    }
    expected = {
        "NAME": "tiny",
        "READY": "True",
        "SERVABLE": "2",
        "DESIRED": "2",
        "UPDATED": "2",
        "DRAINING": "0",
        "SESSIONS": "0",
        "JOBS": "0",
        "MODEL": "tiny",
        "REASON": "AsDesired",
        "URL": f"ws://tiny.{served}.svc:8000/v1/stream",
    }
    words = ("get", "ssvc", "-n", served, "-o", "wide")  # viewers of other tests are told a while
    ask_until(lambda: table(operator.kubectl(*words)), lambda rows: rows == [expected])


DESCRIBED = """
  Conditions:
    Last Transition Time:  TIME
    Message:               2 of 2 pods serve the current revision
    Observed Generation:   GENERATION
    Reason:                AsDesired
    Status:                True
    Type:                  Ready
    Last Transition Time:  TIME
    Message:               new sessions go to 2 pods
    Observed Generation:   GENERATION
    Reason:                Serving
    Status:                True
    Type:                  Servable
    Last Transition Time:  TIME
    Message:
    Observed Generation:   GENERATION
    Reason:                AsDesired
    Status:                False
    Type:                  Progressing
    Last Transition Time:  TIME
    Message:
    Observed Generation:   GENERATION
    Reason:                NoSessionsWait
    Status:                False
    Type:                  Draining
    Last Transition Time:  TIME
    Message:
    Observed Generation:   GENERATION
    Reason:                NothingWrong
    Status:                False
    Type:                  Degraded
  Current Revision:        REVISION
"""
EVENTS = {
    ("Normal", "PodCreated", "created tiny-REVISION-0"),
    ("Normal", "PodCreated", "created tiny-REVISION-1"),
    ("Normal", "Ready", "2 of 2 pods serve the current revision"),
}


def wait_for_events(namespace: str, wanted: set[tuple[str, str, str]]) -> None:
    """Until they are there: the operator writes them beside the status, not before it."""

    def all_there(found: list[Object]) -> bool:
        return wanted <= {(one["type"], one["reason"], one["message"]) for one in found}

    wait_for(kubernetes.client.CoreV1Api().list_namespaced_event, all_there, namespace)


def test_kubectl_describe_explains_itself(operator: Target, served: str) -> None:
    revision = revision_of(pods_of(served, "tiny")[0])
    wait_for_events(
        served, {(t, reason, m.replace("REVISION", revision)) for t, reason, m in EVENTS}
    )
    (service,) = objects(operating.lister("StreamingService"), served)
    generation = service["metadata"]["generation"]

    def described() -> str:
        told = operator.kubectl("describe", "ssvc/tiny", "-n", served)
        told = told.replace(revision, "REVISION")
        seen = rf"(Observed Generation: +){generation}$"
        told = re.sub(seen, r"\1GENERATION", told, flags=re.MULTILINE)
        told = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "TIME", told)
        return re.sub(r" +$", "", told, flags=re.MULTILINE)

    told = ask_until(described, lambda told: DESCRIBED in told)
    _, _, events = told.partition("Events:\n")
    rows = [re.split(r" {2,}", line.strip()) for line in events.splitlines()[2:]]
    assert {(row[0], row[1], row[-1]) for row in rows} >= EVENTS, events


def test_scaling_makes_and_removes_pods(operator: Target, served: str) -> None:
    operator.kubectl("scale", "ssvc/tiny", "-n", served, "--replicas=3")
    wait_until(
        "StreamingService", served, "tiny", lambda s: READY(s) and s["status"]["readyReplicas"] == 3
    )
    operator.kubectl("scale", "ssvc/tiny", "-n", served, "--replicas=1")
    wait_for_pods(served, "tiny", lambda found: len(found) == 1)
    wait_until("StreamingService", served, "tiny", READY)


def secrets_of(operator: Target, namespace: str) -> list[str]:
    """Those with the token of the pods of `tiny`."""
    names = operator.kubectl("get", "secrets", "-n", namespace, "-o", "name").split()
    return [name for name in names if name.startswith("secret/tiny-admin-")]


def test_a_container_starts_again_though_somebody_deleted_the_secret_of_its_token(
    operator: Target, served: str
) -> None:
    """Its kubelet keeps the file for as long as the pod is there."""
    name = sorted(names_of(served))[0]
    operator.kubectl("delete", "-n", served, *secrets_of(operator, served))
    ends = "import os, signal; os.kill(1, signal.SIGTERM)"
    operator.kubectl("exec", "-n", served, name, "--", "python3", "-c", ends)

    def is_again(found: list[Object]) -> bool:
        (status,) = found[0]["status"]["containerStatuses"]
        return bool(status["restartCount"]) and is_ready(found[0])

    wait_for(kubernetes.client.CoreV1Api().list_namespaced_pod, is_again, served, name=name)
    wait_until("StreamingService", served, "tiny", condition("Ready", "True", "AsDesired"))


def test_a_pod_that_is_deleted_by_hand_comes_back(operator: Target, served: str) -> None:
    before = {pod["metadata"]["uid"] for pod in pods_of(served, "tiny")}
    gone = sorted(names_of(served))[0]
    operator.kubectl("delete", "pod", "-n", served, gone, "--wait=false")

    def two_and_one_is_new(found: list[Object]) -> bool:
        new = [pod for pod in found if pod["metadata"]["uid"] not in before]
        return len(found) == 2 and len(new) == 1 and all(map(is_ready, found))

    wait_for_pods(served, "tiny", two_and_one_is_new)
    assert secrets_of(operator, served), "it came with the pod"


def test_everything_goes_with_the_service(operator: Target, lone: str) -> None:
    operator.kubectl("delete", "ssvc/tiny", "vmod/tiny", "-n", lone)
    listed = "pods,configmaps,services,poddisruptionbudgets,networkpolicies,jobs,secrets"
    words = ("get", listed, "-n", lone, "-l", "app.kubernetes.io/managed-by=matinee", "-o", "name")
    ask_until(lambda: operator.kubectl(*words), lambda left: left == "")


def test_the_standby_takes_over_when_the_leader_is_killed(operator: Target, served: str) -> None:
    leases = kubernetes.client.CoordinationV1Api().list_namespaced_lease

    def holder(found: list[dict[str, Any]]) -> str:
        return str(found[0]["spec"].get("holderIdentity") or "") if found else ""

    before = holder(wait_for(leases, lambda found: bool(holder(found)), operating.NAMESPACE))
    leader = before.split("_")[0]
    words = ("delete", "pod", "-n", operating.NAMESPACE, leader, "--grace-period=0", "--force")
    operator.kubectl(*words)
    wait_for(
        leases,
        lambda found: holder(found) not in ("", before),
        operating.NAMESPACE,
        timeout_s=2 * TAKEOVER_S,
    )
    operator.kubectl("scale", "ssvc/tiny", "-n", served, "--replicas=1")
    wait_until("StreamingService", served, "tiny", lambda found: found["status"]["replicas"] == 1)
