"""A small model of each kind that the engine runs, for `conformance.py`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np

from matinee.engine.engine import Engine
from matinee.engine.families.clip import ClipFamily
from matinee.engine.families.ltx import LtxFamily
from matinee.engine.families.ltx2 import Ltx2Family
from matinee.engine.families.wan import WanFamily
from matinee.mock.backend import MockEngine
from matinee.mock.settings import MockSettings
from matinee.state.codec import state_of_image
from matinee.weights.model_folder import ModelSettings
from matinee_api.config.runtime_config import EngineConfig, GeneratorConfig
from tests.system.engine import untrained, untrained_ltx2, untrained_wan
from tests.system.engine.conformance import Case
from tests.system.engine.families.tone import ToneFamily


@cache
def tiny() -> Case:
    config = EngineConfig(device="cpu", cpu_threads=1)
    engine = Engine.load(GeneratorConfig(model_path="builtin:tiny", engine=config))
    return Case(engine, "a red ball moving left on a blue background", segments=5)


@cache
def ltx() -> Case:
    settings = ModelSettings.model_validate(untrained.SETTINGS)
    return Case(Engine(LtxFamily(untrained.untrained_pipeline(), settings, "ltx")), "a red ball")


@cache
def wan(kind: untrained_wan.Kind) -> Case:
    settings = untrained_wan.settings(kind)
    family = WanFamily(untrained_wan.untrained_wan(kind), settings, f"wan-{kind}")
    return with_opening(Case(Engine(family), "a red ball"))


@cache
def ltx2() -> Case:
    settings = ModelSettings.model_validate(untrained_ltx2.SETTINGS)
    family = Ltx2Family(untrained_ltx2.untrained_ltx2(), settings, "ltx2")
    return Case(Engine(family), "a red ball")


@cache
def clip() -> Case:
    """LTX's pipeline for images, as any other."""
    parts = untrained.untrained_pipeline().components
    pipeline = untrained.untyped.LTXImageToVideoPipeline(**parts)
    pipeline.set_progress_bar_config(disable=True)
    settings = {**untrained.SETTINGS, "family": "clip", "overlap_frames": 1}
    del settings["timestep_shift"]
    family = ClipFamily(pipeline, ModelSettings.model_validate(settings), "clip")
    return with_opening(Case(Engine(family), "a red ball"))


def with_opening(case: Case) -> Case:
    """With a picture for a model that cannot begin without."""
    if "text" in case.info.capabilities:
        return case
    size = (case.info.defaults.height, case.info.defaults.width, 3)
    picture = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    return Case(case.engine, case.prompt, state_of_image(case.info, picture))


@cache
def mock() -> Case:
    settings = MockSettings(width=64, height=64, step_ms=0, sound=True)
    return Case(MockEngine(settings), "a red ball")


@cache
def tone() -> Case:
    return Case(Engine(ToneFamily()), "440 Hz")


CASES: dict[str, Callable[[], Case]] = {
    "bundled": tiny,
    "ltx": ltx,
    "ltx2": ltx2,
    "wan-t2v": partial(wan, "t2v"),
    "wan-i2v": partial(wan, "i2v"),
    "wan-ti2v": partial(wan, "ti2v"),
    "clip": clip,
    "tone": tone,
    "mock": mock,
}
