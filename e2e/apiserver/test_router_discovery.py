"""How a router finds its backends, on a real API server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.faulty import Asked, Fault, faulty_way
from e2e.apiserver.router_program import (
    TERMINATING,
    allow,
    bind,
    endpoint,
    looking,
    mounted,
    put_slice,
    reached,
    server_of,
    unbind,
)
from matinee.router.api_server import HOST_VARIABLE, PORT_VARIABLE
from matinee_operator.clients.kube import Kube
from matinee_operator.objects import Key
from tests.system.end_to_end.serving import running


async def delete(kube: Kube, key: Key) -> None:
    found = await kube.get(key)
    await kube.delete(key, found["metadata"]["uid"])


async def test_backends_are_what_the_slices_say(
    kube: Kube, api_server: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    await allow(kube, namespace)
    await put_slice(kube, namespace, "a", endpoint("10.0.0.1"))
    credentials = mounted(api_server.limited, tmp_path, namespace)
    async with looking(server_of(api_server.limited), credentials, namespace) as eyes:
        await eyes.see("10.0.0.1")
        second = await put_slice(kube, namespace, "b", endpoint("10.0.0.2"))
        await eyes.see("10.0.0.1", "10.0.0.2")
        six = endpoint("fd00::1"), endpoint("fd00::3")
        await put_slice(kube, namespace, "six", *six, family="IPv6")
        await eyes.see("10.0.0.1", "10.0.0.2", "[fd00::3]")
        await put_slice(kube, namespace, "a", endpoint("10.0.0.1", TERMINATING))
        await put_slice(kube, namespace, "six", endpoint("fd00::3"), family="IPv6")
        await eyes.see("10.0.0.2", "[fd00::3]", keeping=("10.0.0.1",))
        await delete(kube, second)
        await put_slice(kube, namespace, "a", endpoint("10.0.0.1", {"ready": False}))
        await eyes.see("[fd00::3]")
        await put_slice(kube, namespace, "six", family="IPv6")
        await eyes.see()


async def test_with_every_third_answer_wrong_nothing_is_missed_and_nothing_is_forgotten(
    kube: Kube, api_server: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    kinds: tuple[Fault, ...] = ("not sent", "server error", "gone", "answer lost")

    def plan(asked: Asked) -> Fault | None:
        return kinds[asked.number // 3 % 4] if asked.number % 3 == 2 else None

    await allow(kube, namespace)
    await put_slice(kube, namespace, "a", endpoint("10.0.0.1"))
    async with faulty_way(api_server.limited, plan, watch_lines=1) as way:
        credentials = mounted(way.kubeconfig, tmp_path, namespace)
        async with looking(server_of(way.kubeconfig), credentials, namespace) as eyes:
            await eyes.see("10.0.0.1")
            for index in range(2, 9):
                await put_slice(kube, namespace, "b", endpoint(f"10.0.0.{index}"))
                await eyes.see("10.0.0.1", f"10.0.0.{index}")
        assert set(way.done) >= {"not sent", "server error", "gone"}
        assert way.watches_cut >= 3
    assert all("10.0.0.1" in state for state in eyes.states)


class Log:
    """Every request, and what becomes of it."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.fault: Fault | None = None

    def plan(self, asked: Asked) -> Fault | None:
        self.asked.append(asked)
        return self.fault

    @property
    def watches(self) -> int:
        return sum(asked.watch for asked in self.asked)

    async def more(self, count: int) -> None:
        """Wait for so many further requests."""
        before = len(self.asked)
        await reached(lambda: len(self.asked) >= before + count)


async def test_who_may_not_look_any_more_keeps_what_was_seen(
    kube: Kube, api_server: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """And looks again as soon as it may, with the token that is there then."""
    log = Log()
    await allow(kube, namespace)
    await put_slice(kube, namespace, "a", endpoint("10.0.0.1"))
    async with faulty_way(api_server.limited, log.plan, watch_lines=1) as way:
        credentials = mounted(way.kubeconfig, tmp_path, namespace)
        async with looking(server_of(way.kubeconfig), credentials, namespace) as eyes:
            await eyes.see("10.0.0.1")
            await reached(lambda: log.watches > 0)
            log.fault = "server error"
            await put_slice(kube, namespace, "a", endpoint("10.0.0.2"))
            await eyes.see("10.0.0.2")  # by the watch that was open, which ended with it
            await unbind(kube, namespace)
            mounted(way.kubeconfig, tmp_path, namespace, token="another")  # noqa: S106
            await put_slice(kube, namespace, "a", endpoint("10.0.0.3"))
            log.fault = None
            await log.more(2)  # 401
            mounted(way.kubeconfig, tmp_path, namespace)
            await log.more(2)  # 403
            assert eyes.states[-1] == {"10.0.0.2": True}
            await bind(kube, namespace)
            await eyes.see("10.0.0.3")


async def test_an_empty_list_after_an_error_empties_nothing(
    kube: Kube, api_server: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    log = Log()

    def plan(asked: Asked) -> Fault | None:
        fault = log.plan(asked)
        return fault if asked.watch else None

    await allow(kube, namespace)
    key = await put_slice(kube, namespace, "a", endpoint("10.0.0.1"))
    async with faulty_way(api_server.limited, plan, watch_lines=1) as way:
        credentials = mounted(way.kubeconfig, tmp_path, namespace)
        async with looking(server_of(way.kubeconfig), credentials, namespace) as eyes:
            await reached(lambda: log.watches > 0)
            log.fault = "gone"
            await put_slice(kube, namespace, "a", endpoint("10.0.0.2"))
            await eyes.see("10.0.0.2")
            await delete(kube, key)
            lists = len(eyes.states)
            await reached(lambda: len(eyes.states) > lists + 1)
            assert eyes.states[-1] == {"10.0.0.2": True}
            log.fault = None
            await put_slice(kube, namespace, "a", endpoint("10.0.0.3"))
            await eyes.see("10.0.0.3")


async def test_the_program_finds_them_as_a_pod_does(
    kube: Kube, api_server: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    await allow(kube, namespace)
    await put_slice(kube, namespace, "a", endpoint("10.0.0.1", TERMINATING))
    credentials = mounted(api_server.limited, tmp_path, namespace)
    place = urlsplit(server_of(api_server.limited))
    found = {"services": [{"name": "tiny"}], "credentials_directory": str(credentials)}
    config = tmp_path / "router.yaml"
    config.write_text(json.dumps({"router": {"port": 0, "kubernetes": found}}))
    command = [sys.executable, "-m", "matinee", "router-serve", "--config", str(config)]
    where = [f"{HOST_VARIABLE}={place.hostname}", f"{PORT_VARIABLE}={place.port}"]
    with running(["env", *where, *command], tmp_path / "log") as router:
        router.eventually(lambda: bool(router.get("/status").json()["replicas"]))
        (replica,) = router.get("/status").json()["replicas"]
    assert (replica["name"], replica["takes_new"]) == ("pod-1", False)
