"""What all kinds share: the base model, metadata, conditions, names and quantities.

YAML has camelCase keys, Python snake_case attributes. Files of users refuse unknown keys; stored
objects are read with `extra="ignore"` (see `load.validate`), because their CRD may be newer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema

from matinee_api.kinds.patterns import DNS_LABEL, EXPLAINED, OBJECT_NAME, PERCENT, QUANTITY
from matinee_api.kinds.rules import Rule, broken_rules, check_rules

GROUP = "matinee.video"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "matinee"
STORED = "stored"
"""Context in which an object is read that the API server has taken."""


class ApiModel(BaseModel):
    """Base of everything in a resource."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
    )

    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="after")
    def _obey_rules(self, info: ValidationInfo) -> Self:
        check_rules(self.rules, self, stored=info.context == STORED)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The schema carries the rules, so that the CRD generator finds them where they belong."""
        made = handler(schema)
        if cls.rules:
            handler.resolve_ref_schema(made)["x-kubernetes-validations"] = [
                rule.validation() for rule in cls.rules
            ]
        return made


@dataclass(frozen=True, slots=True)
class KeyedBy:
    """Marks a list whose entries are identified by one field, as server-side apply does it."""

    field: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._refuse_twins, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        keys = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [self.field]}
        return {**handler(schema), **keys}

    def _refuse_twins(self, entries: tuple[Any, ...]) -> tuple[Any, ...]:
        seen = set()
        for entry in entries:
            key = getattr(entry, self.field)
            if key in seen:
                raise broken_rules([("", f"two entries have the {self.field} {key}; remove one")])
            seen.add(key)
        return entries


def exactly_one(*fields: str) -> Rule:
    """A rule: of these optional fields, by their names in YAML, one is set."""
    names = [re.sub("[A-Z]", r"_\g<0>", field).lower() for field in fields]
    present = ", ".join(f"has(self.{field})" for field in fields)
    *others, last = fields
    return Rule(
        f"[{present}].filter(present, present).size() == 1",
        f"set exactly one of {', '.join(others)} and {last}",
        lambda model: [getattr(model, name) for name in names].count(None) == len(names) - 1,
    )


def _text_of_number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return format(Decimal(repr(value)), "f")


def _share(value: Any) -> Any:
    is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_PODS
    if is_number or (isinstance(value, str) and re.fullmatch(PERCENT, value)):
        return value
    raise PydanticCustomError("share", "{expected}", {"expected": EXPLAINED[PERCENT]})


Name = Annotated[str, Field(min_length=1, max_length=63, pattern=DNS_LABEL)]
"""Name of an object in the same namespace."""
Quantity = Annotated[
    str,
    BeforeValidator(_text_of_number),
    Field(max_length=32, pattern=QUANTITY),
    WithJsonSchema(
        {
            # A number or a text. A schema cannot say that of fractions (`int-or-string` refuses
            # them), so it takes any value and bounds each type that there is.
            "x-kubernetes-preserve-unknown-fields": True,
            "pattern": QUANTITY,
            "maxLength": 32,
            "minimum": 0,
            "maximum": 2**53,
            "maxItems": 0,
            "maxProperties": 0,
            "not": {"enum": [True, False, [], {}]},
        }
    ),
]
"""An amount as Kubernetes writes it, or a number. No rule can read it: CEL sees typed fields."""
Size = Annotated[
    str,
    BeforeValidator(_text_of_number),
    Field(max_length=32, pattern=QUANTITY),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": QUANTITY,
            "x-kubernetes-int-or-string": True,
        }
    ),
]
"""An amount of bytes, which rules can read: whole, or a text."""
MOST_PODS = 1000
Share = Annotated[
    int | str,
    BeforeValidator(_share),
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "pattern": PERCENT,
            "minimum": 0,
            "maximum": MOST_PODS,
            "x-kubernetes-int-or-string": True,
        }
    ),
]
"""A number of pods, or a percentage of those that are desired."""
LabelText = Annotated[str, Field(max_length=317)]
Labels = Annotated[dict[str, LabelText], Field(max_length=64)]
Annotations = Annotated[dict[str, Annotated[str, Field(max_length=262144)]], Field(max_length=64)]
"""As large as Kubernetes takes them."""


def _begins_with_a_letter(name: str, info: ValidationInfo) -> str:
    """Objects were stored before names had to, and are read all the same."""
    if info.context != STORED and not re.fullmatch(OBJECT_NAME, name):
        raise PydanticKnownError("string_pattern_mismatch", {"pattern": OBJECT_NAME})
    return name


class ObjectMeta(ApiModel):
    """The part of Kubernetes' metadata that is read here."""

    name: Annotated[
        str,
        Field(min_length=1, max_length=40, json_schema_extra={"pattern": OBJECT_NAME}),
        AfterValidator(_begins_with_a_letter),
    ]
    """At most 40 characters: lower-case letters, digits and `-`, a letter first, as the names of
    Services want it. Names of pods and Jobs add to it and must stay within 63."""
    namespace: Name | None = None
    """Unset: `default`."""
    labels: dict[str, str] = Field(default_factory=dict)
    """For selecting."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """For people and tools."""
    uid: str | None = None
    """Set by the API server, as are the fields below."""
    generation: int | None = None
    """Counts the changes of `spec`."""
    resource_version: str | None = None
    """Changes with every write."""
    creation_timestamp: str | None = None
    """When it was created."""
    deletion_timestamp: str | None = None
    """When deletion was asked for."""
    finalizers: tuple[str, ...] = ()
    """What must happen before it can be removed."""


class Condition(ApiModel):
    """One observation of the operator, as Kubernetes defines conditions."""

    type: Annotated[str, Field(max_length=64)]
    """What is observed; see `conditions.py` for the types of each kind."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds; `Unknown` when it cannot be determined."""
    observed_generation: int
    """The `metadata.generation` that was observed."""
    last_transition_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When `status` last changed."""
    reason: Annotated[str, Field(min_length=1, max_length=128)]
    """One word for programs."""
    message: Annotated[str, Field(max_length=4096)] = ""
    """A sentence for people."""


Conditions = Annotated[tuple[Condition, ...], Field(max_length=16), KeyedBy("type")]


class SecretKeyRef(ApiModel):
    """One key of a Secret in the same namespace."""

    name: Name
    """Name of the Secret."""
    key: Annotated[str, Field(min_length=1, max_length=253)] = "token"
    """Key inside the Secret."""


@dataclass(frozen=True, slots=True)
class PrinterColumn:
    """A column of `kubectl get`; `wide` ones only show with `-o wide`."""

    name: str
    type: Literal["string", "integer", "number", "boolean", "date"]
    json_path: str
    description: str = ""
    wide: bool = False


AGE = PrinterColumn("Age", "date", ".metadata.creationTimestamp")
REASON = PrinterColumn(
    "Reason",
    "string",
    '.status.conditions[?(@.type=="Ready")].reason',
    "Why it is Ready, or why not",
    wide=True,
)


def condition_column(name: str, condition: str, description: str) -> PrinterColumn:
    path = f'.status.conditions[?(@.type=="{condition}")].status'
    return PrinterColumn(name, "string", path, description)
