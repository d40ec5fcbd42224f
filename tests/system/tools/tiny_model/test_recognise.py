"""The judge of decoded frames, against clips whose content is known."""

import random

import numpy as np
import pytest

from tools.tiny_model import scenes
from tools.tiny_model.recognise import (
    Frames,
    Sighting,
    background_of,
    centred,
    direction_of,
    likeness,
    object_masks,
    recognise,
)
from tools.tiny_model.scenes import Scene


def frames_of(scene: Scene, rng: random.Random, disturbance: int = 0) -> Frames:
    """The scene as 8-bit frames, with uniform noise of the given height."""
    clip = scenes.render([scene], [0], scenes.any_position(rng)).permute(1, 2, 3, 0)
    pixels = ((clip + 1) * 127.5).numpy()
    noise = np.random.default_rng(rng.randrange(1000)).uniform(-1, 1, pixels.shape) * disturbance
    return np.clip(np.round(pixels + noise), 0, 255).astype(np.uint8)


def truth(scene: Scene) -> Sighting:
    """What must be recognised."""
    return Sighting(scene.background, scene.colour, scene.direction, scene.shape)


def test_every_rendered_clip_is_recognised() -> None:
    """Sixty random scenes at random places, objects that cross the edge included."""
    rng = scenes.seeded(0)
    for scene in rng.sample(scenes.all_scenes(), 60):
        assert truth(scene) == recognise(frames_of(scene, rng))


def test_clips_with_strong_noise_are_recognised() -> None:
    """A decoder's imperfection does not decide."""
    rng = scenes.seeded(1)
    for scene in rng.sample(scenes.all_scenes(), 20):
        assert truth(scene) == recognise(frames_of(scene, rng, disturbance=20))


@pytest.mark.parametrize("shape", scenes.SHAPES)
def test_no_shape_is_judged_more_strictly_than_another(shape: str) -> None:
    """Drawn perfectly, wherever it stands, each is like its outline and clearly unlike others."""
    rng = scenes.seeded(2)
    for _ in range(20):
        frames = frames_of(Scene("red", shape, "left", "blue"), rng)
        mask = centred(object_masks(frames, background_of(frames))[0])
        scores = {name: likeness(mask, name) for name in scenes.SHAPES}
        own = scores.pop(shape)
        assert own > 0.96
        assert own - max(scores.values()) > 0.12


def test_an_empty_picture_has_a_background_only() -> None:
    """Nothing is made up where there is no object."""
    frames = np.zeros((17, 64, 64, 3), dtype=np.uint8)
    assert Sighting("black", None, None, None) == recognise(frames)


def test_an_object_that_stands_still_has_no_direction() -> None:
    """The direction is measured, not guessed."""
    mask = np.zeros((9, 64, 64), dtype=np.bool_)
    mask[:, 20:40, 20:40] = True
    assert direction_of(mask) is None


def test_a_shape_that_is_none_of_the_three_is_not_recognised() -> None:
    """A bar covers no outline well enough."""
    frames = np.zeros((9, 64, 64, 3), dtype=np.uint8)
    frames[:, 30:35, 5:55] = 255
    assert recognise(frames).shape is None
