from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from matinee.media.decoding import DecodingUnavailable, PictureRefused, header_of
from matinee.media.decoding.header import Format
from matinee.media.decoding.pool import DecoderPool, Pictures
from matinee.media.decoding.process import DecodeLimits
from tests.system.end_to_end.serving import words_of

MAX_PIXELS = 16_000_000
PATIENCE_S = 60.0


def encoded(
    image_format: Format, size: tuple[int, int], mode: str = "RGB", **options: Any
) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, image_format, **options)
    return file.getvalue()


def one(data: bytes, image_format: Format = "PNG", *, exact: bool = False) -> Pictures:
    return Pictures(1, [(data, header_of(data, image_format, MAX_PIXELS))], 64, 48, exact)


def with_more_scans(data: bytes, times: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * times + data[-2:]


def children() -> list[psutil.Process]:
    found = psutil.Process().children()
    return [child for child in found if "matinee.media.decoding.child" in words_of(child)]


SMALL = encoded("PNG", (64, 48))


@pytest.fixture
def pool() -> Iterator[DecoderPool]:
    pool = DecoderPool(DecodeLimits(idle_s=PATIENCE_S))
    yield pool
    pool.stop()


def test_pictures_are_decoded_in_order(pool: DecoderPool) -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (3, 48, 64, 3), np.uint8)
    images = []
    for frame in frames:
        file = io.BytesIO()
        Image.fromarray(frame).save(file, "PNG")
        images.append((file.getvalue(), header_of(file.getvalue(), "PNG", MAX_PIXELS)))
    np.testing.assert_array_equal(pool.decode(Pictures(3, images, 64, 48, exact=True)), frames)


HOSTILE: dict[str, tuple[Format, bytes, str]] = {
    "cut short": ("PNG", encoded("PNG", (640, 480))[:200], "damaged or cut short"),
    "a progressive JPEG of 20,000 scans": (
        "JPEG",
        with_more_scans(encoded("JPEG", (640, 480), progressive=True), 20_000),
        "scans; at most 100 are allowed",
    ),
    "a WebP of 16 million pixels": (
        "WEBP",
        encoded("WEBP", (4000, 4000), lossless=True),
        "305 MiB",
    ),
    "a transparent PNG of 16 million pixels": (
        "PNG",
        encoded("PNG", (4000, 4000), "RGBA"),
        "122 MiB",
    ),
    "a JPEG that is known after its last scan": (
        "JPEG",
        encoded("JPEG", (4000, 4000), progressive=True, subsampling=0),
        "more than is allowed",
    ),
}


@pytest.mark.parametrize(("image_format", "data", "says"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_image_is_refused_and_its_child_serves_on(
    pool: DecoderPool, image_format: Format, data: bytes, says: str
) -> None:
    pool.decode(one(SMALL))
    before = children()
    with pytest.raises(PictureRefused, match=says):
        pool.decode(one(data, image_format))
    assert pool.decode(one(SMALL)).shape == (1, 48, 64, 3)
    assert children() == before


def test_a_large_image_is_decoded_within_the_memory(pool: DecoderPool) -> None:
    forms: list[tuple[Format, str]] = [
        ("JPEG", "RGB"),
        ("PNG", "RGB"),
        ("PNG", "P"),
        ("PNG", "I;16"),
    ]
    for image_format, mode in forms:
        pool.decode(one(encoded(image_format, (4000, 4000), mode), image_format))
    (child,) = children()
    status = dict(
        line.split(":") for line in Path(f"/proc/{child.pid}/status").read_text().splitlines()
    )
    assert int(status["VmPeak"].split()[0]) * 1024 <= DecodeLimits().memory_bytes


def test_a_child_has_no_descriptors_and_no_secrets(pool: DecoderPool) -> None:
    pool.decode(one(SMALL))
    (child,) = children()
    assert sorted(os.listdir(f"/proc/{child.pid}/fd")) == ["0", "1", "2"]
    assert set(child.environ()) <= {"PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LC_CTYPE"}


def test_a_child_that_is_killed_costs_its_image_and_no_more(pool: DecoderPool) -> None:
    pool.decode(one(SMALL))
    (child,) = children()
    child.send_signal(signal.SIGKILL)
    with pytest.raises(PictureRefused, match="cannot be decoded"):
        pool.decode(one(SMALL))
    assert pool.decode(one(SMALL)).shape == (1, 48, 64, 3)


NO_TIME = {"on the clock": DecodeLimits(wall_s=0.0), "of a CPU": DecodeLimits(cpu_s=-1)}


@pytest.mark.parametrize("limits", NO_TIME.values(), ids=NO_TIME)
def test_what_takes_too_long_is_killed_and_told(limits: DecodeLimits) -> None:
    pool = DecoderPool(limits)
    slow = with_more_scans(encoded("JPEG", (3000, 3000), progressive=True), 80)
    with pytest.raises(PictureRefused, match="send a simpler or smaller one"):
        pool.decode(one(slow, "JPEG"))
    assert children() == []
    pool.stop()


def test_stopping_ends_what_is_being_decoded_at_once() -> None:
    pool = DecoderPool(DecodeLimits())
    pool.decode(one(SMALL))
    (child,) = children()
    child.suspend()
    with ThreadPoolExecutor(1) as thread:
        decoding = thread.submit(pool.decode, one(SMALL))
        stopping = threading.Timer(0.2, pool.stop)
        stopping.start()
        with pytest.raises(DecodingUnavailable, match="ending"):
            decoding.result(PATIENCE_S)
    with pytest.raises(DecodingUnavailable):
        pool.decode(one(SMALL))
    assert children() == []


def test_idle_children_are_ended() -> None:
    pool = DecoderPool(DecodeLimits(idle_s=0.05))
    pool.decode(one(SMALL))
    _, alive = psutil.wait_procs(children(), PATIENCE_S)
    assert alive == []
    pool.stop()


def test_children_end_with_a_server_that_is_killed() -> None:
    program = (
        "from tests.system.media import test_decoding as tests\n"
        "pool = tests.DecoderPool(tests.DecodeLimits(idle_s=60.0))\n"
        "pool.decode(tests.one(tests.SMALL))\n"
        "print(tests.children()[0].pid, flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        child = psutil.Process(int(server.stdout.readline()))
        server.kill()
    _, alive = psutil.wait_procs([child], PATIENCE_S)
    assert alive == []
