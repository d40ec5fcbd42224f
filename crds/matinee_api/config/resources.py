"""A file with resources -> VideoModels, StreamingServices and Routers, checked as a cluster would.

Each problem is prefixed with the object it is in: `StreamingService/tiny: spec.sessions...`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matinee_api.config.errors import ConfigError, Problem, config_error
from matinee_api.config.load import read_text, validate
from matinee_api.config.problems import nearest
from matinee_api.config.yaml_text import parse_documents
from matinee_api.kinds.meta import API_VERSION
from matinee_api.kinds.resource import KINDS, Resource
from matinee_api.kinds.router import Router
from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.kinds.videomodel import VideoModel


@dataclass(frozen=True, slots=True)
class Resources:
    """What one file holds, in its order."""

    models: tuple[VideoModel, ...]
    services: tuple[StreamingService, ...]
    file: str = ""
    routers: tuple[Router, ...] = ()


def load_resources(path: str | Path) -> Resources:
    return parse_resources(read_text(path), file=str(path))


def parse_resources(text: str, *, file: str = "") -> Resources:
    """Every object of the text, or one `ConfigError` with the problems of all of them."""
    try:
        return dataclasses.replace(_collect(parse_documents(text)), file=file)
    except ConfigError as error:
        raise error.found_in(file) from error


def _collect(documents: list[Any]) -> Resources:
    if not documents:
        raise config_error("holds no resources", remedy=f"add one of the kinds {_kinds()}")
    found: list[Resource] = []
    problems: list[Problem] = []
    for number, document in enumerate(documents, start=1):
        try:
            found.append(_resource(document, number))
        except ConfigError as error:
            problems.extend(error.problems)
    problems.extend(_twins(found))
    if problems:
        raise ConfigError(problems)
    return Resources(
        tuple(resource for resource in found if isinstance(resource, VideoModel)),
        tuple(resource for resource in found if isinstance(resource, StreamingService)),
        routers=tuple(resource for resource in found if isinstance(resource, Router)),
    )


def _resource(document: Any, number: int) -> Resource:
    where = f"document {number}"
    if not isinstance(document, Mapping):
        raise config_error("expected a mapping with apiVersion, kind, metadata, spec", path=where)
    label = _label(document, where)
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise _wrong_kind(kind, label)
    if "apiVersion" not in document:
        remedy = f"add apiVersion: {API_VERSION}"
        raise ConfigError([Problem("required, but missing", "apiVersion", remedy).within(label)])
    try:
        return validate(KINDS[kind], document)
    except ConfigError as error:
        raise ConfigError(problem.within(label) for problem in error.problems) from error


def _wrong_kind(kind: Any, label: str) -> ConfigError:
    if not isinstance(kind, str):
        return config_error("kind is missing", path=label, remedy=f"known kinds: {_kinds()}")
    remedy = nearest(kind, KINDS)
    if not remedy.startswith("did you mean"):
        remedy = f"this file may hold {_kinds()}"
    return config_error(f"kind {kind[:60]} is not ours", path=label, remedy=remedy)


def _twins(found: list[Resource]) -> Iterator[Problem]:
    seen: set[tuple[str, str | None, str]] = set()
    for resource in found:
        key = (resource.kind, resource.metadata.namespace, resource.metadata.name)
        if key in seen:
            label = f"{resource.kind}/{resource.metadata.name}"
            yield Problem("stands twice in this file", label, "rename or remove one")
        seen.add(key)


def _label(document: Mapping[str, Any], fallback: str) -> str:
    metadata = document.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    kind = document.get("kind")
    return f"{kind}/{name}" if isinstance(kind, str) and isinstance(name, str) else fallback


def _kinds() -> str:
    *others, last = KINDS
    return f"{', '.join(others)} and {last}"
