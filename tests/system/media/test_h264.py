from __future__ import annotations

import sys

import numpy as np
import pytest

from matinee.media.h264 import H264Encoder
from tests.unit.runtime.media.pictures import moving_i420

WIDTH, HEIGHT = 96, 64
IDR, NON_IDR, SEQUENCE_SET, PICTURE_SET = 5, 1, 7, 8


def encoder() -> H264Encoder:
    return H264Encoder(WIDTH, HEIGHT, fps=24, preset="ultrafast", crf=23)


def nal_kinds(payload: bytes) -> list[int]:
    """Types of the length-prefixed NAL units; fails unless the lengths add up."""
    kinds, offset = [], 0
    while offset < len(payload):
        length = int.from_bytes(payload[offset : offset + 4], "big")
        kinds.append(payload[offset + 4] & 31)
        offset += 4 + length
    assert offset == len(payload)
    return kinds


@pytest.mark.parametrize("preset", ["ultrafast", "superfast", "veryfast"])
def test_every_picture_is_coded_at_once_and_only_the_first_is_an_idr(preset: str) -> None:
    encoder = H264Encoder(WIDTH, HEIGHT, 24, preset, 23)

    coded = [encoder.encode(moving_i420(WIDTH, HEIGHT, index)) for index in range(300)]

    assert [picture.keyframe for picture in coded] == [True] + [False] * 299
    assert IDR in nal_kinds(coded[0].payload)
    assert all(nal_kinds(picture.payload) == [NON_IDR] for picture in coded[1:])


def test_a_change_of_scene_makes_no_idr_of_its_own() -> None:
    encoder = H264Encoder(WIDTH, HEIGHT, 24, "superfast", 23)
    scenes = [moving_i420(WIDTH, HEIGHT, 0), 255 - moving_i420(WIDTH, HEIGHT, 90)]

    coded = [encoder.encode(scenes[index // 4 % 2]) for index in range(24)]

    assert [picture.keyframe for picture in coded] == [True] + [False] * 23


def test_an_idr_comes_when_asked_for() -> None:
    session = encoder()

    coded = [
        session.encode(moving_i420(WIDTH, HEIGHT, index), keyframe=index == 3) for index in range(5)
    ]

    assert [picture.keyframe for picture in coded] == [True, False, False, True, False]
    assert nal_kinds(coded[3].payload) == [IDR]


def test_the_parameter_sets_are_in_the_avcc_before_any_picture() -> None:
    avcc = encoder().avcc

    version, length_size = avcc[0], (avcc[4] & 3) + 1
    sequence_set, picture_set = avcc[8] & 31, avcc[8 + avcc[7] + 3] & 31
    assert (version, length_size) == (1, 4)
    assert (sequence_set, picture_set) == (SEQUENCE_SET, PICTURE_SET)
    assert avcc[1:4] == avcc[9:12], "profile and level as in the sequence set"


def test_a_picture_may_be_written_over_as_soon_as_it_is_encoded() -> None:
    pictures = [moving_i420(WIDTH, HEIGHT, index) for index in range(6)]
    kept_apart, overwritten = encoder(), encoder()
    buffer = np.empty_like(pictures[0])
    expected, actual = [], []

    for picture in pictures:
        expected.append(kept_apart.encode(picture))
        buffer[:] = picture
        actual.append(overwritten.encode(buffer))
        buffer[:] = 0

    assert expected == actual
    assert sys.getrefcount(buffer) == 2, "the encoder keeps no hold of shared memory"


def test_a_picture_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(96, 96\), got \(72, 96\)"):
        encoder().encode(moving_i420(96, 48, 0))


def test_an_odd_size_is_refused() -> None:
    with pytest.raises(ValueError, match="even width and height, got 95x64"):
        H264Encoder(95, 64, 24, "ultrafast", 23)
