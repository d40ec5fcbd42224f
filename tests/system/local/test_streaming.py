from __future__ import annotations

import numpy as np
import pytest

from matinee.errors import InvalidState
from matinee.local.generator import VideoGenerator
from matinee.local.streaming import StreamingVideoGenerator


@pytest.fixture
def streaming(generator: VideoGenerator) -> StreamingVideoGenerator:
    return StreamingVideoGenerator(generator._loaded())


def test_segments_of_a_streaming_generator_join(streaming: StreamingVideoGenerator) -> None:
    assert streaming.state is None
    first = streaming.generate("a red ball", seed=7, width=32, height=32)
    second = streaming.generate("a blue ball")
    assert (len(first.frames), len(second.frames)) == (17, 16)
    assert second.seed == 7
    assert streaming.state is second.continuation_state
    assert streaming.state.facts["segment_index"] == 2
    assert streaming.state.facts["prompts"] == ["a red ball", "a blue ball"]


def test_a_reset_streaming_generator_begins_anew(streaming: StreamingVideoGenerator) -> None:
    first = streaming.generate("a red ball", seed=7, num_frames=5)
    streaming.reset()
    again = streaming.generate("a red ball", seed=7, num_frames=5)
    assert np.array_equal(first.frames, again.frames)


def test_a_streaming_generator_goes_on_from_a_given_state(
    streaming: StreamingVideoGenerator,
) -> None:
    first = streaming.generate("a red ball", seed=7)
    second = streaming.generate("a blue ball")
    streaming.reset(first.continuation_state)
    assert np.array_equal(second.frames, streaming.generate("a blue ball").frames)


def test_a_failed_segment_leaves_the_state_as_it_was(streaming: StreamingVideoGenerator) -> None:
    streaming.generate("a red ball", num_frames=5)
    before = streaming.state
    with pytest.raises(InvalidState, match="64x64, but 32x64 is asked for"):
        streaming.generate("a red ball", width=32)
    assert streaming.state is before


def test_a_streaming_generator_goes_on_with_a_request(streaming: StreamingVideoGenerator) -> None:
    streaming.generate("a red ball", seed=7, width=32, height=32, num_frames=5)
    second = streaming.generate({"prompt": "a blue ball", "sampling": {"num_frames": 5, "seed": 8}})
    assert (second.frames.shape, second.seed) == ((4, 32, 32, 3), 8)


def test_a_wrong_state_is_refused(streaming: StreamingVideoGenerator) -> None:
    with pytest.raises(InvalidState, match="must be one that a video left"):
        streaming.reset(3)  # type: ignore[arg-type]
