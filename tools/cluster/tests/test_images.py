from __future__ import annotations

from pathlib import Path

from tools.cluster import images
from tools.cluster.places import ROOT

IGNORED = """\
# What is packed.
*
!pyproject.toml
!code
**/__pycache__
code/*.yaml
"""


def test_the_sources_of_the_images_are_what_dockerignore_lets_in(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_text(IGNORED)
    for name in (
        *("pyproject.toml", "notes.txt", "code/one.py", "code/made.yaml", "code/inner/kept.yaml"),
        "code/inner/__pycache__/one.pyc",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [str(file.relative_to(tmp_path)) for file in images.sources(tmp_path)]
    assert found == [".dockerignore", "pyproject.toml", "code/inner/kept.yaml", "code/one.py"]


def test_the_images_are_made_from_the_code_and_the_locks() -> None:
    found = {str(file.relative_to(ROOT)) for file in images.sources()}
    assert found >= {
        *("pyproject.toml", "requirements/runtime.txt", "requirements/operator.txt"),
        *("Dockerfile", "runtime/matinee/__init__.py"),
        *("crds/matinee_api/__init__.py", "operator/matinee_operator/__init__.py"),
    }
    assert not [name for name in found if name.startswith(("tests", "e2e", "docs"))]
