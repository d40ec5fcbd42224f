from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from matinee_api.config.load import validate
from matinee_api.config.resources import load_resources
from matinee_api.kinds.conditions import ROUTER_TYPES, STREAMING_SERVICE_TYPES, VIDEO_MODEL_TYPES
from matinee_api.kinds.crd import DEFINITIONS, Definition, crd
from matinee_api.kinds.resource import KINDS, Resource
from tests.places import EXAMPLES, ROOT
from tests.unit.api.api_server import Schema, broken_rules, structural_schema, with_defaults

ALLOWED = {
    *("type", "description", "format", "enum", "pattern", "default", "required"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties"),
    *("properties", "items", "additionalProperties", "anyOf", "not"),
    "x-kubernetes-preserve-unknown-fields",
    *("x-kubernetes-int-or-string", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"),
    "x-kubernetes-validations",
}

every_kind = pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda one: one.kind)


def parts(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Every schema inside a schema, with its path."""
    yield path, schema
    for key, inner in schema.get("properties", {}).items():
        yield from parts(inner, f"{path}.{key}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from parts(schema[key], f"{path}[]")


@every_kind
def test_the_schema_is_structural(definition: Definition) -> None:
    for path, schema in parts(structural_schema(definition.model)):
        assert set(schema) <= ALLOWED, path
        if "x-kubernetes-int-or-string" in schema:
            assert schema["anyOf"] == [{"type": "integer"}, {"type": "string"}], path
            assert "type" not in schema, path
        elif "x-kubernetes-preserve-unknown-fields" in schema:
            assert not {"type", "anyOf", "properties"} & set(schema), path
        else:
            assert isinstance(schema["type"], str), path
            assert "anyOf" not in schema, path


@every_kind
def test_every_field_is_described(definition: Definition) -> None:
    schema = structural_schema(definition.model)
    undescribed = [
        path
        for path, inner in parts(schema)
        if "description" not in inner and not path.endswith("[]") and ".metadata" not in path
    ]
    assert undescribed == []


@every_kind
def test_nothing_is_without_bound(definition: Definition) -> None:
    """CEL's cost is estimated from the largest value, so lists, maps and texts in spec have one."""
    spec = structural_schema(definition.model)["properties"]["spec"]
    bounds = {"array": "maxItems", "string": "maxLength"}
    unbounded = [
        path
        for path, inner in parts(spec)
        if (bound := bounds.get(inner.get("type", ""))) and bound not in inner
        if "enum" not in inner
    ]
    assert unbounded == []


@every_kind
def test_map_keys_are_required_or_have_a_default(definition: Definition) -> None:
    for path, schema in parts(structural_schema(definition.model)):
        for key in schema.get("x-kubernetes-list-map-keys", []):
            assert key in schema["items"]["required"], path


@every_kind
def test_the_file_is_small_enough_for_helm(definition: Definition) -> None:
    path = ROOT / "crds" / f"{definition.name}.yaml"
    assert path.stat().st_size < 100_000
    assert yaml.load(path.read_bytes(), yaml.CSafeLoader) == crd(definition)


@every_kind
def test_defaults_of_the_crd_are_those_of_the_model(definition: Definition) -> None:
    resources = load_resources(EXAMPLES / f"{definition.kind.lower()}.yaml")
    every_one: list[Resource] = [*resources.models, *resources.services, *resources.routers]
    (resource,) = (one for one in every_one if one.kind == definition.kind)
    given = resource.model_dump(mode="json", exclude_unset=True)
    filled = with_defaults(structural_schema(definition.model), given)
    every = resource.model_dump(mode="json", exclude_none=True)
    assert filled["spec"] == every["spec"]
    assert validate(definition.model, filled) == resource


@every_kind
def test_conditions_are_a_list_map(definition: Definition) -> None:
    status = structural_schema(definition.model)["properties"]["status"]
    conditions = status["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert "observedGeneration" in conditions["items"]["required"]


COLUMNS = {
    "VideoModel": ["Ready", "Phase", "Family", "Size", "Cached", "Warm", "FPS*", "Reason*", "Age"],
    "StreamingService": [
        *("Ready", "Servable", "Desired", "Updated", "Draining", "Sessions", "Jobs*", "Model"),
        *("Reason*", "URL*", "Age"),
    ],
    "Router": [
        *("URL", "Ready", "Backends", "Sessions", "Queued", "Host*", "Pods*", "Reason*", "Age"),
    ],
}


@every_kind
def test_kubectl_shows_what_people_ask_for(definition: Definition) -> None:
    version = crd(definition)["spec"]["versions"][0]
    columns = version["additionalPrinterColumns"]
    assert [f"{one['name']}{'*' * one.get('priority', 0)}" for one in columns] == COLUMNS[
        definition.kind
    ]


@every_kind
def test_columns_read_fields_that_exist(definition: Definition) -> None:
    paths = {path for path, _ in parts(structural_schema(definition.model))}
    types = {
        "VideoModel": VIDEO_MODEL_TYPES,
        "StreamingService": STREAMING_SERVICE_TYPES,
        "Router": ROUTER_TYPES,
    }
    for column in definition.model.columns:
        if "[?(" in column.json_path:
            assert column.json_path.split('"')[1] in types[definition.kind]
        elif column.name != "Age":
            assert column.json_path in paths


def test_names_scope_and_subresources() -> None:
    model, service, router = (crd(definition)["spec"] for definition in DEFINITIONS)
    assert service["names"] == {
        "kind": "StreamingService",
        "listKind": "StreamingServiceList",
        "plural": "streamingservices",
        "singular": "streamingservice",
        "shortNames": ["ssvc"],
        "categories": ["matinee"],
    }
    assert (service["group"], service["scope"]) == ("matinee.video", "Namespaced")
    assert model["names"]["shortNames"] == ["vmod"]
    assert router["names"]["shortNames"] == ["vrtr"]
    assert model["versions"][0]["subresources"] == {"status": {}}
    assert service["versions"][0]["subresources"] == {
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.replicas",
            "labelSelectorPath": ".status.selector",
        },
    }


@every_kind
def test_every_default_obeys_the_rules_as_it_stands(definition: Definition) -> None:
    """The API server refuses a CRD otherwise; it does not fill in nested defaults before."""
    for path, schema in parts(structural_schema(definition.model)):
        if "default" in schema:
            assert list(broken_rules(schema, schema["default"])) == [], path
            assert list(broken_rules(schema, schema["default"], schema["default"])) == [], path


def test_a_default_is_spelled_out() -> None:
    spec = structural_schema(KINDS["StreamingService"])["properties"]["spec"]["properties"]
    assert spec["resources"]["default"] == {"gpu": {"resourceName": "nvidia.com/gpu", "count": 1}}
