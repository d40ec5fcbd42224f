"""The evaluation's arithmetic, with generators whose answers are known."""

from dataclasses import replace

import numpy as np

from matinee.state.last_frames import LastFrames
from tools.tiny_model import evaluate, scenes
from tools.tiny_model.evaluate import Case
from tools.tiny_model.scenes import Scene
from tools.tiny_model.segments import Made, Request

SEEN = {"background", "colour", "direction", "shape", "all", "continuation", "switch"}


class Painter:
    """Draws what is asked for: a model that makes no mistakes but those it is told to make."""

    def __init__(
        self, cases: list[Case], *, obeys: bool = True, forgets_shape_after: int = 99
    ) -> None:
        """Know the scene behind each prompt. `obeys`: takes notice of a new prompt."""
        self.scenes = {case.prompt: case.scene for case in cases}
        self.obeys = obeys
        self.forgets_shape_after = forgets_shape_after
        self.first: Scene | None = None

    def __call__(self, request: Request) -> Made:
        """A whole clip for an opening, all but its first frame for more."""
        index = request.state.facts["segment_index"] if request.state else 0
        scene = self.scenes[request.prompt]
        if request.state is None:
            self.first = scene
        shown = scene if self.obeys or self.first is None else self.first
        if index >= self.forgets_shape_after:
            shown = replace(shown, shape="circle" if shown.shape != "circle" else "square")
        clip = scenes.render([shown], [0], (32.0, 32.0)).permute(1, 2, 3, 0)
        frames = np.asarray(((clip + 1) * 127.5).round().numpy(), dtype=np.uint8)
        state = LastFrames(frames[-9:], index + 1).to_state("drawn")
        return Made(frames[1:] if index else frames, state)


def test_a_perfect_model_gets_full_marks() -> None:
    """Every figure is there, and 1."""
    figures = evaluate.evaluate(Painter(evaluate.cases(8, seed=0)), prompts=8, seed=0)
    assert set(figures) >= SEEN
    assert {1.0} == set(figures.values())


def test_a_model_that_ignores_a_new_prompt_fails_the_switch() -> None:
    """Openings and continuations are right all the same."""
    painter = Painter(evaluate.cases(8, seed=0), obeys=False)
    figures = evaluate.evaluate(painter, prompts=8, seed=0)
    assert figures["switch"] == 0.0
    assert figures["continuation"] == figures["all"] == 1.0


def test_a_model_that_loses_the_shape_in_the_last_segment_fails_the_continuation() -> None:
    """Though all else is kept."""
    painter = Painter(evaluate.cases(8, seed=0), forgets_shape_after=3)
    figures = evaluate.evaluate(painter, prompts=8, seed=0)
    assert figures["continuation"] == figures["continuation_shape"] == 0.0
    assert figures["continuation_colour"] == figures["all"] == figures["switch"] == 1.0


def test_cases_are_held_out_and_repeatable() -> None:
    """The same seed asks for the same videos, none of them trained."""
    first = evaluate.cases(200, seed=3)
    assert first == evaluate.cases(200, seed=3)
    assert first != evaluate.cases(200, seed=4)
    assert all(scenes.is_held_out(case.scene) for case in first)


def test_a_model_that_draws_noise_gets_no_marks() -> None:
    """Chance is not rewarded."""
    rng = np.random.default_rng(0)
    case = evaluate.cases(1, seed=0)[0]
    noise = rng.integers(0, 255, (17, 64, 64, 3), dtype=np.uint8)
    made = Made(noise, LastFrames(noise[-9:], 1).to_state("noise"))
    assert not evaluate.opening(lambda request: made, case)["all"]
