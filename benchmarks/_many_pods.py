"""One server that stands for the pods of a thousand services: `/v1/slots` as the runtime sends it,
to everybody who connects, a line at once and one every 15 s.

    python benchmarks/_many_pods.py ADDRESS PORT SLOTS    says `ready` when it listens
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys

from aiohttp import web

from matinee_api.contracts.pod_http import HEARTBEAT_S


async def main(address: str, port: int, slots: int) -> None:
    state = {"worker": "a-pod", "model_id": "builtin:tiny", "ready": True, "draining": False}
    counts = {"total": slots, "used": 0, "free": slots, "queued": 0, "ts": 1764081234.567}
    line = json.dumps(state | counts).encode() + b"\n"

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):  # the operator ends first
            while True:
                await response.write(line)
                await asyncio.sleep(HEARTBEAT_S)
        return response

    app = web.Application()
    app.router.add_get("/v1/slots", stream)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, address, port, backlog=4096).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
