"""A Router before two services that share a Redis, and viewers who come through it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import kubernetes.client
import redis
import yaml

from e2e import pods
from e2e.conftest import serve
from e2e.operating import condition, wait_until
from e2e.target import Target
from e2e.viewing import Viewer, viewers
from e2e.waiting import Object, ask_until, objects
from tests.servers.ports import free_port
from tests.servers.redis_server import redis_server
from tools.cluster import containerd, shell
from tools.cluster.places import HOST_ADDRESS, Node

PASSWORD = "only-for-this-test"  # noqa: S105
URL_SECRET = {"urlSecret": {"name": "session-store"}}
STORE = {"type": "Redis", **URL_SECRET}
VIDEOS: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "videos"},
    "spec": {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "1Gi"}},
    },
}
SHARED_JOBS = {"store": STORE, "results": {"claimName": "videos"}}
READY = condition("Ready", "True")
SERVICES = ("tiny", "tiny-more")
ROUTER = "matinee.video/router"
SEED = 7
MOST_SEGMENTS = 4


@dataclass
class SharedStore:
    """A Redis server of this machine, where pods reach it. It keeps nothing when it is stopped."""

    folder: Path
    port: int = field(default_factory=free_port)
    _running: ExitStack = field(default_factory=ExitStack)

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@{HOST_ADDRESS}:{self.port}"

    def start(self) -> None:
        settings = ["--bind", HOST_ADDRESS, "--port", str(self.port), "--requirepass", PASSWORD]
        self._running.enter_context(redis_server(self.folder, *settings))

    def stop(self) -> None:
        self._running.close()

    def wait_for_a_state(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            ask_until(lambda: client.zcard("matinee:states"), bool)


class Place(NamedTuple):
    """Where a session is: names of the router's pod and of the service's."""

    router: str
    pod: str


@dataclass
class Scene:
    """`undisturbed`: digests of a viewer's video after so many segments, from 0 on."""

    target: Target
    namespace: str
    store: SharedStore
    undisturbed: list[str] = field(default_factory=list)

    def watching(self, count: int = 1) -> AbstractContextManager[list[Viewer]]:
        """Viewers of the same session, who come back when they lose their connection."""
        url = f"http://tiny-router.{self.namespace}.svc"
        return viewers(self.target, self.namespace, url, count, returns=True, seed=SEED)

    def maker_of(self, video_id: str) -> str:
        """Name of the pod that makes a video, as soon as one does."""
        key = f"matinee:jobs:{{{self.namespace}.{SERVICES[0]}}}:records"
        with redis.Redis.from_url(self.store.url) as client:
            record = ask_until(
                lambda: json.loads(client.hget(key, video_id) or "{}"),
                lambda found: bool(found.get("holder")),
            )
        return str(record["holder"]).rpartition("-")[0]

    def wait_until_whole(self) -> None:
        for service in SERVICES:
            wait_until("StreamingService", self.namespace, service, READY)
        wait_until("Router", self.namespace, "tiny", READY)

    def routers(self) -> list[Object]:
        """Its pods that are not going."""
        found = objects(kubernetes.client.CoreV1Api().list_namespaced_pod, self.namespace)
        return [
            pod
            for pod in found
            if ROUTER in pod["metadata"]["labels"] and "deletionTimestamp" not in pod["metadata"]
        ]

    def places(self) -> list[Place]:
        """Of all sessions, as the routers tell them."""
        return [
            Place(router["metadata"]["name"], replica["name"])
            for router in self.routers()
            for replica in self._status_of(router)["replicas"]
            for _ in range(replica["sessions"])
        ]

    def one_queue(self) -> bool:
        """Whether both routers say that they share it."""
        said = [self._status_of(router)["queue_shared"] for router in self.routers()]
        return said == [True, True]

    def kill(self, pod: str) -> None:
        """Its program, which is told nothing."""
        found = pods.named(self.namespace, pod)
        (status,) = found["status"]["containerStatuses"]
        socket = containerd.socket_in(Node.named(found["spec"]["nodeName"]).folder)
        ctr = ("ctr", "--address", socket, "--namespace", "k8s.io", "tasks", "kill")
        shell.run(*ctr, "--signal", "SIGKILL", status["containerID"].removeprefix("containerd://"))

    def _status_of(self, router: Object) -> dict[str, Any]:
        url = f"http://{router['status']['podIP']}:8000/status"
        told: dict[str, Any] = json.loads(pods.get(self.target, self.namespace, "client", url))
        return told


@contextmanager
def routed(target: Target, namespace: str, folder: Path) -> Iterator[Scene]:
    """All is ready, and one viewer has watched undisturbed."""
    scene = Scene(target, namespace, SharedStore(folder))
    scene.store.start()
    try:
        _start(scene)
        with scene.watching() as (viewer,):
            scene.undisturbed += ["", viewer.video]
            for _ in range(MOST_SEGMENTS - 1):
                viewer.play()
                scene.undisturbed.append(viewer.video)
            assert viewer.leave()["code"] == 1000
        yield scene
    finally:
        scene.store.stop()


def _start(scene: Scene) -> None:
    target, namespace = scene.target, scene.namespace
    words = ("create", "secret", "generic", "session-store", "-n", namespace)
    target.kubectl(*words, f"--from-literal=url={scene.store.url}")
    for manifest in (VIDEOS, *_examples()):
        target.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(manifest))
    serve(target, namespace)
    scene.wait_until_whole()


def _examples() -> Iterator[dict[str, Any]]:
    """As they are, but for the store and the warm-up."""
    for name in ("videomodel", "streamingservice", "router"):
        for found in yaml.safe_load_all(Path(f"examples/{name}.yaml").read_text()):
            if found["kind"] == "VideoModel":
                found["spec"]["warmup"] = {"enabled": False}
            if found["kind"] == "StreamingService":
                found["spec"]["store"] = STORE
                shares = found["metadata"]["name"] == SERVICES[0]
                found["spec"]["jobs"] = SHARED_JOBS if shares else {"enabled": False}
            if found["kind"] == "Router":
                found["spec"]["store"] = URL_SECRET
            yield found
