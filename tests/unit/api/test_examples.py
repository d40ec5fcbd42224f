from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from matinee_api.config.load import load_file, validate
from matinee_api.config.resources import load_resources
from matinee_api.config.router_config import RouterConfig
from matinee_api.config.runtime_config import RunConfig, ServeConfig
from matinee_api.config.serve_config import serve_config_for
from matinee_api.kinds.resource import KINDS
from tests.places import EXAMPLES


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_is_valid(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if "\nkind: " in text:
        assert load_resources(path)
    else:
        parts: dict[str, type[BaseModel]] = {"\nserver:": ServeConfig, "\nrouter:": RouterConfig}
        model: type[BaseModel] = next((parts[part] for part in parts if part in text), RunConfig)
        assert load_file(model, path)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.yaml")), ids=lambda path: path.name)
def test_our_objects_among_those_of_a_platform_are_valid(path: Path) -> None:
    """`e2e/apiserver/test_platform.py` applies them with the others."""
    objects = list(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    ours = [one for one in objects if one["kind"] in KINDS]
    assert ours
    for one in ours:
        assert validate(KINDS[one["kind"]], one)


def test_the_quickstart_runs_the_bundled_model_for_four_viewers() -> None:
    config = serve_config_for(load_resources(EXAMPLES / "quickstart.yaml"))
    assert config.generator.model_path == "builtin:tiny"
    assert config.streaming.max_sessions == 4
