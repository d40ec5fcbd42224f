"""The operations of OpenAI's client that begin with something that is there: a video, an image, a
character, a URL. With those of `test_openai.py` these are all twelve."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import httpx
import openai
import pytest
from openai import OpenAI
from openai.types import (
    ImageEditCompletedEvent,
    ImageGenCompletedEvent,
    ImagesResponse,
    VideoCreateCharacterResponse,
    VideoGetCharacterResponse,
)
from PIL import Image

from tests.system.end_to_end.jobs import async_client_of, client_of, create, ended, problem
from tests.system.end_to_end.serving import PATIENCE_S, Server, jobs_server, running
from tests.system.end_to_end.test_openai import frames_of, png
from tests.system.jobs.test_going_on import packets

pytestmark = pytest.mark.filterwarnings("ignore:The Sora API")
"""OpenAI's own; the API lives on in others."""
CLIP = b"\0\0\0\x18ftypisom"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that makes jobs, and fetches what is on this machine."""
    folder = tmp_path_factory.mktemp("shop")
    may = {"fetch_urls": True, "fetch_networks": ("127.0.0.0/8",)}
    with running(jobs_server(folder / "jobs", max_queued=1000, **may), folder / "log") as server:
        yield server


@pytest.fixture(scope="module")
def client(shop: Server) -> Iterator[OpenAI]:
    with client_of(shop) as client:
        yield client


@pytest.fixture(scope="module")
def source(shop: Server) -> str:
    """A finished video of 17 frames."""
    return str(ended(shop, create(shop, seed=3, size="48x32")["id"])["id"])


async def test_all_twelve_operations_without_blocking(shop: Server) -> None:
    client = async_client_of(shop)
    video = await client.videos.create_and_poll(prompt="a ball", input_reference=png())
    assert (await client.videos.retrieve(video.id)).status == "completed"
    assert video.id in [one.id async for one in client.videos.list(limit=100)]
    file = (await client.videos.download_content(video.id)).read()
    made = [
        await client.videos.remix(video.id, prompt="a cube"),
        await client.videos.edit(prompt="in winter", video=file),
        await client.videos.extend(prompt="it stops", video=file, seconds="4"),
    ]
    for one in made:
        assert (await client.videos.poll(one.id)).status == "completed"
        for variant in ("video", "thumbnail", "spritesheet"):
            content = await client.videos.download_content(one.id, variant=variant)
            assert content.read()
    character = await client.videos.create_character(name="Mossy", video=CLIP)
    assert (await client.videos.get_character(str(character.id))).name == "Mossy"
    assert (await client.videos.delete(video.id)).deleted
    await client.close()


def made_of(shop: Server, what: str, video_id: str, **fields: Any) -> dict[str, Any]:
    """By its id, which OpenAI's client cannot send. The job when it is over."""
    answer = shop.post(f"/v1/videos/{what}", {"prompt": "on", "video": {"id": video_id}, **fields})
    assert answer.status_code == 200, answer.text
    return ended(shop, answer.json()["id"])


def test_an_extension_is_the_whole_video(client: OpenAI, shop: Server, source: str) -> None:
    longer = made_of(shop, "extensions", source, seconds="1")
    assert (longer["seconds"], longer["size"]) == ("1.71", "48x32")
    assert (longer["status"], longer["num_frames"]) == ("completed", 41)
    assert longer["extended_from_video_id"] == source
    before, whole = (client.videos.download_content(one).read() for one in (source, longer["id"]))
    assert frames_of(whole) == 41
    assert packets_of(whole)[:17] == packets_of(before)
    remix = client.videos.remix(longer["id"], prompt="it ends")
    assert client.videos.poll(remix.id).seconds == "1.71"
    again = client.videos.extend(prompt="and on", video=whole, seconds="1")  # type: ignore[arg-type]
    client.videos.delete(longer["id"])
    assert client.videos.poll(again.id).seconds == "2.71"
    assert frames_of(client.videos.download_content(again.id).read()) == 65


def packets_of(video: bytes) -> list[bytes]:
    return packets(io.BytesIO(video))


def test_an_edit_says_what_it_kept(shop: Server, source: str) -> None:
    edit = made_of(shop, "edits", source)
    assert (edit["status"], edit["num_frames"], edit["size"]) == ("completed", 17, "48x32")
    assert edit["edited_from_video_id"] == source
    assert "first picture is kept" in edit["notes"][0]


@pytest.mark.parametrize("path", ["edits", "extensions"])
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"video": None}, (400, "missing_required_parameter", "video")),
        ({"video": "video_0"}, (400, "invalid_value", "video")),
        ({"video": {"id": 3}}, (400, "invalid_value", "video")),
        ({"video": {"id": "video_0"}}, (404, "video_not_found", "video")),
        ({"prompt": None}, (400, "invalid_value", "prompt")),
        ({"output_path": "/tmp/a"}, (400, "unknown_parameter", "output_path")),  # noqa: S108
    ],
)
def test_what_is_made_of_nothing_is_refused(
    shop: Server, source: str, path: str, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    asked = {"prompt": "on", "video": {"id": source}, **fields}
    if path == "extensions":
        asked["seconds"] = "1"
    assert problem(shop.post(f"/v1/videos/{path}", asked)) == expected


def test_a_video_of_somebody_else_is_refused_with_the_remedy(client: OpenAI, source: str) -> None:
    changed = client.videos.download_content(source).read() + b"\0"
    for video in (CLIP, changed, b""):
        with pytest.raises(openai.BadRequestError, match="none that was made here") as refused:
            client.videos.edit(prompt="in winter", video=("a.mp4", video, "video/mp4"))
        assert refused.value.param == "video"


@pytest.mark.parametrize(
    ("path", "param"), [("videos", "input_reference"), ("images/edits", "image")]
)
def test_an_empty_file_is_no_image(shop: Server, path: str, param: str) -> None:
    form: dict[str, Any] = {"prompt": (None, "a ball"), param: ("a.png", b"", "image/png")}
    answer = httpx.post(f"{shop.url}/v1/{path}", files=form)
    assert problem(answer) == (400, "invalid_value", param)


def test_the_same_extension_twice_is_one_video(client: OpenAI, source: str) -> None:
    once = {"Idempotency-Key": "extension-1"}
    video = client.videos.download_content(source).read()
    asked: dict[str, Any] = {"prompt": "on", "video": video, "seconds": "1"}
    first, again = (client.videos.extend(**asked, extra_headers=once) for _ in range(2))
    assert first.id == again.id
    with pytest.raises(openai.UnprocessableEntityError):
        client.videos.extend(**{**asked, "prompt": "off"}, extra_headers=once)


def test_a_character_says_that_no_model_can_show_it(client: OpenAI, shop: Server) -> None:
    raw = client.videos.with_raw_response.create_character(name="Mossy 🦊", video=CLIP)
    told = raw.http_response.json()
    VideoCreateCharacterResponse.model_validate(told, strict=True)
    assert (told["name"], told["usable"]) == ("Mossy 🦊", False)
    assert "no model here" in told["notes"][0]
    found = client.videos.get_character(told["id"])
    VideoGetCharacterResponse.model_validate(found.model_dump(), strict=True)
    assert (found.name, found.created_at) == (told["name"], told["created_at"])
    order = {"prompt": "Mossy walks", "characters": [{"id": told["id"]}]}
    assert problem(shop.post("/v1/videos", order)) == (400, "invalid_value", "characters")


def test_what_is_no_character_is_refused(shop: Server) -> None:
    url = f"{shop.url}/v1/videos/characters"
    clip = ("a.mp4", CLIP, "video/mp4")
    for name, file, expected in (
        (None, clip, (400, "missing_required_parameter", "name")),
        (" ", clip, (400, "invalid_value", "name")),
        ("x" * 81, clip, (400, "invalid_value", "name")),
        ("Mossy", None, (400, "missing_required_parameter", "video")),
        ("Mossy", ("a.png", png(), "image/png"), (400, "invalid_value", "video")),
    ):
        form: dict[str, Any] = {} if name is None else {"name": (None, name)}
        if file is not None:
            form["video"] = file
        assert problem(httpx.post(url, files=form or {"a": (None, "b")})) == expected
    for character in ("char_", "char_0", "char_" + "A" * 1000, "video_0", "char_WzEsIDJd"):
        answer = shop.get(f"/v1/videos/characters/{character}")
        assert problem(answer) == (404, "character_not_found", "character_id")


# Images


def opened(encoded: str | None) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(encoded or "")))


@pytest.mark.parametrize("form", ["png", "webp"])
def test_an_image_is_edited(client: OpenAI, form: str) -> None:
    raw = client.images.with_raw_response.edit(
        image=("a.png", png(), "image/png"),
        prompt=f"as {form}",
        size="64x32",  # type: ignore[call-overload]
        output_format=form,
        extra_body={"seed": 4},
    )
    ImagesResponse.model_validate(raw.http_response.json() | {"size": "1024x1024"}, strict=True)
    picture = opened(raw.parse().data[0].b64_json)
    assert (picture.format, picture.size) == (form.upper(), (64, 32))
    assert f"as {form}" not in [one.prompt for one in client.videos.list(limit=100)]


def test_a_picture_is_streamed(client: OpenAI) -> None:
    events = list(client.images.generate(prompt="a still ball", stream=True))
    edits = list(client.images.edit(image=png(), prompt="in winter", stream=True))
    for told, kind in ((events, ImageGenCompletedEvent), (edits, ImageEditCompletedEvent)):
        (completed,) = told
        assert isinstance(completed, kind)
        kind.model_validate(completed.model_dump() | {"size": "1024x1024"}, strict=True)
        assert opened(completed.b64_json).size == (32, 32)
    with pytest.raises(openai.APIError) as failed:
        list(client.images.generate(prompt="raise@1=MemoryError", stream=True))
    assert failed.value.code == "generation_failed"


def test_a_picture_has_an_address(client: OpenAI, shop: Server, source: str) -> None:
    made = client.images.generate(prompt="a still ball", response_format="url")
    assert made.data
    answer = httpx.get(str(made.data[0].url))
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (32, 32)
    wrong = shop.get(f"/v1/videos/{source}/content?variant=image")
    assert problem(wrong) == (400, "invalid_value", "variant")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"image": None}, (400, "missing_required_parameter", "image")),
        ({"image": "file:///etc/passwd"}, (400, "invalid_value", "image")),
        ({"image": {"image_url": "data:image/png;base64,AAAA"}}, (400, "invalid_value", "image")),
        ({"partial_images": 2, "stream": True}, (400, "invalid_value", "partial_images")),
        ({"output_format": "svg"}, (400, "invalid_value", "output_format")),
        ({"output_compression": 101}, (400, "invalid_value", "output_compression")),
        ({"response_format": "url", "stream": True}, (400, "invalid_value", "response_format")),
        ({"mask": "a"}, (400, "unknown_parameter", "mask")),
    ],
)
def test_an_image_that_cannot_be_edited_is_refused(
    shop: Server, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    data = base64.b64encode(png()).decode()
    asked = {"prompt": "in winter", "image": {"image_url": f"data:image/png;base64,{data}"}}
    assert problem(shop.post("/v1/images/edits", asked | fields)) == expected


# URLs


def test_an_image_is_fetched_by_its_url_where_that_is_allowed(shop: Server, source: str) -> None:
    here = f"{shop.url}/v1/videos/{source}/content"
    order = {"prompt": "a ball", "input_reference": {"image_url": f"{here}?variant=thumbnail"}}
    assert ended(shop, create(shop, **order)["id"])["status"] == "completed"
    for url in (here, f"{shop.url}/v1/models", "http://10.0.0.1/a.png", "http://[::1]/a.png"):
        answer = shop.post("/v1/videos", {**order, "input_reference": {"image_url": url}})
        assert problem(answer) == (400, "invalid_value", "input_reference")


# Errors


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/nothing", (404, "unknown_url", None)),
        ("POST", "/v1/chat/completions", (404, "unknown_url", None)),
        ("PUT", "/v1/videos", (405, "method_not_allowed", None)),
        ("POST", "/v1/videos/video_0", (405, "method_not_allowed", None)),
        ("DELETE", "/v1/models", (405, "method_not_allowed", None)),
        ("GET", "/v1/images/generations", (405, "method_not_allowed", None)),
        ("GET", "/v1/models/gpt-4", (404, "model_not_found", "model")),
        ("GET", "/v1/videos/edits", (404, "video_not_found", "video_id")),
    ],
)
def test_whatever_is_wrong_has_openais_form(
    shop: Server, method: str, path: str, expected: tuple[int, str, str | None]
) -> None:
    answer = httpx.request(method, shop.url + path)
    assert problem(answer) == expected
    if answer.status_code == 405:
        assert answer.headers["allow"]


def test_a_body_that_the_door_refuses_has_that_form_too(shop: Server) -> None:
    for path in ("/v1/images/generations", "/v1/videos"):
        connection = HTTPConnection(shop.host, shop.port, timeout=PATIENCE_S)
        connection.putrequest("POST", path)
        connection.putheader("content-length", str(2**40))
        connection.endheaders()
        refused = connection.getresponse()
        answer = httpx.Response(refused.status, content=refused.read())
        assert problem(answer)[:2] == (413, "request_too_large")
        connection.close()


def test_the_model_is_told_as_other_servers_tell_it(client: OpenAI, shop: Server) -> None:
    info = shop.get("/v1/model_info").json()
    (model,) = shop.get("/v1/models").json()["data"]
    assert (info["model_path"], info["limits"]) == (model["id"], model["limits"])
    assert client.models.retrieve("fake").id == "fake"
