"""A service behind a real router's program: it wakes from zero, and is servable when the router
says so.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.routed import POD, ROUTER_IP, Stage
from e2e.apiserver.scene import NAME
from e2e.apiserver.story import Life
from matinee_operator.clients.kube import Kube
from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import session as watching

TO_ZERO = {
    "minReplicas": 0,
    "maxReplicas": 1,
    "bufferSlots": 0,
    "scaleDownStabilizationSeconds": 0,
}
ONE_FOR_EACH = {"minReplicas": 1, "maxReplicas": 3, "sessionsPerReplica": 1}
"""Pods of the router, one for each session."""
START_S = 40


def replicas(router: Server) -> list[Any]:
    found: list[Any] = router.get("/status").json()["replicas"]
    return found


async def servable_where_live_routers_say_so(stage: Stage, operator: Life, pod: str) -> None:
    async def servable() -> str:
        await operator.settle()
        return (await stage.conditions("StreamingService"))["Servable"]

    await operator.settle()
    await operator.until(lambda feeds: feeds.knows(pod))
    assert await servable() == "True Serving"
    operator.ahead = timedelta(seconds=2 * START_S)
    await stage.slices_list()  # the router's pod no longer gives it viewers
    await operator.until(lambda feeds: not feeds.knows(pod))
    assert await servable() == "False RouterLagging"
    assert (await stage.conditions("StreamingService"))["Ready"] == "False RouterLagging"
    await stage.is_ready(POD, ROUTER_IP, ready=False)  # and it takes none itself now
    assert await servable() == "True Serving"
    await stage.is_ready(POD, ROUTER_IP)


async def test_the_first_viewer_wakes_a_service_and_is_told_how_long_it_takes(
    kube: Kube,
    session: aiohttp.ClientSession,
    api_server: ControlPlane,
    namespace: str,
    tmp_path: Path,
) -> None:
    stage = Stage(kube, namespace, session, tmp_path)
    operator = stage.operator()
    await stage.may_find_backends()
    await stage.apply({"autoscaling": TO_ZERO}, autoscaling=ONE_FOR_EACH)
    await operator.settle()
    assert (await stage.conditions("StreamingService"))["Servable"] == "False ScaledToZero"
    assert await stage.router_pods() == 1
    await stage.slices_list()
    await stage.router_starts()
    config, token = await stage.router_config(), await stage.tokens(f"{NAME}-router")
    with stage.router(api_server, config, token) as router:
        async with watching(router) as viewer:
            told = await viewer.hear("queue_status")
            assert (told["position"], told.get("eta_seconds")) == (0, None)
            await operator.settle()
            await operator.until(lambda feeds: feeds.waiting == 1)
            await operator.settle()
            (pod,) = await stage.kube.list("Pod", namespace, f"matinee.video/service={NAME}")
            name = pod["metadata"]["name"]
            with stage.server(await stage.tokens(NAME)):
                await stage.is_ready(name, stage.pod_ip, start_s=START_S)
                await stage.slices_list(pod)
                await viewer.segment("the first")
                await servable_where_live_routers_say_so(stage, operator, name)
                await viewer.end()
                await operator.hears(0)
                await operator.settle()
                operator.ahead += timedelta(hours=1)  # its drain deadline
                await operator.settle()
        status = (await stage.get("StreamingService"))["status"]
        assert (status["desiredReplicas"], status["lastStart"]["seconds"]) == (0, START_S)
        await stage.slices_list(pod)  # with the Service's label, which is in the next one too
        router.eventually(lambda: bool(replicas(router)))
        await stage.slices_list()
        router.eventually(lambda: not replicas(router))
        async with watching(router) as viewer, watching(router):
            told = await viewer.hear("queue_status")
            assert START_S - 5 < told["eta_seconds"] <= START_S
            await operator.until(lambda feeds: feeds.waiting == 2)
            await operator.settle()
            assert (await stage.get("StreamingService"))["status"]["desiredReplicas"] == 1
            assert await stage.router_pods() == 2
    await operator.close()
