"""Objects of the API server: how one is named, and what all of them say in the same way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple

Object = Mapping[str, Any]
"""One object as the API server gives it, or a part of one."""


class Key(NamedTuple):
    """One object; with the kinds of this API also the unit of work."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class Address(NamedTuple):
    """Where a pod can be asked."""

    ip: str
    port: int
    scheme: Literal["http", "https"] = "http"


def key_of(raw: Object) -> Key:
    meta = raw["metadata"]
    return Key(raw["kind"], meta.get("namespace", ""), meta["name"])


def condition(status: Object, kind: str) -> Object:
    """The condition of a type; empty when there is none."""
    found: Object = next((one for one in status.get("conditions", []) if one["type"] == kind), {})
    return found


def moment(text: str) -> datetime:
    """A timestamp as Kubernetes writes it."""
    return datetime.fromisoformat(text)


def stamp(when: datetime) -> str:
    """A `Time` of Kubernetes."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(when: datetime) -> str:
    """A `MicroTime` of Kubernetes, as in a Lease."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def content_hash(value: Any, length: int = 8) -> str:
    """The same for equal JSON, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def pruned(value: Any) -> Any:
    """A part of a pod as the API server stores it: without what says nothing, such as nulls, empty
    lists and empty maps. An `emptyDir` says something."""
    if isinstance(value, Mapping):
        kept = {key: pruned(each) for key, each in value.items()}
        return {key: each for key, each in kept.items() if not _says_nothing(key, each)}
    return [pruned(each) for each in value] if isinstance(value, list) else value


def _says_nothing(key: str, value: Any) -> bool:
    if key == "readOnly" and value is False:
        return True
    return value is None or (value in ([], {}) and key != "emptyDir")


def is_within(wanted: Any, observed: Any) -> bool:
    """Every field that is wanted is observed; the API server may have added others."""
    if isinstance(wanted, Mapping):
        return isinstance(observed, Mapping) and all(
            key in observed and is_within(value, observed[key]) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(observed, list)
            and len(wanted) == len(observed)
            and all(map(is_within, wanted, observed))
        )
    return bool(wanted == observed)
