from __future__ import annotations

import json
import re

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.system.end_to_end.conftest import StartFake
from tests.system.end_to_end.serving import PATIENCE_S, Server
from tests.system.end_to_end.viewing import kinds_of, raw, session
from tests.unit.runtime.worker.stepping import ALL, Gate

READINESS = {
    "status",
    "ready_gpu_workers",
    "total_gpus",
    "available_gpus",
    "warmup_successful_gpus",
    "warmup_failed_gpus",
    "queue_size",
    "ts",
}
GPU = {
    "ready",
    "available",
    "client_count",
    "current_model_id",
    "process_alive",
    "warmup_enabled",
    "warmup_success",
    "warmup_error",
    "warmup_timings",
}


@pytest.mark.parametrize("path", ["/healthz", "/health"])
def test_a_live_process_says_so(fake: Server, path: str) -> None:
    fake.wait_until_idle()
    answer = fake.get(path).json()
    assert {"status", "service", "ts"} <= answer.keys()
    if path == "/health":
        assert (answer["sessions"], answer["stream_mode"]) == (0, "av_fmp4")


def test_the_model_is_told_with_what_may_be_asked_of_it(server: Server) -> None:
    answer = server.get("/v1/models").json()
    (model,) = answer["data"]
    assert (answer["object"], model["object"], model["id"]) == ("list", "model", "tiny")
    assert model["created"] > 1_700_000_000
    assert model["capabilities"] == ["text", "image", "continuation"]
    defaults, limits = model["defaults"], model["limits"]
    pixels = defaults["width"] * defaults["height"]
    work = pixels * defaults["num_frames"] * defaults["num_inference_steps"]
    assert (limits["max_pixels"], limits["max_steps"], limits["max_work"]) == (
        *(4 * pixels, 100),
        16 * work,
    )
    assert server.get("/v1/models/tiny").json() == model
    unknown = server.get("/v1/models/gpt")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")


async def test_what_is_past_the_limits_is_refused_and_a_viewer_beside_it_goes_on(
    server: Server,
) -> None:
    """At the first message, and at each prompt; nothing of it reaches the worker."""
    (model,) = server.get("/v1/models").json()["data"]
    async with session(server, num_inference_steps=2) as beside:
        await beside.ask("a ball")
        async with session(server, width=1024, height=1024, num_inference_steps=1) as poison:
            error = await poison.hear("error")
            await poison.rest()
        assert error["param"] == "width"
        assert f"at most {model['limits']['max_pixels']} are allowed" in error["message"]
        assert poison.close_code == 1003
        async with session(server) as viewer:
            for param, value in (("num_inference_steps", 101), ("num_frames", 261)):
                await viewer.ask("a ball", **{param: value})
                error = await viewer.hear("error")
                assert (error["code"], error["param"]) == ("invalid_message", param)
            await viewer.end()
        await beside.hear("ltx2_segment_complete")
        await beside.end()


@pytest.mark.parametrize(
    "path",
    [
        "/healthz",
        "/health",
        "/readyz",
        "/status",
        "/metrics",
        "/v1/slots",
        "/v1/models",
        "/",
        "/player",
        "/no",
    ],
)
def test_head_is_answered_as_get(fake: Server, path: str) -> None:
    with httpx.stream("GET", fake.url + path) as got:
        head = httpx.head(fake.url + path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers.get("content-type") == got.headers.get("content-type")


def test_a_ready_server_says_so_with_all_fields(server: Server) -> None:
    response = server.get("/readyz")
    answer = response.json()
    assert response.status_code == 200
    assert answer.keys() >= READINESS
    assert tuple(
        answer[name]
        for name in (
            "status",
            "ready_gpu_workers",
            "total_gpus",
            "available_gpus",
            "warmup_successful_gpus",
        )
    ) == ("ready", 1, 1, 1, 1)


async def test_status_tells_the_truth_about_each_gpu(server: Server) -> None:
    server.wait_until_idle()
    async with session(server) as viewer:
        await viewer.hear("ltx2_stream_start")
        busy = server.get("/status").json()
    server.wait_until_idle()
    idle = server.get("/status").json()
    (gpu,) = busy["gpu_status"].values()
    assert gpu.keys() >= GPU
    assert (gpu["ready"], gpu["process_alive"], gpu["client_count"]) == (True, True, 1)
    assert gpu["warmup_success"]
    assert gpu["warmup_timings"]["warmup_total"] > 0
    assert idle["gpu_status"]["0"]["client_count"] == 0


async def test_metrics_count_what_happened_without_labels_that_grow(fake: Server) -> None:
    fake.wait_until_idle()
    before = fake.metric("matinee_segments_total", outcome="done")
    for _ in range(2):
        async with session(fake, client_id="somebody") as viewer:
            await viewer.segment("a prompt of somebody")
            await viewer.end()
    text = fake.get("/metrics").text
    assert before + 2 == fake.metric("matinee_segments_total", outcome="done")
    assert fake.metric("matinee_first_fragment_seconds_count") >= 2
    assert fake.metric("matinee_fragment_gap_seconds_count") >= 2
    assert fake.metric("matinee_encode_seconds_count") >= 2
    assert fake.metric("matinee_video_seconds_total") > 0
    assert fake.metric("matinee_compute_seconds_total") > 0
    fake.eventually(lambda: fake.metric("matinee_loop_lag_seconds_count") > 0)
    assert "somebody" not in text
    assert {"reason", "outcome", "le"} >= set(re.findall(r"[{,](\w+)=", text))


async def test_slots_tells_of_a_sessions_start_and_end(fake: Server) -> None:
    fake.wait_until_idle()
    async with (
        httpx.AsyncClient(timeout=60) as http,
        http.stream("GET", fake.url + "/v1/slots") as response,
    ):
        lines = response.aiter_lines()
        assert '"used": 0' in await anext(lines)
        async with session(fake) as viewer:
            assert '"used": 1' in await anext(lines)
            await viewer.hear("ltx2_stream_start")
            await viewer.end()
        assert '"used": 0' in await anext(lines)


async def test_a_server_that_starts_is_alive_but_not_ready(
    start_fake: StartFake, gate: Gate
) -> None:
    """The warm-up is a real generation; the gate stops it."""
    server = start_fake(ready=False, warmup={"enabled": True, "prompt": gate.order})
    await gate.arrival()
    server.url = f"http://127.0.0.1:{server.listening_port()}"
    assert server.get("/healthz").status_code == 200
    response = server.get("/readyz")
    assert (response.status_code, response.json()["status"]) == (503, "warming")
    async with session(server) as early:  # it waits for the model and is served then
        place = await early.hear("queue_status")
        assert (place["position"], place["queue_depth"]) == (0, 1)
        assert server.get("/readyz").json()["queue_size"] == 1
        gate.go(ALL)
        server.wait_until_ready()
        await early.segment("a ball")
    assert server.get("/readyz").status_code == 200

    # The same server, going away.
    async with session(server) as viewer:
        await viewer.hear("ltx2_stream_start")
        answer = server.post("/v1/drain", {"deadline_seconds": 3600})
        assert answer.json() == {"draining": True, "sessions": 1}
        await viewer.segment("a ball")
        draining = server.get("/readyz")
        with pytest.raises(InvalidStatus) as refused:
            async with raw(server):
                pass
        called_off(server)
        server.post("/v1/drain", {"deadline_seconds": 0})
        items = await viewer.rest()
    assert draining.status_code == 503
    assert refused.value.response.status_code == 503
    assert "draining" in kinds_of(viewer.items)
    assert kinds_of(items)[-2:] == ["continuation_state_snapshot", "ltx2_stream_complete"]
    assert items[-1] == {"type": "ltx2_stream_complete", "reason": "drained"}
    assert viewer.close_code == 1012
    assert server.slots()["free"] == 0


def called_off(server: Server) -> None:
    """Its drain."""
    httpx.delete(f"{server.url}/v1/drain", timeout=PATIENCE_S)


@pytest.mark.parametrize("path", ["/v1/strem", "/v1/stream/v1/stream", "/"])
async def test_a_socket_at_another_path_is_told_where_the_stream_is(
    fake: Server, path: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(fake.url.replace("http:", "ws:") + path)
    response = refused.value.response
    assert response.status_code == 404
    assert json.loads(response.body or b"") == {
        "error": "there is no stream here, only at /v1/stream"
    }
