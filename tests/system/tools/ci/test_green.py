from __future__ import annotations

from pathlib import Path

import pytest

from tools.ci import green
from tools.cluster.places import ROOT

FILES = {
    "tools/cluster/node.py": "from tools.shared import thing\n",
    "tools/cluster/tests/live/test_node.py": "from e2e import pods\n",
    "tools/cluster/manifests/dns.yaml": "kind: Service\n",
    "tools/shared.py": "import tools.deeper\n",
    "tools/deeper.py": "",
    "tools/other.py": "",
    "e2e/pods.py": "",
    "e2e/fixtures.py": "",
    "e2e/test_runtime.py": "",
    "e2e/test_operator.py": "from e2e import pods\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "matters"),
    [
        ("tools/cluster/node.py", True),
        ("tools/cluster/manifests/dns.yaml", True),
        ("tools/cluster/tests/live/test_node.py", True),
        ("tools/shared.py", True),
        ("tools/deeper.py", True),
        ("e2e/pods.py", True),
        ("e2e/fixtures.py", True),
        ("e2e/test_runtime.py", True),
        ("e2e/test_operator.py", False),
        ("tools/other.py", False),
    ],
)
def test_what_the_cluster_is_made_of_matters_and_nothing_else(
    tree: Path, changed: str, matters: bool
) -> None:
    before = green.fingerprint(tree)
    (tree / changed).write_text(f"{FILES[changed]}# changed\n")
    assert (green.fingerprint(tree) != before) == matters


def test_a_new_file_matters_and_compiled_ones_do_not(tree: Path) -> None:
    before = green.fingerprint(tree)
    (tree / "tools/cluster/__pycache__").mkdir()
    (tree / "tools/cluster/__pycache__/node.pyc").touch()
    assert green.fingerprint(tree) == before
    (tree / "tools/cluster/new.py").touch()
    assert green.fingerprint(tree) != before


def test_another_version_of_a_package_matters(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = tree / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    found = set()
    for version in ("1.0", "2.0"):
        (programs / "dpkg-query").write_text(f"#!/bin/sh\necho containerd {version}\n")
        (programs / "dpkg-query").chmod(0o755)
        found.add(green.fingerprint(tree))
    assert len(found) == 2


def test_its_tests_are_due_until_they_were_green(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(green, "STAMP", tmp_path / "stamps" / "cluster-test")
    assert green.why_not() is None
    green.keep()
    assert green.why_not() == "tools/cluster and all that it uses are as in the last green run"
    green.STAMP.write_text("of another version")
    assert green.why_not() is None


def test_the_product_is_not_part_of_it() -> None:
    found = {str(file.relative_to(ROOT)) for file in green._made_of(ROOT)}
    assert found >= {"tools/system_packages.py", "e2e/pods.py", "e2e/leaks.py", "tools/install.py"}
    assert not [name for name in found if name.startswith(("runtime", "operator", "crds", "docs"))]
    assert "e2e/test_operator.py" not in found
