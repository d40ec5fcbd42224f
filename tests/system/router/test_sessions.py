"""Sessions of real viewers through a router in front of two real servers."""

from __future__ import annotations

from contextlib import AsyncExitStack
from itertools import groupby
from pathlib import Path

import httpx

from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import Viewer, kinds_of, messages_of, session
from tests.system.router.routing import backends, routing


def placed(router: Server, pods: list[Server]) -> list[int]:
    """Sessions that the router has on each."""
    known = backends(router)
    return [known[pod.url]["sessions"] for pod in pods]


async def test_a_stream_is_the_same_through_the_router(router: Server, pods: list[Server]) -> None:
    videos, closes = [], []
    for server in (pods[0], router):
        async with session(server, seed=7) as viewer:
            segments = [await viewer.segment(prompt) for prompt in ("a red ball", "a blue one")]
            items = await viewer.end()
            videos.append([one.binaries for one in segments])
            closes.append((viewer.close_code, viewer.close_reason, kinds_of(items)))
    assert videos[0] == videos[1]
    assert closes[0] == closes[1]
    assert closes[1][0] == 1000


async def test_who_asks_for_heartbeats_hears_them_in_the_queue_and_between_other_messages(
    folder: Path, pods: list[Server]
) -> None:
    with routing(folder, [pods[0].url], heartbeat_seconds=0.1) as router:
        async with session(router, heartbeat=True) as viewer, session(router) as other:
            assert (await viewer.next()) == {"type": "heartbeat", "seconds": 0.1}
            await viewer.hear("ltx2_stream_start")
            await viewer.hear("heartbeat")
            await viewer.segment("a red ball")
            await other.segment("a blue ball")
            async with session(router, heartbeat=True) as queued:
                await queued.hear("queue_status")
                await queued.hear("heartbeat")
                assert set(kinds_of(queued.items)) == {"heartbeat", "queue_status"}
            assert kinds_of(await viewer.end())[-1] == "ltx2_stream_complete"
        assert "heartbeat" not in kinds_of(other.items)


OF_THE_REFERENCE = {
    "client_id": "7d3c", "preset": "ltx2_base", "preset_label": "LTX-2", "curated_prompts": ["a"],
    "initial_image": None, "enhancement_enabled": False, "auto_extension_enabled": False,
    "loop_generation_enabled": False, "single_clip_mode": False, "stream_mode": "av_fmp4",
}  # fmt: skip
ITS_SAMPLING = {
    "negative_prompt": None, "source": "curated", "seed": 7, "num_inference_steps": 4,
    "guidance_scale": 1.0,
}  # fmt: skip


async def test_a_client_of_the_reference_system_plays_through_the_router(router: Server) -> None:
    """It says what that one's messages have, and closes when it has seen enough."""
    state, segments = None, []
    for _ in range(2):
        init = {**OF_THE_REFERENCE, "continuation_state": state}
        async with session(router, **init) as viewer:
            segments.append(await viewer.segment("a red ball", **ITS_SAMPLING))
            await viewer.say("seed_prompts_updated", seed_prompts=["a", "b"])
            for kind in ("enhancement", "auto_extension", "loop_generation"):
                await viewer.say(f"{kind}_updated", enabled=False)
            await viewer.say("generation_paused_updated", paused=False)
            await viewer.say("snapshot_state")
            state = (await viewer.hear("continuation_state_snapshot"))["state"]
        kinds = (kind for kind in kinds_of(viewer.items) if kind != "step_complete")
        order = [kind for kind, _ in groupby(kinds)]
        greeting = ["queue_status", "gpu_assigned", "ltx2_stream_start"]
        ending = ["media_segment_complete", "ltx2_segment_complete", "continuation_state_snapshot"]
        assert order == [*greeting, "ltx2_segment_start", "media_init", "video", *ending]
    assert segments[0].fragments != segments[1].fragments, "it goes on from the state"


async def test_sessions_are_spread_evenly_and_the_next_ones_wait(
    router: Server, pods: list[Server]
) -> None:
    router.eventually(lambda: placed(router, pods) == [0, 0])
    async with AsyncExitStack() as stack:
        viewers: list[Viewer] = []
        for _ in range(4):
            viewer = await stack.enter_async_context(session(router))
            await viewer.hear("ltx2_stream_start")
            viewers.append(viewer)
        assert placed(router, pods) == [2, 2]
        fifth = await stack.enter_async_context(session(router))
        assert _place(await fifth.hear("queue_status")) == (0, 1)
        sixth = await stack.enter_async_context(session(router))
        assert _place(await sixth.hear("queue_status")) == (1, 2)
        await _is_refused(router)
        assert router.get("/status").json()["queued"] == 2
        await viewers[3].end()
        await fifth.hear("ltx2_stream_start")
        last = await sixth.hear("queue_status")
        assert _place(last) == (0, 1)
        assert last["eta_seconds"] >= 0
        sixth.vanish()
        await fifth.segment("a ball")
        router.eventually(lambda: router.get("/status").json()["queued"] == 0)
    router.eventually(lambda: placed(router, pods) == [0, 0])
    assert router.metric("matinee_router_bytes_total", direction="to_viewers") > 0


async def _is_refused(router: Server) -> None:
    before = router.metric("matinee_router_refusals_total", reason="queue_full")
    async with session(router) as viewer:
        items = await viewer.rest()
    assert kinds_of(items) == ["error", "ltx2_stream_complete"]
    (error,) = messages_of(items, "error")
    assert (error["code"], error["retryable"]) == ("session_rejected", True)
    assert error["retry_after_seconds"] > 0
    assert (viewer.close_code, viewer.close_reason) == (1013, "queue_full")
    assert router.metric("matinee_router_refusals_total", reason="queue_full") == before + 1


async def test_a_draining_server_keeps_what_it_has_and_gets_nothing_new(
    router: Server, pods: list[Server]
) -> None:
    router.eventually(lambda: placed(router, pods) == [0, 0])
    async with session(router) as first:
        await first.hear("ltx2_stream_start")
        busy = placed(router, pods).index(1)
        pods[busy].post("/v1/drain", {"deadline_seconds": 600})
        router.eventually(lambda: not backends(router)[pods[busy].url]["takes_new"])
        async with session(router) as second:
            await second.hear("ltx2_stream_start")
            assert placed(router, pods) == [1, 1]
            await second.end()
        await first.segment("a ball")
        await first.end()
    _undrain(pods[busy])
    router.eventually(lambda: backends(router)[pods[busy].url]["takes_new"])


def _undrain(pod: Server) -> None:
    httpx.delete(f"{pod.url}/v1/drain")


def _place(message: dict[str, int]) -> tuple[int, int]:
    return message["position"], message["queue_depth"]
