"""Models of resources -> CustomResourceDefinitions, as plain dictionaries.

pydantic's JSON schema is close to what the API server wants, a *structural* OpenAPI v3 schema.
Here the rest is done: references are put in place, titles dropped, `null` left out (an absent field
says the same) and constants turned into enums. Defaults of objects are spelled out, because the API
server checks the rules on a default before it fills in those of the nested fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from matinee_api.kinds.meta import CATEGORY, GROUP, VERSION, PrinterColumn
from matinee_api.kinds.resource import Resource
from matinee_api.kinds.router import Router
from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel

Schema = dict[str, Any]

_KEPT = (
    *("type", "description", "format", "enum", "pattern"),
    *("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "maxProperties"),
    *("required", "not", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"),
    *("x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-validations"),
)
_ROOT_DESCRIPTIONS = {
    "apiVersion": "Version of this schema: matinee.video/v1alpha1.",
    "kind": "Kind of this object.",
}


@dataclass(frozen=True, slots=True)
class Definition:
    """What a CRD says besides the schema."""

    model: type[Resource]
    plural: str
    short_name: str
    subresources: Mapping[str, Any] = field(default_factory=lambda: {"status": {}})

    @property
    def kind(self) -> str:
        return self.model.__name__

    @property
    def name(self) -> str:
        return f"{self.plural}.{GROUP}"


DEFINITIONS = (
    Definition(VideoModel, "videomodels", "vmod"),
    Definition(
        StreamingService,
        "streamingservices",
        "ssvc",
        {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
    ),
    Definition(Router, "routers", "vrtr"),
)


def crd(definition: Definition) -> dict[str, Any]:
    """The whole CustomResourceDefinition."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": definition.name},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": _names(definition),
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": dict(definition.subresources),
                    "additionalPrinterColumns": [
                        _column(column) for column in definition.model.columns
                    ],
                    "schema": {"openAPIV3Schema": structural_schema(definition.model)},
                }
            ],
        },
    }


def _names(definition: Definition) -> dict[str, Any]:
    return {
        "kind": definition.kind,
        "listKind": f"{definition.kind}List",
        "plural": definition.plural,
        "singular": definition.kind.lower(),
        "shortNames": [definition.short_name],
        "categories": [CATEGORY],
    }


def structural_schema(model: type[Resource]) -> Schema:
    """The schema of a kind as the API server takes it."""
    source = model.model_json_schema(by_alias=True)
    root = _structural(source, source["$defs"])
    for key, description in _ROOT_DESCRIPTIONS.items():
        root["properties"][key] = {"type": "string", "description": description}
    # The API server owns metadata; a CRD may only narrow the name.
    name = root["properties"]["metadata"]["properties"]["name"]
    root["properties"]["metadata"] = {
        "type": "object",
        "properties": {"name": {key: name[key] for key in ("type", "maxLength", "pattern")}},
    }
    root["required"] = ["metadata", "spec"]
    return root


def _column(column: PrinterColumn) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "jsonPath": column.json_path,
    }
    if column.description:
        made["description"] = column.description
    if column.wide:
        made["priority"] = 1
    return made


def _structural(source: Schema, definitions: Mapping[str, Schema]) -> Schema:
    schema = _resolved(source, definitions)
    made = {key: schema[key] for key in _KEPT if key in schema}
    if "description" in made:
        made["description"] = " ".join(made["description"].split())
    if "const" in schema:
        made["enum"] = [schema["const"]]
    if schema.get("x-kubernetes-int-or-string"):
        made["anyOf"] = schema["anyOf"]
    if "items" in schema:
        made["items"] = _structural(schema["items"], definitions)
    if "properties" in schema:
        made["properties"] = {
            key: _structural(inner, definitions) for key, inner in schema["properties"].items()
        }
    if isinstance(schema.get("additionalProperties"), dict):
        made["additionalProperties"] = _structural(schema["additionalProperties"], definitions)
    if schema.get("default") is not None:
        made["default"] = _without_nulls(schema["default"])
    return made


def _resolved(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """References and `X | None` replaced by what they stand for; outer keys win."""
    outer = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf")}
    if "$ref" in schema:
        return definitions[schema["$ref"].rpartition("/")[2]] | outer
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1:
        return _resolved(choices[0], definitions) | outer
    return schema


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return value
