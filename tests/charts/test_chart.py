from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from matinee_operator.settings import read_settings
from tests.charts.rendering import CHART, needs_helm, parent_chart, rendered
from tools.chart_values import Values
from tools.cluster import images

SCALE = "streamingservices/scale"


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


def operator_pod(objects: list[dict[str, Any]]) -> dict[str, Any]:
    (deployment,) = [one for one in objects if one["kind"] == "Deployment"]
    template: dict[str, Any] = deployment["spec"]["template"]
    return template


def environment(objects: list[dict[str, Any]]) -> dict[str, str]:
    """A Secret's or a field's value is some text."""
    (container,) = operator_pod(objects)["spec"]["containers"]
    return {one["name"]: one.get("value", "x" * 16) for one in container["env"]}


@needs_helm
def test_the_operator_can_read_its_environment() -> None:
    settings = read_settings(environment(rendered()))
    assert settings.namespaces == ()
    assert settings.runtime_image == "matinee/runtime:0.1.0"
    assert settings.pod_monitors


@needs_helm
def test_what_monitors_say_reaches_the_operator() -> None:
    values = ("metrics.labels.release=prometheus,metrics.labels.team=a", "metrics.interval=30s")
    objects = rendered(*(word for value in values for word in ("--set", value)))
    settings = read_settings(environment(objects))
    assert settings.pod_monitor_labels == (("release", "prometheus"), ("team", "a"))
    assert settings.pod_monitor_interval == "30s"
    off = rendered("--set", "metrics.servicePodMonitors=false")
    assert not read_settings(environment(off)).pod_monitors


@needs_helm
def test_some_namespaces_take_no_rights_in_the_others() -> None:
    kinds = [one["kind"] for one in rendered("--set", "namespaces={a,b}")]
    assert "ClusterRoleBinding" not in kinds
    assert kinds.count("RoleBinding") == 3


@needs_helm
@pytest.mark.parametrize("namespaces", ["{}", "{a}"])
def test_who_may_edit_a_namespace_may_scale_services_in_both_modes(namespaces: str) -> None:
    """`edit` has all that `view` has."""
    roles = {
        label.rpartition("-")[2]: one["rules"]
        for one in rendered("--set", f"namespaces={namespaces}")
        if one["kind"] == "ClusterRole"
        for label in one["metadata"]["labels"]
        if label.startswith("rbac.authorization.k8s.io/aggregate-to-")
    }
    verbs = {
        role: {verb for rule in rules if SCALE in rule["resources"] for verb in rule["verbs"]}
        for role, rules in roles.items()
    }
    assert verbs == {"view": {"get"}, "edit": {"update", "patch"}}
    kinds = {one["kind"] for one in rendered("--set", "namespaces={a},aggregateRoles=false")}
    assert "ClusterRole" not in kinds


@needs_helm
def test_each_release_has_a_lease_of_its_own_and_may_write_no_other() -> None:
    for release in ("matinee", "other"):
        objects = rendered(release=release)
        lease = environment(objects)["MATINEE_LEASE_NAME"]
        assert lease == f"{release}-operator"
        (role,) = [one for one in objects if one["kind"] == "Role"]
        assert [rule.get("resourceNames") for rule in role["rules"]] == [None, [lease]]


@needs_helm
@pytest.mark.parametrize(
    ("release", "override", "name"),
    [
        ("matinee", "", "matinee-operator"),
        ("1st.one", "", "matinee-1st-one-operator"),
        ("a" * 53, "", f"{'a' * 40}-operator"),
        ("parent", "video", "video"),
    ],
)
def test_every_name_is_made_of_the_release_and_can_be_a_services(
    release: str, override: str, name: str
) -> None:
    objects = rendered("--set", f"fullnameOverride={override}", release=release)
    names = {
        one["metadata"]["name"] for one in objects if one["kind"] != "CustomResourceDefinition"
    }
    assert re.fullmatch("[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name)
    assert {each for each in names if not each.startswith(f"{name}-")} == {name}


@needs_helm
def test_images_are_taken_from_a_registry_and_by_digest() -> None:
    digest = f"sha256:{'a' * 64}"
    registry = ("--set", "registry=registry.example/team/")
    objects = rendered(*registry, "--set", f"image.digest={digest}")
    (container,) = operator_pod(objects)["spec"]["containers"]
    assert container["image"] == f"registry.example/team/matinee/operator@{digest}"
    runtime = environment(objects)["MATINEE_RUNTIME_IMAGE"]
    assert runtime == "registry.example/team/matinee/runtime:0.1.0"


@needs_helm
def test_the_test_cluster_has_the_images_that_are_asked_for_by_default() -> None:
    """So that the README's `helm install` works there as it is written."""
    objects = rendered()
    (container,) = operator_pod(objects)["spec"]["containers"]
    wanted = {container["image"], environment(objects)["MATINEE_RUNTIME_IMAGE"]}
    assert wanted <= set(images.NAMES)


@needs_helm
def test_a_label_that_helm_made_a_number_is_refused_and_ours_stay_ours() -> None:
    with pytest.raises(subprocess.CalledProcessError, match="returned non-zero") as caught:
        rendered("--set", "podLabels.version=1")
    assert "podLabels" in caught.value.stderr
    assert "string" in caught.value.stderr
    ours = "podLabels.app\\.kubernetes\\.io/name"
    pod = operator_pod(rendered("--set-string", f"podLabels.version=1,{ours}=x"))
    labels = pod["metadata"]["labels"]
    assert (labels["version"], labels["app.kubernetes.io/name"]) == ("1", "matinee-operator")
    ours = ours.replace("podLabels", "metrics.podMonitor=true,metrics.labels")
    (monitor,) = [one for one in rendered("--set", f"{ours}=x") if one["kind"] == "PodMonitor"]
    assert monitor["metadata"]["labels"]["app.kubernetes.io/name"] == "matinee-operator"


@needs_helm
def test_it_renders_as_a_dependency_of_a_parent_chart(tmp_path: Path) -> None:
    parent = parent_chart(tmp_path)
    shared = "global.imageRegistry=mirror.example,global.imagePullSecrets={one}"
    objects = rendered("--set", f"{shared},global.other=x,matinee.replicas=1", chart=parent)
    pod = operator_pod(objects)["spec"]
    assert pod["containers"][0]["image"] == "mirror.example/matinee/operator:0.1.0"
    assert pod["imagePullSecrets"] == [{"name": "one"}]
    assert rendered(chart=parent)
    assert rendered("--set", "matinee.enabled=false", chart=parent) == []


@needs_helm
def test_restrictions_are_there_when_they_are_asked_for() -> None:
    def policies(*values: str) -> list[dict[str, Any]]:
        return [one for one in rendered(*values) if one["kind"].startswith("Validating")]

    assert policies() == []
    values = "restrictions.enabled=true,restrictions.secrets={*},serviceAccount.name=video"
    policy, binding = policies("--set", values)
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    (condition,) = policy["spec"]["matchConditions"]
    assert "system:serviceaccount:matinee-system:video" in condition["expression"]
    assert "secretKeyRef" not in yaml.safe_dump(policy)


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


@needs_helm
def test_a_small_valkey_for_trying_out() -> None:
    assert not [one for one in rendered() if "valkey" in one["metadata"]["name"]]
    made = {
        one["kind"]: one
        for one in rendered("--set", "valkey.enabled=true,valkey.megabytes=64")
        if "valkey" in one["metadata"]["name"]
    }
    assert set(made) == {"Secret", "Service", "Deployment"}
    secret, deployment = made["Secret"], made["Deployment"]
    address = f"{made['Service']['metadata']['name']}.{secret['metadata']['namespace']}.svc:6379"
    password = secret["stringData"]["password"]
    assert secret["stringData"]["url"] == f"redis://:{password}@{address}"
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert "64mb" in container["args"]
    assert password not in str(deployment)
    marks = deployment["spec"]["template"]["metadata"]["labels"]
    assert made["Service"]["spec"]["selector"].items() <= marks.items()
    assert marks["app.kubernetes.io/name"] != "matinee-operator"  # whose Deployment selects by it
    assert {"name": "data", "emptyDir": {}} in deployment["spec"]["template"]["spec"]["volumes"]
    assert "--appendonly" not in container["args"]


@needs_helm
def test_a_valkey_with_a_claim_keeps_what_it_has() -> None:
    (spec,) = (
        one["spec"]["template"]["spec"]
        for one in rendered("--set", "valkey.enabled=true,valkey.claim=jobs")
        if one["kind"] == "Deployment" and "valkey" in one["metadata"]["name"]
    )
    args = spec["containers"][0]["args"]
    assert args[args.index("--appendonly") + 1] == "yes"
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "jobs"}}
    assert claim in spec["volumes"]
