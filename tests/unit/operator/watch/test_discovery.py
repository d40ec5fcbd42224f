"""PodMonitors that come and go. That it waits for our own kinds is shown on a real API server."""

from __future__ import annotations

from typing import cast

from kubernetes.aio.client.api_client import ApiClient

from matinee_operator.clients.kube import Kube
from matinee_operator.health import Health
from matinee_operator.metrics import Metrics
from matinee_operator.watch.discovery import MONITORS, Discovery

OURS = frozenset({"videomodels", "streamingservices", "routers"})
NO_CLIENT = cast("ApiClient", None)


class Serving(Kube):
    """An API server that is only asked for its kinds."""

    monitoring: frozenset[str] = frozenset()

    async def plurals(self, group_version: str) -> frozenset[str]:
        return self.monitoring if group_version == MONITORS else OURS


async def test_monitors_come_and_go_and_the_rest_of_their_group_is_not_enough() -> None:
    kube, told = Serving(NO_CLIENT, Metrics()), list[bool]()
    discovery = Discovery(kube, Health(lambda: 0.0), told.append)
    for served in ({"servicemonitors"}, {"servicemonitors", "podmonitors"}, {"podmonitors"}, set()):
        kube.monitoring = frozenset(served)
        await discovery.first()
    assert told == [True, False]
