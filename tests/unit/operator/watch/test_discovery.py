from __future__ import annotations

import pytest
from kubernetes.aio.client.api_client import ApiClient

from matinee_operator.clients.kube import Kube
from matinee_operator.health import Health
from matinee_operator.metrics import Metrics
from matinee_operator.watch.discovery import MONITORS, Discovery, KindsMissing

OURS = frozenset({"videomodels", "streamingservices", "routers"})


class Serving(Kube):
    """An API server of which only the lists of its kinds are asked for."""

    ours, monitoring = OURS, frozenset[str]()

    async def plurals(self, group_version: str) -> frozenset[str]:
        return self.monitoring if group_version == MONITORS else self.ours


class Scene:
    def __init__(self) -> None:
        self.kube, self.health = Serving(ApiClient(), Metrics()), Health(lambda: 0.0)
        self.told: list[bool] = []
        self.paused: list[str] = []
        self.discovery = Discovery(self.kube, self.health, self.told.append, self._pause)

    async def _pause(self, _seconds: float) -> None:
        self.paused.append(self.health.waits_for)
        self.kube.ours = OURS


@pytest.fixture
async def scene() -> Scene:
    return Scene()


async def test_it_waits_for_the_kind_that_is_missing_and_names_it(scene: Scene) -> None:
    scene.kube.ours = OURS - {"routers"}
    await scene.discovery.first()
    (waited_for,) = scene.paused
    assert waited_for.startswith("the cluster has no CRD routers.matinee.video: install")
    assert not scene.health.waits_for


async def test_a_kind_that_went_is_named(scene: Scene) -> None:
    scene.kube.ours = frozenset()
    with pytest.raises(KindsMissing, match=r"no CRD .*, streamingservices\.matinee\.video"):
        await scene.discovery.check()


async def test_monitors_come_and_go_and_the_rest_of_their_group_is_not_enough(scene: Scene) -> None:
    for served in ({"servicemonitors"}, {"servicemonitors", "podmonitors"}, {"podmonitors"}, set()):
        scene.kube.monitoring = frozenset(served)
        await scene.discovery.first()
    assert scene.told == [True, False]
