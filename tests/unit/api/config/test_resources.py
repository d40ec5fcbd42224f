from __future__ import annotations

import pytest

from matinee_api.config.errors import ConfigError
from matinee_api.config.resources import Resources, load_resources, parse_resources
from tests.places import EXAMPLES

QUICKSTART = (EXAMPLES / "quickstart.yaml").read_text(encoding="utf-8")


def test_a_file_gives_its_models_and_services() -> None:
    resources = load_resources(EXAMPLES / "quickstart.yaml")
    assert [model.metadata.name for model in resources.models] == ["tiny"]
    assert [service.metadata.name for service in resources.services] == ["tiny"]
    assert resources.services[0].spec.sessions.max_per_pod == 4


def test_fields_that_kubectl_adds_are_accepted() -> None:
    text = QUICKSTART.replace(
        "  name: tiny\nspec",
        "  name: tiny\n  namespace: default\n  uid: x\n  generation: 3\n  labels: {a: b}\nspec",
    )
    assert parse_resources(text).models[0].metadata.generation == 3


MISTAKES: dict[str, tuple[str, str, list[str]]] = {
    "a mistyped key, with the object before it": (
        "maxPerPod",
        "maxPerPods",
        ["StreamingService/tiny: spec.sessions.maxPerPods: unknown key; did you mean maxPerPod?"],
    ),
    "an unknown scheme": (
        "builtin:tiny",
        "ftp://host/tiny",
        [
            "VideoModel/tiny: spec.source.uri: "
            "must begin with one of hf:, s3:, oci:, pvc:, file:, builtin:"
        ],
    ),
    "a hub address without an organisation": (
        "builtin:tiny",
        "hf://tiny",
        [
            "VideoModel/tiny: spec.source.uri: must look like hf://org/name, s3://bucket/folder, "
            "oci://registry/name:tag, pvc://claim/folder, file:///folder or builtin:tiny"
        ],
    ),
    "a name that is no DNS label, in both objects": (
        "name: tiny\nspec",
        "name: Tiny_\nspec",
        [
            f"{kind}/Tiny_: metadata.name: expected lower-case letters, digits and -, "
            'with a letter first and no - at the end; got "Tiny_"'
            for kind in ("VideoModel", "StreamingService")
        ],
    ),
    "a name that no Service can have": (
        "name: tiny\nspec",
        "name: 1st\nspec",
        [
            f"{kind}/1st: metadata.name: expected lower-case letters, digits and -, "
            'with a letter first and no - at the end; got "1st"'
            for kind in ("VideoModel", "StreamingService")
        ],
    ),
    "a name too long for the names of pods": (
        "name: tiny\nspec",
        f"name: {'x' * 41}\nspec",
        [
            f'{kind}/{"x" * 41}: metadata.name: expected at most 40 characters; got "{"x" * 41}"'
            for kind in ("VideoModel", "StreamingService")
        ],
    ),
    "a missing name": (
        "metadata:\n  name: tiny\nspec:\n  source",
        "spec:\n  source",
        ["document 1: metadata: required, but missing"],
    ),
    "a mistyped kind": (
        "kind: VideoModel",
        "kind: VideoModle",
        ["VideoModle/tiny: kind VideoModle is not ours; did you mean VideoModel?"],
    ),
    "an object of somebody else": (
        "kind: VideoModel",
        "kind: Deployment",
        [
            "Deployment/tiny: kind Deployment is not ours; "
            "this file may hold VideoModel, StreamingService and Router"
        ],
    ),
    "no kind": (
        "kind: VideoModel\n",
        "",
        ["document 1: kind is missing; known kinds: VideoModel, StreamingService and Router"],
    ),
    "no version": (
        "apiVersion: matinee.video/v1alpha1\nkind: VideoModel",
        "kind: VideoModel",
        [
            "VideoModel/tiny: apiVersion: required, but missing; "
            "add apiVersion: matinee.video/v1alpha1"
        ],
    ),
    "a version of the future": (
        "apiVersion: matinee.video/v1alpha1\nkind: VideoModel",
        "apiVersion: matinee.video/v2\nkind: VideoModel",
        ['VideoModel/tiny: apiVersion: expected matinee.video/v1alpha1; got "matinee.video/v2"'],
    ),
    "mistakes in both objects": (
        "tiny",
        "TINY",
        [
            "VideoModel/TINY: spec.source.uri: must look like hf://org/name, s3://bucket/folder, "
            "oci://registry/name:tag, pvc://claim/folder, file:///folder or builtin:tiny",
            "VideoModel/TINY: metadata.name: expected lower-case letters, digits and -, with a "
            'letter first and no - at the end; got "TINY"',
        ],
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_told_with_its_object(case: str) -> None:
    good, bad, messages = MISTAKES[case]
    assert good in QUICKSTART
    with pytest.raises(ConfigError) as caught:
        parse_resources(QUICKSTART.replace(good, bad), file="q.yaml")
    told = str(caught.value).splitlines()
    assert set(told) >= {f"q.yaml: {message}" for message in messages}


def test_an_object_that_stands_twice_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_resources(f"{QUICKSTART}---\n{QUICKSTART}")
    assert str(caught.value).splitlines() == [
        "VideoModel/tiny: stands twice in this file; rename or remove one",
        "StreamingService/tiny: stands twice in this file; rename or remove one",
    ]


WHOLE_FILES: dict[str, tuple[str, str]] = {
    "an empty file": (
        "",
        "holds no resources; add one of the kinds VideoModel, StreamingService and Router",
    ),
    "a list": ("- 1", "document 1: expected a mapping with apiVersion, kind, metadata, spec"),
    "broken YAML": (
        "kind: [",
        "line 1, column 8: not valid YAML: expected the node content, but found '<stream end>'",
    ),
}


@pytest.mark.parametrize("case", WHOLE_FILES)
def test_a_file_without_usable_objects_is_refused(case: str) -> None:
    text, message = WHOLE_FILES[case]
    with pytest.raises(ConfigError) as caught:
        parse_resources(text)
    assert str(caught.value) == message


def test_resources_remember_their_file() -> None:
    resources = parse_resources(QUICKSTART, file="q.yaml")
    assert isinstance(resources, Resources)
    assert resources.file == "q.yaml"
