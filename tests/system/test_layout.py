from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import ROOT

LIGHT = (
    *("cli", "client", "generation", "media", "player", "prompt", "server", "serving", "session"),
    *("state", "store", "weights", "wire"),
)
"""Packages of the runtime that run in the server's process, a client's or a download Job's."""
API_MODULES = sorted(
    ".".join(path.relative_to(ROOT / "crds").with_suffix("").parts)
    for path in (ROOT / "crds" / "matinee_api").rglob("*.py")
    if path.stem != "__init__"
)


def fresh(code: str, *words: str) -> str:
    """What a new Python in the repository's root prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_folder_operator_does_not_hide_the_standard_module() -> None:
    place = Path(fresh("import operator; operator.itemgetter; print(operator.__file__)"))
    assert not place.is_relative_to(ROOT / "operator")


def test_the_folder_operator_is_no_package() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


DOCKERFILE = ROOT / "Dockerfile"
IMAGES = ("operator", "router", "runtime")


def test_all_images_start_from_one_base_named_by_its_digest() -> None:
    lines = DOCKERFILE.read_text().splitlines()
    (base,) = (line.removeprefix("ARG BASE=") for line in lines if line.startswith("ARG BASE="))
    assert re.fullmatch(r"python:3\.1[123]\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)
    roots = {line.split()[1] for line in lines if line.startswith("FROM ")} - set(stages())
    assert roots == {"${BASE}"}


def stages() -> dict[str, list[str]]:
    """Instructions of the Dockerfile by stage."""
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    found: dict[str, list[str]] = {}
    for line in (" ".join(line.split()) for line in text.splitlines()):
        if line.startswith("FROM "):
            instructions = found.setdefault(line.partition(" AS ")[2], [])
        elif found and line and not line.startswith("#"):
            instructions.append(line)
    return found


@pytest.mark.parametrize("image", IMAGES)
def test_a_change_of_the_code_leaves_an_image_s_dependencies_as_they_are(image: str) -> None:
    """The sources enter in one stage, and what comes from there is the last thing to be added."""
    found = stages()
    assert [name for name, lines in found.items() if "COPY . /source" in lines] == ["code"]
    assert found[image][-2:] == [
        f"COPY --from={image}-dependencies /opt/venv /opt/venv",
        f"COPY --from={image}-code /opt/matinee /opt/matinee",
    ]


def heavy_after_importing(modules: list[str]) -> str:
    return fresh(
        f"import importlib, sys; [importlib.import_module(name) for name in {modules!r}];"
        "print([name for name in ('torch', 'diffusers', 'transformers') if name in sys.modules])"
    )


@pytest.mark.parametrize("package", LIGHT)
def test_the_server_s_side_starts_without_torch(package: str) -> None:
    files = (ROOT / "runtime" / "matinee" / package).rglob("[!_]*.py")
    modules = sorted(
        ".".join(path.relative_to(ROOT / "runtime").with_suffix("").parts) for path in files
    )
    assert heavy_after_importing([f"matinee.{package}", *modules]) == "[]"


def test_up_has_imported_nothing_of_the_server_when_it_starts_the_workers() -> None:
    late = ("uvicorn", "fastapi", "av", "websockets")
    assert fresh(f"import matinee.cli.up, sys; print({{*{late}}} & {{*sys.modules}})") == "set()"


WITH_THE_ROUTER_S_PACKAGES = """
import importlib.metadata, re, sys
from pathlib import Path

lock = Path("requirements/router.txt").read_text()
present = {"matinee", *re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE)}
packages = importlib.metadata.packages_distributions()

class Absent:
    def find_spec(self, name, path=None, target=None):
        owners = {owner.lower().replace("_", "-") for owner in packages.get(name, ())}
        if owners and not owners & present or name in sys.argv[2:]:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Absent())
from matinee.cli import main
print(main(["stream", "http://127.0.0.1:9", "-p", "a", "-o", sys.argv[1]]))
print(main(["mock"]), main(["up", "-f", "x.yaml"]))
"""


def left_out_of_the_router() -> list[str]:
    """Packages of the runtime that its image lacks."""
    (removal,) = (line for line in stages()["router-code"] if line.startswith("RUN "))
    return re.sub(r".*&& rm -r ", "", removal).replace("/", ".").split()


def test_the_router_s_image_lacks_the_engine_and_what_runs_it() -> None:
    assert {"engine", "worker", "session", "bundled"} <= set(left_out_of_the_router())
    lock = (ROOT / "requirements" / "router.txt").read_text()
    assert not re.findall(r"^(torch|diffusers|transformers|kopf|av)==", lock, re.MULTILINE)


def test_the_terminal_client_runs_with_what_the_router_s_image_has(tmp_path: Path) -> None:
    """Port 9 answers nobody. Other commands say that they are not there."""
    absent = [f"matinee.{name}" for name in left_out_of_the_router()]
    assert all((ROOT / "runtime" / name.replace(".", "/")).is_dir() for name in absent)
    assert fresh(WITH_THE_ROUTER_S_PACKAGES, str(tmp_path / "a.mp4"), *absent) == "1\n2 2"


def test_importing_matinee_does_not_import_torch() -> None:
    assert heavy_after_importing(["matinee", "matinee.errors", "matinee.generation"]) == "[]"


def test_the_api_needs_only_pydantic_and_yaml() -> None:
    names = json.loads(
        fresh(
            f"import importlib, json, sys; [importlib.import_module(n) for n in {API_MODULES!r}];"
            "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
        )
    )
    known = {*sys.stdlib_module_names, "matinee_api", "yaml", "_yaml"}
    pydantics = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions"}
    others = {name for name in names if not name.startswith("_")} - known - pydantics
    assert others <= {"typing_inspection", "cython_runtime"}


def test_the_import_contracts_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
