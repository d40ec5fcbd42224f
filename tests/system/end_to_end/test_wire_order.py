from __future__ import annotations

from itertools import groupby

import pytest

from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import (
    Item,
    Message,
    Segment,
    kinds_of,
    messages_of,
    segments_of,
    session,
    top_boxes,
)
from tests.unit.runtime.media.mp4_reading import video_frames

Number = (int, float)
FIELDS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "queue_status": {"position": int, "queue_depth": int},
    "gpu_assigned": {
        "gpu_id": int,
        "session_timeout": int,
        "model_id": str,
        "session_id": str,
        "resume_token": str,
        "worker": str,
    },
    "ltx2_stream_start": {
        "preset": str,
        "width": int,
        "height": int,
        "fps": int,
        "num_frames": int,
        "mime": str,
    },
    "ltx2_segment_start": {
        "segment_idx": int,
        "prompt": str,
        "total_steps": int,
        "source": str,
        "request_id": str,
        "seed": int,
    },
    "step_complete": {
        "segment_idx": int,
        "step": int,
        "total_steps": int,
        "stage": str,
        "elapsed_ms": Number,
        "eta_ms": Number,
    },
    "media_init": {
        "segment_idx": int,
        "stream_id": str,
        "mime": str,
        "mode": str,
        "timescale": int,
    },
    "media_segment_complete": {
        "segment_idx": int,
        "stream_id": str,
        "chunks": int,
        "duration_ms": Number,
        "pts_base_ms": Number,
        "bytes": int,
        "frames": int,
    },
    "ltx2_segment_complete": {
        "segment_idx": int,
        "generation_time_ms": Number,
        "e2e_latency_ms": Number,
        "first_fragment_ms": Number,
        "request_id": str,
    },
    "ltx2_stream_complete": {"reason": str},
}


async def test_four_segments_go_over_the_wire_in_the_contracts_order(server: Server) -> None:
    async with session(server, preset="any name", seed=7, num_inference_steps=3) as viewer:
        for index in range(4):
            await viewer.segment(f"prompt {index}", request_id=f"request {index}")
        last = await viewer.end()

    opening = ["queue_status", "gpu_assigned", "ltx2_stream_start"]
    assert opening == kinds_of(viewer.items)[:3]
    assert last == [{"type": "ltx2_stream_complete", "reason": "stop_requested"}]
    assert (viewer.close_code, viewer.close_reason) == (1000, "session_end")
    _check_fields(viewer.items)
    for index, segment in enumerate(segments_of(viewer.items[:-1])):
        _check_segment(segment, index)


def _check_fields(items: list[Item]) -> None:
    for item in items:
        if isinstance(item, bytes):
            continue
        fields = FIELDS[item["type"]]
        for name, kind in fields.items():
            assert isinstance(item[name], kind), f"{item['type']}.{name}: {item[name]!r}"


def _check_segment(segment: Segment, index: int) -> None:
    start, done = segment.only("ltx2_segment_start"), segment.only("ltx2_segment_complete")
    media, init = segment.only("media_segment_complete"), segment.only("media_init")
    assert {index} == {message["segment_idx"] for message in segment.messages}
    assert (f"prompt {index}", "user", f"request {index}") == (
        start["prompt"],
        start["source"],
        start["request_id"],
    )
    assert f"request {index}" == done["request_id"]
    assert 0 < done["first_fragment_ms"] <= done["e2e_latency_ms"]
    assert 0 < done["generation_time_ms"] <= done["e2e_latency_ms"]
    assert (init["stream_id"], len(segment.fragments)) == (media["stream_id"], media["chunks"])
    assert media["bytes"] == sum(map(len, segment.fragments))
    assert top_boxes(segment.init) == ["ftyp", "moov"]
    for fragment in segment.fragments:
        assert top_boxes(fragment) == ["moof", "mdat"]
    _check_steps(messages_of(list(segment.messages), "step_complete"), start["total_steps"])


def _check_steps(steps: list[Message], total: int) -> None:
    """At most 20 a second, so that the quick steps of a small model are not all told."""
    numbers = [step["step"] for step in steps]
    assert numbers == sorted(set(numbers))
    assert (1, total) == (numbers[0], numbers[-1])
    assert {total} == {step["total_steps"] for step in steps}
    assert steps[-1]["eta_ms"] == 0


async def test_within_a_segment_progress_comes_before_video_and_its_end_last(
    server: Server,
) -> None:
    async with session(server, seed=1, num_inference_steps=1) as viewer:
        segment = await viewer.segment("a ball", num_frames=17)
        kinds = [kind for kind, _ in groupby(kinds_of(viewer.items[3:]))]
    assert kinds == [
        "ltx2_segment_start",
        "step_complete",
        "media_init",
        "video",
        "media_segment_complete",
        "ltx2_segment_complete",
    ]
    frames = [len(video_frames(segment.init + fragment)) for fragment in segment.fragments[:1]]
    assert frames == [1]  # the first picture leaves at once


async def test_segments_follow_each_other_on_one_timeline(server: Server) -> None:
    async with session(server, seed=3, fps=8, num_inference_steps=2) as viewer:
        segments = [await viewer.segment("a ball") for _ in range(3)]
    media = [segment.only("media_segment_complete") for segment in segments]
    expected = 0.0
    for one in media:
        assert expected == pytest.approx(one["pts_base_ms"], abs=0.01)
        assert one["duration_ms"] == pytest.approx(one["frames"] * 1000 / 8, abs=0.01)
        expected += one["duration_ms"]
    assert len({segment.init for segment in segments}) == 1
    assert len({one["stream_id"] for one in media}) == 3


async def test_requests_that_come_while_one_runs_wait_in_order(server: Server) -> None:
    async with session(server, num_inference_steps=2) as viewer:
        for name in ("one", "two", "three"):
            await viewer.ask(name, request_id=name)
        done = [await viewer.hear("ltx2_segment_complete") for _ in range(3)]
    assert [message["request_id"] for message in done] == ["one", "two", "three"]
    starts = messages_of(viewer.items, "ltx2_segment_start")
    assert [(start["segment_idx"], start["prompt"]) for start in starts] == [
        (0, "one"),
        (1, "two"),
        (2, "three"),
    ]


async def test_legacy_jpeg_sends_a_picture_in_each_binary_frame(server: Server) -> None:
    async with session(server, stream_mode="legacy_jpeg", num_inference_steps=1) as viewer:
        segment = await viewer.segment("a ball")
    init = segment.only("media_init")
    assert (init["mime"], init["mode"]) == ("image/jpeg", "legacy_jpeg")
    assert len(segment.binaries) == segment.only("media_segment_complete")["frames"] == 17
    for picture in segment.binaries:
        assert (picture[:3], picture[-2:]) == (b"\xff\xd8\xff", b"\xff\xd9")


async def test_the_session_tells_what_it_was_asked_for(server: Server) -> None:
    async with session(
        server, preset="film", width=32, height=96, fps=24, num_frames=9, seed=11
    ) as viewer:
        start = await viewer.hear("ltx2_stream_start")
        segment = await viewer.segment("a ball", seed=12, num_inference_steps=3)
    expected = {"preset": "film", "width": 32, "height": 96, "fps": 24, "num_frames": 9}
    assert expected == {name: start[name] for name in expected}
    told = segment.only("ltx2_segment_start")
    assert (told["seed"], told["total_steps"]) == (12, 3)
    assert segment.only("media_segment_complete")["frames"] == 9


async def test_loop_generation_goes_round_the_curated_prompts(server: Server) -> None:
    async with session(
        server, curated_prompts=["one", "two"], loop_generation_enabled=True, num_inference_steps=1
    ) as viewer:
        starts = [await viewer.hear("ltx2_segment_start") for _ in range(3)]
        await viewer.say("loop_generation_updated", enabled=False)
        await viewer.end()
    assert [start["prompt"] for start in starts] == ["one", "two", "one"]
    assert {"curated"} == {start["source"] for start in starts}


async def test_auto_extension_makes_the_next_prompt_from_the_last(server: Server) -> None:
    async with session(server, num_inference_steps=1) as viewer:
        await viewer.say("auto_extension_updated", enabled=True)
        await viewer.ask("a ball")
        starts = [await viewer.hear("ltx2_segment_start") for _ in range(2)]
        await viewer.end()
    assert [start["source"] for start in starts] == ["user", "auto_extension"]
    assert starts[1]["prompt"].endswith(" ball moving up on a blue background")
