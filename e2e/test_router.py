"""Viewers who come through a Router, and all that may end under them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from e2e import pods
from e2e.conftest import serve_at_once
from e2e.fixtures import NAMESPACE
from e2e.namespaces import namespace_for
from e2e.operating import condition, patch, pods_of, wait_for_pods, wait_until
from e2e.ordering import openai_client
from e2e.routing import MOST_SEGMENTS, READY, ROUTER, SEED, Scene, routed
from e2e.securing import Authority
from e2e.target import Target
from e2e.test_operator import STATUS
from e2e.test_operator_sessions import node_of, uids
from e2e.viewing import Viewer, viewers
from e2e.waiting import Object, ask_until, is_ready
from tools.cluster import __main__ as command

FRONT: dict[str, Any] = {
    "apiVersion": "matinee.video/v1alpha1",
    "kind": "Router",
    "metadata": {"name": "front"},
    "spec": {"services": [{"name": "tiny"}]},
}
TO_ZERO = {"minReplicas": 0, "maxReplicas": 1, "bufferSlots": 0}


@pytest.fixture(scope="module")
def for_all(operator: Target, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    if not operator.ours:
        pytest.skip("pods of another cluster cannot reach a Redis server of this machine")
    with (
        namespace_for(operator, "routed") as namespace,
        routed(operator, namespace, tmp_path_factory.mktemp("redis")) as scene,
    ):
        yield scene


@pytest.fixture
def scene(for_all: Scene, request: pytest.FixtureRequest) -> Scene:
    """Two services that share a store, and a Router before them."""
    request.node.stash[NAMESPACE] = for_all.namespace
    for_all.wait_until_whole()
    return for_all


def leave(scene: Scene, *watching: Viewer) -> None:
    """Whoever watched saw what nobody disturbed."""
    for viewer in watching:
        assert viewer.leave()["code"] == 1000
        assert viewer.video == scene.undisturbed[viewer.asked]


def test_a_viewer_watches_on_when_redis_is_restarted_and_then_its_pod_is_killed(
    scene: Scene,
) -> None:
    with scene.watching() as (viewer,):
        scene.store.stop()
        viewer.play()
        scene.store.start()
        scene.store.wait_for_a_state()
        ((_, pod),) = scene.places()
        viewer.ask()
        scene.kill(pod)
        assert viewer.hear("session_migrated")["gap_ms"] > 0
        viewer.finish()
        leave(scene, viewer)
        assert viewer.kinds["gpu_assigned"] == 1, "it was one connection"
    ask_until(scene.one_queue, bool)
    told = scene.target.kubectl("get", "vrtr/tiny", "-n", scene.namespace).splitlines()
    columns = told[1].split()
    assert columns[:2] == ["tiny", f"ws://tiny-router.{scene.namespace}.svc/v1/stream"]
    is_open = condition("Accepted", "True", "OpenToAnybody")
    wait_until(
        "Router",
        scene.namespace,
        "tiny",
        lambda found: is_open(found) and found["status"]["readyReplicas"] == 2,
    )


def test_a_viewer_comes_back_when_its_router_is_killed_or_its_own_network_is_cut(
    scene: Scene,
) -> None:
    with scene.watching() as (viewer,):
        ((own, _),) = scene.places()
        (other,) = {pod["metadata"]["name"] for pod in scene.routers()} - {own}
        viewer.ask()
        scene.kill(other)
        viewer.finish()
        assert viewer.kinds["gpu_assigned"] == 1, "that was none of its business"
        viewer.ask()
        viewer.hear("media_init")
        scene.kill(own)
        viewer.finish()
        assert viewer.kinds["gpu_assigned"] == 2
        viewer.ask()
        viewer.hear("media_init")
        with pods.cut_off(scene.namespace, "client"):
            viewer.vanish()
        viewer.finish()
        assert viewer.kinds["gpu_assigned"] == 3
        leave(scene, viewer)


SECURE: dict[str, Any] = {
    **FRONT,
    "metadata": {"name": "secure"},
    "spec": {
        "services": [{"name": "tiny"}],
        "service": {"port": 443},
        "replicas": 1,
        "tls": {"secretRef": {"name": "secure-tls"}},
        "store": {"urlSecret": {"name": "later"}},
    },
}


def test_a_router_waits_for_its_store_s_secret_and_takes_a_new_certificate_without_a_restart(
    operator: Target, scene: Scene
) -> None:
    namespace = scene.namespace
    authority = Authority(f"secure-router.{namespace}.svc")

    def apply(manifest: dict[str, Any]) -> None:
        operator.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(manifest))

    def look_again() -> None:
        """A kubelet looks at Secrets once a minute, and when a pod of theirs is changed."""
        words = ("annotate", "pods", "-n", namespace, "-l", "matinee.video/router=secure")
        operator.kubectl(*words, "--overwrite", f"looked={time.monotonic_ns()}")

    def serves(serial: int) -> None:
        ask_until(lambda: authority.told(operator, namespace), lambda told: told == (serial, True))

    first, serial = authority.secret("secure-tls")
    apply(first)
    apply(SECURE)
    try:
        lacking = condition("Degraded", "True", "PodConfigInvalid")
        found = wait_until("Router", namespace, "secure", lacking)
        assert '"later" not found' in str(found["status"]["conditions"])
        url = f"--from-literal=url={scene.store.url}"
        operator.kubectl("create", "secret", "generic", "later", "-n", namespace, url)
        look_again()
        wait_until("Router", namespace, "secure", READY)
        serves(serial)
        (before,) = routers_of(scene, "secure")
        second, renewed = authority.secret("secure-tls")
        apply(second)
        look_again()
        serves(renewed)
        (after,) = routers_of(scene, "secure")
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        (container,) = after["status"]["containerStatuses"]
        assert container["restartCount"] == 0
    finally:
        operator.kubectl("delete", "vrtr/secure", "-n", namespace, "--cascade=foreground")


def routers_of(scene: Scene, name: str) -> list[Object]:
    return [pod for pod in scene.routers() if pod["metadata"]["labels"][ROUTER] == name]


def test_the_pods_of_a_node_that_dies_are_replaced_and_everybody_plays_on(
    operator: Target, scene: Scene, own_cluster: Target
) -> None:
    by_node = {node_of(pod): pod for pod in pods_of(scene.namespace, "tiny")}
    assert set(by_node) == {"node-1", "node-2"}
    lost, stays = by_node["node-2"]["metadata"], by_node["node-1"]["metadata"]
    with scene.watching() as (one,), scene.watching() as (other,):
        assert {pod for _, pod in scene.places()} >= {lost["name"]}
        one.ask()
        other.ask()
        assert command.main(["node", "kill", "node-2"]) == 0
        is_told = condition("Degraded", "True", "NodeLost")  # until other pods are ready
        found = wait_until("StreamingService", scene.namespace, "tiny", is_told)
        assert "node node-2 does not answer" in json.dumps(found["status"]["conditions"])
        one.finish()
        other.finish()
        paused = ", ".join(f"{viewer.silence_s:.1f}" for viewer in (one, other))
        print(f"seconds without a message when a node died: {paused}")  # noqa: T201
        one.play()
        leave(scene, one, other)
        survivors = wait_for_pods(
            scene.namespace,
            "tiny",
            lambda pods: [node_of(p) == "node-1" and is_ready(p) for p in pods].count(True) == 2,
        )
        assert lost["uid"] not in uids(survivors)
        assert stays["uid"] in uids(survivors)


def test_a_rolling_update_and_a_scale_down_move_viewers_on(scene: Scene) -> None:
    """In the end nobody has a pod of the first service."""
    namespace = scene.namespace
    before = {pod["metadata"]["name"] for pod in pods_of(namespace, "tiny")}
    with scene.watching(2) as both:
        assert {pod for _, pod in scene.places()} <= before
        patch(scene.target, namespace, {"sessions": {"maxPerPod": 3}})
        wait_until("StreamingService", namespace, "tiny", READY)
        wait_for_pods(namespace, "tiny", lambda found: len(found) == 2)
        assert not {pod for _, pod in scene.places()} & before
        for viewer in both:
            assert viewer.kinds["gpu_assigned"] == 1
            viewer.play()
            viewer.ask()
        scene.target.kubectl("scale", "ssvc/tiny", "-n", namespace, "--replicas=0")
        for viewer in both:
            viewer.finish()
        wait_for_pods(namespace, "tiny", lambda found: not found)
        for viewer in both:
            viewer.play()
            assert viewer.asked == MOST_SEGMENTS
            assert viewer.kinds["gpu_assigned"] == 1
            assert viewer.kinds["session_migrated"] >= 2
        leave(scene, *both)


def test_a_service_is_reached_through_its_router_only(
    operator: Target, our_cluster: Target, lone: str
) -> None:
    def answers(url: str, wanted: int) -> None:
        """Nodes follow a Service and a NetworkPolicy a moment after their objects are there."""
        words = ("exec", "-n", lone, "client", "--", "python3", "-c", STATUS, url, "")
        ask_until(lambda: int(operator.kubectl(*words)), lambda status: status == wanted)

    answers(f"http://tiny.{lone}.svc:8000/healthz", 200)
    operator.kubectl("apply", "-n", lone, "-f", "-", stdin=json.dumps(FRONT))
    wait_until("Router", lone, "front", READY)
    answers(f"http://front-router.{lone}.svc/readyz", 200)
    answers(f"http://tiny.{lone}.svc:8000/healthz", 0)
    operator.kubectl("delete", "vrtr/front", "-n", lone)
    answers(f"http://tiny.{lone}.svc:8000/healthz", 200)


def test_the_first_viewer_wakes_a_service_that_has_no_pod(
    operator: Target, our_cluster: Target, namespace: str
) -> None:
    operator.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(FRONT))
    serve_at_once(operator, namespace, autoscaling=TO_ZERO)
    asleep = condition("Servable", "False", "ScaledToZero")
    wait_until("StreamingService", namespace, "tiny", asleep)
    with viewers(operator, namespace, f"http://front-router.{namespace}.svc", 1) as (viewer,):
        found = wait_until("StreamingService", namespace, "tiny", condition("Servable", "True"))
        assert found["status"]["lastStart"]["seconds"] >= 1
        assert viewer.leave()["code"] == 1000


@pytest.mark.filterwarnings("ignore:The Sora API")
def test_a_video_is_made_by_another_pod_when_the_one_that_makes_it_is_killed(scene: Scene) -> None:
    scene.target.kubectl("scale", "ssvc/tiny", "-n", scene.namespace, "--replicas=2")
    scene.wait_until_whole()
    with openai_client(scene.target, scene.namespace, "tiny-router") as client:
        long = {"num_inference_steps": 40, "seed": SEED}
        first = client.videos.create(prompt="a red ball", seconds="4", extra_body=long)
        second = client.videos.create(prompt="a red ball", seconds="4", extra_body=long)
        scene.kill(scene.maker_of(first.id))
        videos = [client.videos.poll(one.id) for one in (first, second)]
        assert [one.status for one in videos] == ["completed", "completed"]
        contents = {client.videos.download_content(one.id).read() for one in videos}
        assert len(contents) == 1, "the same seed"
        assert {one.id for one in client.videos.list()} == {first.id, second.id}
        for one in videos:
            assert client.videos.delete(one.id).deleted
