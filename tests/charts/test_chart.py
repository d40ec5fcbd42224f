from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from matinee_operator.settings import read_settings
from tools.chart_values import Values
from tools.cluster.places import BINARIES

CHART = Path(__file__).parents[2] / "charts" / "matinee"
HELM = shutil.which("helm") or shutil.which("helm", path=BINARIES)
"""On the PATH, or the test cluster's: `make e2e` has it, so these tests are part of it too."""
needs_helm = pytest.mark.skipif(HELM is None, reason="helm is not installed")


def rendered(*arguments: str) -> list[dict[str, Any]]:
    command = [HELM or "helm", "template", "m", str(CHART), "-n", "matinee-system"]
    done = subprocess.run(
        [*command, "--kube-version", "1.35.0", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def test_the_values_file_says_the_defaults() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    assert Values.model_validate(values) == Values()
    assert values == Values().model_dump(by_alias=True)


def test_the_schema_refuses_unknown_keys_everywhere() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    objects = [schema, *schema["$defs"].values()]
    assert [one.get("additionalProperties") for one in objects] == [False] * len(objects)


def test_every_value_has_a_comment() -> None:
    lines = (CHART / "values.yaml").read_text(encoding="utf-8").splitlines()
    keys = {key for key, *_ in _keys(Values().model_dump(by_alias=True))}
    for number, line in enumerate(lines):
        name = line.strip().partition(":")[0]
        if name in keys and not line.strip().startswith("#") and ":" in line:
            above = lines[number - 1].strip()
            assert above.startswith("#") or name in ("requests", "limits", "cpu", "memory"), name


def _keys(values: dict[str, Any]) -> list[tuple[str, Any]]:
    found = list(values.items())
    for value in values.values():
        if isinstance(value, dict):
            found += _keys(value)
    return found


@needs_helm
def test_the_operator_can_read_its_environment() -> None:
    (deployment,) = [one for one in rendered() if one["kind"] == "Deployment"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    environment = {one["name"]: one.get("value", "x" * 16) for one in container["env"]}
    settings = read_settings(environment)
    assert settings.namespaces == ()
    assert settings.runtime_image == "matinee/runtime:0.1.0"


@needs_helm
def test_one_namespace_needs_no_rights_in_the_others() -> None:
    kinds = [one["kind"] for one in rendered("--set", "namespaces={a,b}")]
    assert "ClusterRole" not in kinds
    assert kinds.count("Role") == 3


@needs_helm
def test_all_pods_are_restricted() -> None:
    pods = [one["spec"] for one in rendered() if one["kind"] == "Pod"]
    pods += [one["spec"]["template"]["spec"] for one in rendered() if one["kind"] == "Deployment"]
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


@needs_helm
def test_the_crds_can_be_left_out() -> None:
    kinds = [one["kind"] for one in rendered("--set", "crds.install=false")]
    assert "CustomResourceDefinition" not in kinds


@needs_helm
def test_a_value_that_does_not_exist_is_refused() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        rendered("--set", "replcias=3")
    assert "replcias" in caught.value.stderr
