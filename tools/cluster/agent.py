"""What the cluster has of our own: NetworkPolicies are enforced, volumes are made and removed.

Watches the API server; each change leads to a look at the whole. The control plane starts it:
`python -m tools.cluster.agent`.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
import time
from collections.abc import Callable
from typing import Any

import kubernetes.client
import kubernetes.config
import kubernetes.watch
from urllib3.exceptions import HTTPError

from tools.cluster import network, policies, volumes
from tools.cluster.places import CONTROL_PLANE, CONTROL_PLANE_ADDRESS, HOSTPATHS, kubeconfig
from tools.cluster.shell import ClusterError, run, succeeds

log = logging.getLogger("agent")
RETRY_S = 0.5
WATCH_S = 300
LIST_RULES = ("nft", "list", "table", *policies.TABLE.split())
DNS = policies.Pod(
    "kube-system", {"k8s-app": "kube-dns"}, CONTROL_PLANE_ADDRESS, {"dns": 53, "dns-tcp": 53}
)
"""CoreDNS is no pod here, but policies take it for one."""
Objects = dict[str, dict[str, Any]]


class Followed:
    """The objects of one kind as the API server tells them, by uid. `changed` is set after each."""

    def __init__(self, list_all: Callable[..., Any], changed: threading.Event) -> None:
        self.objects: Objects = {}
        self.listed = False
        self._list_all = list_all
        self._changed = changed

    def follow(self) -> None:
        """Never returns. While the API server is away the objects stay as they were."""
        while True:
            try:
                self._list_and_watch()
            except (kubernetes.client.ApiException, HTTPError, OSError) as error:
                log.info("watching %s again: %s", self._list_all.__name__, error)
                time.sleep(RETRY_S)

    def _list_and_watch(self) -> None:
        listed = json.loads(self._list_all(_preload_content=False).data)
        self._replace({item["metadata"]["uid"]: item for item in listed["items"]})
        stream = kubernetes.watch.Watch().stream(
            self._list_all,
            resource_version=listed["metadata"]["resourceVersion"],
            timeout_seconds=WATCH_S,
        )
        for event in stream:
            raw = event["raw_object"]
            known = {k: v for k, v in self.objects.items() if k != raw["metadata"]["uid"]}
            if event["type"] != "DELETED":
                known[raw["metadata"]["uid"]] = raw
            self._replace(known)

    def _replace(self, objects: Objects) -> None:
        self.objects, self.listed = objects, True
        self._changed.set()


class Agent:
    """Looks at everything after each change."""

    def __init__(self) -> None:
        core, network_api = kubernetes.client.CoreV1Api(), kubernetes.client.NetworkingV1Api()
        self._core = core
        self._changed = threading.Event()
        self._pods, self._namespaces, self._nodes, self._policies, self._claims, self._volumes = (
            Followed(list_all, self._changed)
            for list_all in (
                core.list_pod_for_all_namespaces,
                core.list_namespace,
                core.list_node,
                network_api.list_network_policy_for_all_namespaces,
                core.list_persistent_volume_claim_for_all_namespaces,
                core.list_persistent_volume,
            )
        )
        self._applied: dict[str, str] = {}

    def run(self) -> None:
        followed = [value for value in vars(self).values() if isinstance(value, Followed)]
        for one in followed:
            threading.Thread(target=one.follow, daemon=True).start()
        again_s: float | None = None
        while True:
            self._changed.wait(again_s)
            self._changed.clear()
            if all(one.listed for one in followed):
                again_s = None if self._look() else RETRY_S

    def _look(self) -> bool:
        """Whether all is as it should be; otherwise another look is due."""
        try:
            self._enforce_policies()
            self._make_volumes()
            self._remove_volumes()
        except Exception:
            log.exception("looking again")
            return False
        return True

    def _enforce_policies(self) -> None:
        pods = [p for p in map(policies.pod_of, self._pods.objects.values()) if p is not None]
        pods.append(DNS)
        labels = {
            namespace["metadata"]["name"]: namespace["metadata"].get("labels") or {}
            for namespace in self._namespaces.objects.values()
        }
        rules = policies.ruleset(list(self._policies.objects.values()), pods, labels)
        for owner in network.namespaces():
            if owner != CONTROL_PLANE:
                self._apply(owner, rules)

    def _apply(self, owner: str, rules: str) -> None:
        """A namespace that was made anew has no rules."""
        inside = network.inside(owner)
        if self._applied.get(owner) == rules and succeeds(*inside, *LIST_RULES):
            return
        try:
            run(*inside, "nft", "-f", "-", stdin=rules)
        except ClusterError:
            if network.namespace_file(owner).exists():  # it was not killed just now
                raise
        self._applied[owner] = rules

    def _make_volumes(self) -> None:
        for claim in filter(volumes.wants_volume, self._claims.objects.values()):
            folder = HOSTPATHS / volumes.name_of(claim)
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)  # pods write as users of their own
            self._create(volumes.volume(claim, HOSTPATHS))

    def _create(self, volume: dict[str, Any]) -> None:
        try:
            self._core.create_persistent_volume(volume)  # type: ignore[arg-type]
        except kubernetes.client.ApiException as error:
            if error.status != 409:  # made after an earlier change already
                raise

    def _remove_volumes(self) -> None:
        for found in filter(volumes.is_to_be_deleted, self._volumes.objects.values()):
            shutil.rmtree(HOSTPATHS / found["metadata"]["name"], ignore_errors=True)
            try:
                self._core.delete_persistent_volume(found["metadata"]["name"])
            except kubernetes.client.ApiException as error:
                if error.status != 404:
                    raise


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    kubernetes.config.load_kube_config(str(kubeconfig()))
    Agent().run()


if __name__ == "__main__":
    main()
