"""A field that is added in `matinee_api/sampling.py` is everywhere after `make generate`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

SOURCES = ("crds", "operator", "runtime")
ABOVE = '    """Frames a second of the video that is played."""\n'
ADDED = """
    grain: Annotated[float, Field(ge=0, le=7)] | None = None
    '''Strength of the film grain.'''
"""
SEEN = """
import dataclasses, json, typing
from matinee.cli.request_flags import REQUEST_FLAGS
from matinee.generation import GenerationDefaults, SegmentRequest
from matinee.local.options import GenerationOptions
from matinee.weights.model_folder import ModelSettings
from matinee.wire.client_messages import parse_client_message
from matinee_api.config.runtime_config import SamplingConfig
from matinee_api.kinds.videomodel import GenerationSpec
print(json.dumps({
    "wire": parse_client_message('{"type": "session_init_v2", "grain": 3}').grain,
    "configuration": SamplingConfig(grain=3).grain,
    "VideoModel": GenerationSpec(grain=3).grain,
    "matinee.json": ModelSettings(grain=3).grain,
    "flag": REQUEST_FLAGS.get("grain"),
    "defaults": typing.get_type_hints(GenerationDefaults)["grain"] is float,
    "request": typing.get_type_hints(SegmentRequest)["grain"] is float,
    "Python API": typing.get_type_hints(GenerationOptions)["grain"] == (float | None),
}))
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with one field more."""
    root = tmp_path_factory.mktemp("changed")
    ignored = shutil.ignore_patterns("bundled", "__pycache__")
    for folder in (*SOURCES, "tools", "charts", "docs", "e2e", "tests"):
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    declaration = root / "crds" / "matinee_api" / "sampling.py"
    declared = declaration.read_text()
    assert ABOVE in declared
    declaration.write_text(declared.replace(ABOVE, ABOVE + ADDED))
    python(root, "-m", "tools.generate")
    return root


def python(root: Path, *arguments: str) -> str:
    """What a Python says that imports from `root`."""
    path = os.pathsep.join(str(root / folder) for folder in SOURCES)
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=root,
        env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def test_every_program_takes_it(changed: Path) -> None:
    assert json.loads(python(changed, "-c", SEEN)) == {
        **dict.fromkeys(("wire", "configuration", "VideoModel", "matinee.json"), 3),
        "flag": "--grain",
        **dict.fromkeys(("defaults", "request", "Python API"), True),
    }


@pytest.mark.parametrize(
    ("file", "row"),
    [
        ("docs/api.md", "| `grain` | number, 0 to 7 |  | Strength of the film grain. |"),
        (
            "docs/configuration.md",
            "| `request.sampling.grain` | number, 0 to 7 |  | Strength of the film grain. |",
        ),
        ("crds/videomodels.matinee.video.yaml", "grain:"),
        ("charts/matinee/templates/crds/videomodels.yaml", "grain:"),
    ],
)
def test_every_page_and_schema_has_it(changed: Path, file: str, row: str) -> None:
    lines = (changed / file).read_text().splitlines()
    assert any(line.strip().startswith(row) for line in lines)
