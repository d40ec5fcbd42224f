"""How long one viewer's messages of 47 MiB keep the server from answering anybody else.

The server runs with its defaults. A process of its own sends first messages of the kinds that cost
most: a picture that is none, a text of escapes, millions of values, another's noise. Meanwhile
`/healthz` is asked again and again, as a kubelet and a load balancer do.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from benchmarks._report import package_versions, report
from benchmarks._server import quickstart_server

CHARACTERS = 47 * 2**20
ROUNDS = 3


def main() -> None:
    if len(sys.argv) > 1:
        asyncio.run(send_all(sys.argv[1]))
        return
    with quickstart_server() as server:
        idle_ms, busy_ms = asyncio.run(measure(server.url))
    kinds = list(messages())
    report(
        name="longest wait for /healthz beside messages of 47 MiB",
        unit="ms",
        ours=max(busy_ms),
        target=500,
        conditions={
            "messages": ROUNDS * len(kinds),
            "kinds": kinds,
            "answers": len(busy_ms),
            "median_ms": round(statistics.median(busy_ms), 2),
            "longest_without_ms": round(max(idle_ms), 2),
            **package_versions("pydantic", "uvicorn", "websockets"),
        },
    )


def messages() -> dict[str, str]:
    """Kind -> text."""
    init = '{"type":"session_init_v2",'
    lists, escapes, picture = "[]," * (CHARACTERS // 3), r"\n" * (CHARACTERS // 2), "A" * CHARACTERS
    return {
        "picture": init + f'"initial_image":{{"mime":"image/png","data":"{picture}"}}}}',
        "escapes": init + f'"negative_prompt":"{escapes}"}}',
        "values": init + f'"continuation_state":{{"kind":"a","payload":{{"b":[{lists}1]}}}}}}',
        "noise": " " * CHARACTERS,
    }


async def send_all(url: str) -> None:
    for _ in range(ROUNDS):
        for text in messages().values():
            async with connect(
                url.replace("http", "ws") + "/v1/stream", compression=None
            ) as viewer:
                await viewer.send(text)
                try:
                    async for _ in viewer:
                        pass
                except ConnectionClosed:
                    pass


async def measure(url: str) -> tuple[list[float], list[float]]:
    """Times of `/healthz` without the messages and beside them."""
    idle = await waits_ms(url, asyncio.create_task(asyncio.sleep(2)))
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, url)
    busy = await waits_ms(url, asyncio.create_task(process.wait()))
    if process.returncode:
        raise RuntimeError("the sender failed")
    return idle, busy


async def waits_ms(url: str, during: asyncio.Task[object]) -> list[float]:
    waits: list[float] = []
    async with httpx.AsyncClient(timeout=60) as client:
        while not during.done():
            began = time.perf_counter()
            (await client.get(f"{url}/healthz")).raise_for_status()
            waits.append((time.perf_counter() - began) * 1000)
    return waits


if __name__ == "__main__":
    main()
