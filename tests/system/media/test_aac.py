from __future__ import annotations

import numpy as np
import pytest

from matinee.generation import AudioFormat
from matinee.media.aac import FRAME_SAMPLES, AacEncoder
from tests.unit.runtime.media.sounds import tone


@pytest.mark.parametrize(("channels", "config"), [(1, "1188"), (2, "1190")])
def test_the_configuration_is_known_before_any_sample(channels: int, config: str) -> None:
    """AAC-LC, 48 kHz: the first two bytes of ISO/IEC 14496-3, 1.6.2.1."""
    encoder = AacEncoder(AudioFormat(48_000, channels))
    assert encoder.audio_specific_config[:2].hex() == config


def test_frames_come_out_one_later_and_the_rest_at_the_end() -> None:
    encoder = AacEncoder(AudioFormat(48_000, 2))
    counts = [len(encoder.encode(tone(440, FRAME_SAMPLES, 48_000))) for _ in range(4)]
    assert counts == [0, 1, 1, 1]
    assert len(encoder.finish()) == 2  # four frames and the priming in all


def test_the_bytes_do_not_depend_on_how_the_samples_were_cut() -> None:
    samples = tone(440, 10_000, 48_000)
    pieces = np.split(samples, [1, 700, 701, 4096, 9999])
    encoders = [AacEncoder(AudioFormat(48_000, 2)) for _ in range(2)]
    whole = encoders[0].encode(samples) + encoders[0].finish()
    cut = [coded for piece in pieces for coded in encoders[1].encode(piece)]
    assert whole == cut + encoders[1].finish()


def test_an_encoder_that_was_given_nothing_ends_with_nothing() -> None:
    assert AacEncoder(AudioFormat(48_000, 2)).finish() == []
