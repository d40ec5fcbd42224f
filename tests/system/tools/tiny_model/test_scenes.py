"""The grammar's scenes, their split and their pictures."""

import pytest
import torch

from tools.tiny_model import scenes
from tools.tiny_model.scenes import Scene

RED_BALL = Scene("red", "circle", "left", "blue")


def test_held_out_scenes_are_never_trained_and_nothing_is_lost() -> None:
    """The two halves of the split are disjoint and complete."""
    trained, held_out = set(scenes.training_scenes()), set(scenes.held_out_scenes())
    assert not trained & held_out
    assert trained | held_out == set(scenes.all_scenes())
    assert 0.10 <= len(held_out) / len(scenes.all_scenes()) <= 0.20


@pytest.mark.parametrize("attribute", scenes.ATTRIBUTES)
def test_every_value_of_an_attribute_is_both_trained_and_held_out(attribute: str) -> None:
    """No colour, shape or direction is only ever evaluated, or never."""
    for part in (scenes.training_scenes(), scenes.held_out_scenes()):
        assert {getattr(scene, attribute) for scene in part} == set(scenes.VALUES[attribute])


def test_an_object_contrasts_with_its_background() -> None:
    """Equal and similar colours are not in the grammar."""
    assert not Scene("red", "circle", "left", "red").contrasts
    assert not Scene("red", "circle", "left", "orange").contrasts
    assert RED_BALL.contrasts


def test_a_clip_has_the_colours_of_its_scene() -> None:
    """The middle of a centred object and the corner of the picture."""
    clip = scenes.render([RED_BALL], [0], (32.0, 32.0))
    assert clip.shape == (3, scenes.FRAMES, scenes.SIZE, scenes.SIZE)
    assert torch.equal(scenes.rgb("red"), clip[:, 0, 32, 32])
    assert torch.equal(scenes.rgb("blue"), clip[:, 0, 0, 0])


def test_an_object_leaves_on_one_side_and_enters_on_the_other() -> None:
    """Space is a torus: sixteen steps of two pixels are half a picture."""
    clip = scenes.render([RED_BALL], [0], (0.0, 32.0))
    assert torch.allclose(clip[:, 16], clip[:, 0].roll(-32, dims=2), atol=1e-5)


def test_a_new_scene_fades_in_from_where_the_object_is() -> None:
    """Before the change nothing differs; after the fade only the new scene is seen."""
    after = Scene("white", "square", "down", "green")
    clip = scenes.render([RED_BALL, after], [0, 9], (40.0, 20.0))
    assert torch.equal(scenes.render([RED_BALL], [0], (40.0, 20.0))[:, :9], clip[:, :9])
    end = torch.tensor([[40.0 - 8 * 2, 20.0 + 8 * 2]])
    assert torch.allclose(scenes.picture(after, end)[:, 0], clip[:, 16], atol=1e-5)


def test_openings_start_behind_the_centre() -> None:
    """A ball that goes left starts on the right, so that it crosses the picture."""
    x, y = scenes.opening_position(RED_BALL, scenes.seeded(0))
    assert 41 <= x <= 57
    assert 24 <= y <= 40


def test_a_prompt_that_names_some_attributes_keeps_the_others() -> None:
    """`on a white background` changes the background alone."""
    wanted = Scene("green", "square", "up", "white")
    named = frozenset({"background"})
    assert Scene("red", "circle", "left", "white") == scenes.changed(RED_BALL, wanted, named)
