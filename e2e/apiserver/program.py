"""The program itself, as a pod starts it, and what a test waits for meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from matinee_operator.clients.kube import Kube
from matinee_operator.errors import NotFound
from matinee_operator.objects import Key
from tests.servers.ports import free_port

PATIENCE_S = 40.0


@asynccontextmanager
async def replica(
    kubeconfig: Path,
    namespace: str,
    name: str = "a",
    port: int = 0,
    lease_s: float = 12.0,
    **more: str,
) -> AsyncIterator[Process]:
    """`more`: other variables, without what all of them begin with."""
    environment = {
        "PATH": os.environ["PATH"],
        "HTTPS_PROXY": "http://127.0.0.1:9",  # answers nobody: loopback is asked without one
        "ALL_PROXY": "http://127.0.0.1:9",
        "KUBECONFIG": str(kubeconfig),
        "MATINEE_OPERATOR_KEY": "0123456789abcdef",
        "MATINEE_NAMESPACE": namespace,
        "MATINEE_NAMESPACES": namespace,
        "MATINEE_IDENTITY": name,
        "MATINEE_HEALTH_PORT": str(port or free_port()),
        "MATINEE_PROPAGATION_SECONDS": "0",
        "MATINEE_LEASE_SECONDS": f"{lease_s:g}",
        **{f"MATINEE_{variable}": value for variable, value in more.items()},
    }
    command = (sys.executable, "-m", "matinee_operator")
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def eventually(kube: Kube, key: Key, holds: Callable[[dict[str, Any]], bool]) -> None:
    """Ask until it is so."""
    async with asyncio.timeout(PATIENCE_S):
        for _ in iter(int, 1):
            try:
                if holds(await kube.get(key)):
                    return
            except NotFound:
                pass
            await asyncio.sleep(0.05)


async def readiness(port: int, holds: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    """What the replica says of itself, as soon as `holds` is true of it."""
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    body: dict[str, str] = await answer.json()
                    if holds(body):
                        return body
            await asyncio.sleep(0.05)


def led_by(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda lease: bool(lease["spec"]["holderIdentity"] == name)


def has_its_pods(found: dict[str, Any]) -> bool:
    """The watch of its model may be slower than its own: the first status may know of none."""
    return bool(found.get("status", {}).get("replicas") == found["spec"]["replicas"])
