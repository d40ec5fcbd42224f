"""`/v1/videos` through OpenAI's own client, whose types say what must be answered."""

from __future__ import annotations

import asyncio
import base64
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import openai
import pytest
from openai.types import Video, VideoDeleteResponse
from PIL import Image

from matinee.cli import main
from tests.places import EXAMPLES
from tests.system.end_to_end.jobs import async_client_of, client_of, create, ended, problem
from tests.system.end_to_end.serving import PATIENCE_S, Server, jobs_server, running
from tests.unit.runtime.media.mp4_reading import boxes
from tests.unit.runtime.worker.stepping import Gate

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API")
"""OpenAI's own; the API lives on in others."""
ALL_FILES = {"video", "thumbnail", "spritesheet"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that makes jobs. Tests use what they ordered themselves."""
    folder = tmp_path_factory.mktemp("shop")
    with running(jobs_server(folder / "jobs", max_queued=1000), folder / "log") as server:
        yield server


def png(width: int = 48, height: int = 32) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, "PNG")
    return file.getvalue()


def frames_of(video: bytes) -> int:
    with av.open(io.BytesIO(video), "r") as container:
        return len(list(container.decode(video=0)))


def test_a_video_from_its_order_to_its_end(shop: Server) -> None:
    client = client_of(shop)
    video = client.videos.create_and_poll(prompt="a red ball", seconds="4", size="64x32")  # type: ignore[arg-type]
    assert (video.status, video.progress, video.error) == ("completed", 100, None)
    assert (video.prompt, video.seconds, video.size) == ("a red ball", "4", "64x32")
    assert video.completed_at is not None
    assert video.expires_at is not None
    assert video.created_at <= video.completed_at < video.expires_at
    files = {
        variant: client.videos.download_content(video.id, variant=variant).read()  # type: ignore[arg-type]
        for variant in ALL_FILES
    }
    assert frames_of(files["video"]) == 97
    outermost = [box.path for box in boxes(files["video"]) if "/" not in box.path]
    assert outermost == ["ftyp", "moov", "mdat"]
    thumbnail, sheet = (
        Image.open(io.BytesIO(files[name])) for name in ("thumbnail", "spritesheet")
    )
    assert (thumbnail.format, thumbnail.size) == ("WEBP", (64, 32))
    assert (sheet.format, sheet.size) == ("WEBP", (4 * 64, 4 * 32))
    assert client.videos.delete(video.id).deleted
    for call in (client.videos.retrieve, client.videos.delete, client.videos.download_content):
        with pytest.raises(openai.NotFoundError) as missing:
            call(video.id)
        assert (missing.value.code, missing.value.param) == ("video_not_found", "video_id")


def test_what_is_answered_is_of_the_clients_own_types(shop: Server) -> None:
    client = client_of(shop)
    created = client.videos.with_raw_response.create(prompt="a ball")
    assert 100 <= int(created.headers["openai-poll-after-ms"]) <= 5000
    video = created.parse()
    done = ended(shop, video.id)
    for told in (created.http_response.json(), done):
        assert set(told) >= set(Video.model_fields)
        Video.model_validate({**told, "size": "720x1280"}, strict=True)  # it knows four sizes
    assert "openai-poll-after-ms" not in shop.get(f"/v1/videos/{video.id}").headers
    gone = httpx.delete(f"{shop.url}/v1/videos/{video.id}").json()
    VideoDeleteResponse.model_validate(gone, strict=True)
    assert gone.keys() == set(VideoDeleteResponse.model_fields)


def test_the_list_goes_page_by_page(shop: Server) -> None:
    client = client_of(shop)
    ids = [client.videos.create(prompt=f"ball {number}").id for number in range(5)]
    for order, expected in (("desc", ids[::-1]), ("asc", ids)):
        listed = [video.id for video in client.videos.list(limit=2, order=order)]  # type: ignore[arg-type]
        assert [one for one in listed if one in ids] == expected
    page = client.videos.list(limit=2)
    assert page.has_more
    assert [video.id for video in page.data] == ids[:2:-1]


def test_a_remix_is_the_same_with_another_prompt(shop: Server) -> None:
    client = client_of(shop)
    source = client.videos.create_and_poll(
        prompt="a ball",
        size="64x32",  # type: ignore[arg-type]
        input_reference=("a.png", png(), "image/png"),
    )
    remix = client.videos.remix(source.id, prompt="a cube")
    assert (remix.prompt, remix.remixed_from_video_id) == ("a cube", source.id)
    assert (remix.size, remix.seconds) == (source.size, source.seconds)
    client.videos.delete(source.id)
    assert client.videos.poll(remix.id).status == "completed"
    with pytest.raises(openai.NotFoundError):
        client.videos.remix(source.id, prompt="a cube")


async def test_the_same_without_blocking(shop: Server) -> None:
    client = async_client_of(shop)
    video = await client.videos.create_and_poll(prompt="a ball", input_reference=png())
    assert video.status == "completed"
    content = await client.videos.download_content(video.id)
    assert frames_of(content.read()) == 17
    assert video.id in [one.id async for one in client.videos.list(limit=100)]
    remix = await client.videos.remix(video.id, prompt="a cube")
    assert (await client.videos.poll(remix.id)).status == "completed"
    assert (await client.videos.delete(video.id)).deleted
    await client.close()


def test_what_the_model_takes_besides_is_taken_from_json_and_from_forms(shop: Server) -> None:
    extras = {"num_frames": 25, "fps": 8, "seed": 11, "num_inference_steps": 2}
    by_form = client_of(shop).videos.create(prompt="a ball", extra_body=extras)
    by_json = create(shop, **extras)
    form = httpx.post(
        f"{shop.url}/v1/videos",
        files={name: (None, str(value)) for name, value in {"prompt": "a ball", **extras}.items()},
    ).json()
    for told in (by_form.model_dump(), by_json, form):
        assert {name: told[name] for name in extras} == extras
    contents = {
        shop.get(f"/v1/videos/{ended(shop, one)['id']}/content").content
        for one in (by_form.id, by_json["id"], form["id"])
    }
    assert len(contents) == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (400, "missing_required_parameter", "prompt")),
        ({"prompt": ""}, (400, "invalid_value", "prompt")),
        ({"prompt": 3}, (400, "invalid_value", "prompt")),
        ({"prompt": "a", "model": "sora-2"}, (404, "model_not_found", "model")),
        ({"prompt": "a", "size": "33x32"}, (400, "invalid_value", "width")),
        ({"prompt": "a", "size": "large"}, (400, "invalid_value", "size")),
        ({"prompt": "a", "seconds": "12000"}, (400, "invalid_value", "seconds")),
        ({"prompt": "a", "colour": "red"}, (400, "unknown_parameter", "colour")),
        ({"prompt": "a", "output_path": "/tmp/a"}, (400, "unknown_parameter", "output_path")),  # noqa: S108
        (
            {"prompt": "a", "input_reference": "/etc/passwd"},
            (400, "invalid_value", "input_reference"),
        ),
        (
            {"prompt": "a", "input_reference": {"image_url": "http://169.254.169.254/"}},
            (400, "invalid_value", "input_reference"),
        ),
        (
            {"prompt": "a", "input_reference": {"image_url": "data:image/png;base64,AAAA"}},
            (400, "invalid_value", "input_reference"),
        ),
        (
            {"prompt": "a", "input_reference": {"file_id": "f"}},
            (400, "invalid_value", "input_reference"),
        ),
    ],
)
def test_what_is_wrong_is_told_as_openai_does(
    shop: Server, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(shop.post("/v1/videos", fields)) == expected


FORM = "multipart/form-data; boundary=b"


@pytest.mark.parametrize(
    ("method", "path", "body", "content_type", "expected"),
    [
        ("POST", "", b"[]", "application/json", (400, "invalid_json")),
        ("POST", "", b"{" * 9000, "application/json", (400, "invalid_json")),
        ("POST", "", b"a=b", "application/x-www-form-urlencoded", (415, "unsupported_media_type")),
        ("POST", "", b"", "multipart/form-data", (400, "invalid_form")),
        ("POST", "", b"--b\r\n", FORM, (400, "invalid_form")),
        ("POST", "", b"x" * 5_000_000, "application/json", (413, "request_too_large")),
        ("GET", "?limit=0", b"", "", (400, "invalid_value")),
        ("GET", "?limit=1e1", b"", "", (400, "invalid_value")),
        ("GET", "?order=up", b"", "", (400, "invalid_value")),
        ("GET", "?after=video_0", b"", "", (404, "video_not_found")),
        ("GET", "/video_0", b"", "", (404, "video_not_found")),
        ("GET", "/video_0/content?variant=all", b"", "", (400, "invalid_value")),
    ],
)
def test_what_is_no_order_is_refused(
    shop: Server, method: str, path: str, body: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    url, headers = f"{shop.url}/v1/videos{path}", {"content-type": content_type}
    answer = httpx.request(method, url, content=body, headers=headers)
    assert problem(answer)[:2] == expected


def test_a_page_of_another_site_may_not_order(shop: Server) -> None:
    """A form needs no permission of the browser."""
    answer = httpx.post(
        f"{shop.url}/v1/videos",
        files={"prompt": (None, "a ball")},
        headers={"origin": "https://evil.example"},
    )
    assert problem(answer)[:2] == (403, "origin_not_allowed")


def test_the_same_order_twice_is_one_video(shop: Server) -> None:
    client, once = client_of(shop), {"Idempotency-Key": "order-1"}
    first = client.videos.create(prompt="a ball", input_reference=png(), extra_headers=once)
    again = client.videos.create(prompt="a ball", input_reference=png(), extra_headers=once)
    assert again.id == first.id
    for other in ({"prompt": "a cube"}, {"prompt": "a ball", "input_reference": png(64)}):
        with pytest.raises(openai.UnprocessableEntityError) as reused:
            client.videos.create(**other, extra_headers=once)
        assert reused.value.code == "idempotency_key_reused"


def test_parts_of_a_video_can_be_asked_for(shop: Server) -> None:
    url = f"{shop.url}/v1/videos/{ended(shop, create(shop)['id'])['id']}/content"
    whole = httpx.get(url)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "video/mp4")
    part = httpx.get(url, headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    assert part.headers["content-range"] == f"bytes 4-7/{len(whole.content)}"
    tag = whole.headers["etag"]
    assert httpx.get(url, headers={"if-none-match": f'"other", {tag}'}).status_code == 304
    resumed = httpx.get(url, headers={"range": "bytes=9-", "if-range": tag})
    assert (resumed.status_code, resumed.content) == (206, whole.content[9:])
    changed = httpx.get(url, headers={"range": "bytes=9-", "if-range": '"other"'})
    assert (changed.status_code, changed.content) == (200, whole.content)
    past = httpx.get(url, headers={"range": "bytes=99999999-"})
    assert past.status_code == 416
    head = httpx.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))


def test_the_example_runs(shop: Server, tmp_path: Path) -> None:
    words = [str(tmp_path / "ball.mp4"), "--url", f"{shop.url}/v1"]
    words += ["--seconds", "0.7", "--size", "32x32"]  # a larger one may be in quarantine by now
    program = [sys.executable, str(EXAMPLES / "openai_client.py"), *words]
    ran = subprocess.run(program, capture_output=True, text=True, check=True)
    assert "its remix video_" in ran.stdout
    assert frames_of((tmp_path / "ball.mp4").read_bytes()) == 17


def test_jobs_are_listed_watched_and_cancelled_on_a_command_line(
    shop: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(*words: str) -> tuple[int, str]:
        code = main(["jobs", "--url", shop.url, *words])
        told = capsys.readouterr()
        return code, told.out + told.err

    job = create(shop, prompt="a ball\n" * 20)["id"]
    assert said("watch", job) == (0, f"{shop.url}/v1/videos/{job}/content\n")
    code, listed = said("list")
    row = next(line for line in listed.splitlines() if line.startswith(job))
    assert (code, row.split()[1:6]) == (0, ["completed", "100", "%", "0.71", "32x32"])
    assert row.endswith("a ball a ba…")
    assert said("cancel", job) == (0, f"{job} is gone\n")
    code, why = said("watch", job)
    assert code == 1
    assert f"there is no video '{job}'" in why
    failing = create(shop, prompt="raise@1=MemoryError")["id"]
    code, why = said("watch", failing)
    assert (code, "not enough memory" in why) == (1, True)


def test_a_video_within_one_request(shop: Server) -> None:
    def generated(**fields: Any) -> httpx.Response:
        return shop.post("/v1/videos/generations", {"prompt": "a ball", "seed": 1, **fields})

    by_url, inline = generated().json(), generated(response_format="b64_json").json()
    assert by_url["status"] == "completed"
    video = httpx.get(by_url["data"][0]["url"]).content
    assert base64.b64decode(inline["data"][0]["b64_json"]) == video
    assert frames_of(video) == 17
    assert problem(generated(response_format="tape")) == (400, "invalid_value", "response_format")
    assert problem(generated(prompt="raise@1=MemoryError")) == (422, "generation_failed", None)


async def test_who_leaves_before_the_end_stops_the_gpu(shop: Server, gate: Gate) -> None:
    async with httpx.AsyncClient() as browser:
        order = {"prompt": gate.order}
        asking = asyncio.create_task(
            browser.post(f"{shop.url}/v1/videos/generations", json=order, timeout=PATIENCE_S)
        )
        await gate.arrival()
        asking.cancel()
        await asyncio.wait([asking])

    def listed() -> list[str]:
        return [video["prompt"] for video in shop.get("/v1/videos").json()["data"]]

    shop.eventually(lambda: gate.order not in listed())
    gate.go()  # the step that is under way
    async with async_client_of(shop) as client:
        assert (await client.videos.create_and_poll(prompt="a ball")).error is None


@pytest.mark.parametrize("form", ["png", "jpeg", "webp"])
def test_a_picture_is_a_video_of_one_frame(shop: Server, form: str) -> None:
    client = client_of(shop)
    made = client.images.generate(
        prompt="a still ball",
        size="64x32",  # type: ignore[call-overload]
        output_format=form,
        response_format="b64_json",
        n=1,
        extra_body={"seed": 4},
    )
    picture = Image.open(io.BytesIO(base64.b64decode(made.data[0].b64_json)))
    assert (picture.format, picture.size) == (form.upper(), (64, 32))
    assert "a still ball" not in [video.prompt for video in client.videos.list(limit=100)]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"n": 2}, (400, "invalid_value", "n")),
        ({"response_format": "file"}, (400, "invalid_value", "response_format")),
        ({"stream": "often"}, (400, "invalid_value", "stream")),
        ({"seconds": "4"}, (400, "unknown_parameter", "seconds")),
        ({"size": "7x7"}, (400, "invalid_value", "width")),
        ({"prompt": "raise@1=MemoryError"}, (422, "generation_failed", None)),
    ],
)
def test_a_picture_that_cannot_be_made_is_refused(
    shop: Server, fields: dict[str, Any], expected: tuple[int, str, str | None]
) -> None:
    answer = shop.post("/v1/images/generations", {"prompt": "a ball", **fields})
    assert problem(answer) == expected


def test_a_video_that_cannot_be_made_says_why(shop: Server, tmp_path: Path) -> None:
    broken = png()[:60]
    for fields, code in (
        ({"prompt": "raise@2=MemoryError"}, "generation_failed"),
        ({"prompt": "refused"}, "invalid_request"),
        ({"prompt": f"crash@2={tmp_path / 'tally'}"}, "worker_died"),
        ({"prompt": "a ball", "input_reference": broken}, "invalid_request"),
    ):
        video = client_of(shop).videos.create_and_poll(**fields)
        assert video.status == "failed"
        assert video.error is not None
        assert video.error.code == code
        answer = shop.get(f"/v1/videos/{video.id}/content")
        assert problem(answer) == (404, "video_failed", "video_id")
        assert "internal details" not in answer.text
