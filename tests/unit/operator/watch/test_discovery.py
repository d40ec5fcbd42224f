"""Kinds that come and go. That it waits for our own kinds is shown on a real API server."""

from __future__ import annotations

from typing import cast

from kubernetes.aio.client.api_client import ApiClient

from matinee_api.kinds.meta import API_VERSION
from matinee_operator.clients.kube import Kube
from matinee_operator.health import Health
from matinee_operator.metrics import Metrics
from matinee_operator.watch.discovery import Discovery

MONITORING, GATEWAY = "monitoring.coreos.com/v1", "gateway.networking.k8s.io/v1"
OURS = {"videomodels", "streamingservices", "routers"}
NO_CLIENT = cast("ApiClient", None)


class Serving(Kube):
    """An API server that is only asked for its kinds."""

    served: dict[str, set[str]] = {}  # noqa: RUF012 - each test sets its own

    async def plurals(self, group_version: str) -> frozenset[str]:
        known = {API_VERSION: OURS, **self.served}
        return frozenset(known.get(group_version, ()))


async def test_optional_kinds_come_and_go_and_the_rest_of_their_group_is_not_enough() -> None:
    kube, told = Serving(NO_CLIENT, Metrics()), list[set[str]]()
    discovery = Discovery(kube, Health(lambda: 0.0), lambda kinds: told.append(set(kinds)))
    for served in (
        {MONITORING: {"servicemonitors"}, GATEWAY: {"gateways"}},
        {MONITORING: {"servicemonitors", "podmonitors"}},
        {MONITORING: {"podmonitors"}, GATEWAY: {"httproutes"}},
        {MONITORING: {"podmonitors"}, GATEWAY: {"gateways", "httproutes"}},
        {},
    ):
        kube.served = served
        await discovery.first()
    assert told == [{"PodMonitor"}, {"PodMonitor", "HTTPRoute"}, set()]
