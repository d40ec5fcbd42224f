"""Every field of the kinds is read, or written, by somebody: one that is not is a promise that
nobody keeps.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from matinee_api.kinds import environment, exposure, pod, scheduling, volumes
from matinee_api.kinds.compute import ResourceClaim
from matinee_api.kinds.meta import ApiModel
from matinee_api.kinds.resource import KINDS
from matinee_api.kinds.streamingservice import ServiceLimits
from matinee_api.kinds.videomodel import GenerationSpec, ModelLimits

ROOT = Path(__file__).parents[3]
READERS = (
    *sorted((ROOT / "operator/matinee_operator").rglob("*.py")),
    ROOT / "crds/matinee_api/config/serve_config.py",
    ROOT / "crds/matinee_api/config/router_settings.py",
)
VERBATIM = (
    *(scheduling.Toleration, scheduling.Affinity, scheduling.TopologySpread, ResourceClaim),
    *(environment.EnvVar, environment.EnvFrom, volumes.Volume, volumes.VolumeMount),
    pod.PodSecurity,
    exposure.ParentRef,
    *(GenerationSpec, ModelLimits, ServiceLimits),
)
"""Passed on whole: to Kubernetes in a PodSpec, and to the runtime as its `SamplingConfig` and its
`LimitsConfig`."""
OTHERWISE = {
    **{f"{kind}.api_version": "it says which schema the object follows" for kind in KINDS},
    "ObjectMeta.labels": "kubectl selects by them",
    "ObjectMeta.annotations": "people and tools read them",
    "ObjectMeta.creation_timestamp": "the column AGE reads it",
}


def fields(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[str, str]]:
    """(model, field) of a kind and all that is in it."""
    if model in seen or model in VERBATIM:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        inner = list(_models(field.annotation))
        yield model.__name__, name
        for each in inner:
            yield from fields(each, seen)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, ApiModel):
        yield annotation
    for each in get_args(annotation):
        yield from _models(each)


def names_in_code(path: Path) -> Iterator[str]:
    """Attributes that are read, and fields that are set: by keyword or as a key of a dictionary."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif isinstance(node, ast.Dict):
            yield from (str(key.value) for key in node.keys if isinstance(key, ast.Constant))


USED = {name for path in READERS for name in names_in_code(path)}
FIELDS = sorted({(owner, name) for kind in KINDS.values() for owner, name in fields(kind, set())})


@pytest.mark.parametrize(
    ("owner", "name"), FIELDS, ids=[f"{owner}.{name}" for owner, name in FIELDS]
)
def test_a_field_is_used(owner: str, name: str) -> None:
    assert name in USED or f"{owner}.{name}" in OTHERWISE


def test_the_exceptions_are_fields() -> None:
    assert set(OTHERWISE) <= {f"{owner}.{name}" for owner, name in FIELDS}
