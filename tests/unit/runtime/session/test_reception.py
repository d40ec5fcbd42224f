from __future__ import annotations

from matinee.session.reception import server_defaults
from matinee_api.config.runtime_config import RequestConfig, SamplingConfig
from tests.unit.runtime.session.making import INFO


def test_without_configuration_the_models_defaults_hold() -> None:
    assert server_defaults(INFO, RequestConfig()) == INFO.defaults


def test_what_is_configured_comes_before_the_models_defaults() -> None:
    configured = RequestConfig(
        negative_prompt="blur", sampling=SamplingConfig(width=64, seed=5, guidance_scale=0.0)
    )
    defaults = server_defaults(INFO, configured)
    assert (defaults.width, defaults.height, defaults.guidance_scale) == (64, 32, 0.0)
    assert defaults.negative_prompt == "blur"
