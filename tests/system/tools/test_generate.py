from __future__ import annotations

from pathlib import Path

import pytest

from tools import generate


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("crds", "docs"):
        (tmp_path / folder).mkdir()
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    return tmp_path


def test_writing_makes_the_check_pass(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main([]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "wrote crds/videomodels.matinee.video.yaml",
        "wrote crds/streamingservices.matinee.video.yaml",
        "wrote crds/routers.matinee.video.yaml",
        "wrote charts/matinee/values.yaml",
        "wrote charts/matinee/values.schema.json",
        "wrote charts/matinee/templates/crds/videomodels.yaml",
        "wrote charts/matinee/templates/crds/streamingservices.yaml",
        "wrote charts/matinee/templates/crds/routers.yaml",
        "wrote docs/api.md",
        "wrote docs/configuration.md",
        "wrote docs/families.md",
        "wrote docs/faults.md",
        "wrote docs/limits.md",
        "wrote runtime/matinee/generation/sampling.py",
    ]
    assert generate.main(["--check"]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_check_names_what_differs(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generate.main([])
    (root / "docs" / "api.md").write_text("by hand", encoding="utf-8")
    assert generate.main(["--check"]) == 1
    assert capsys.readouterr().err == (
        "docs/api.md is not what the models say: run `make generate`\n"
    )
    assert (root / "docs" / "api.md").read_text(encoding="utf-8") == "by hand"
