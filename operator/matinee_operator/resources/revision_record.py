"""The record of a revision: a ConfigMap with the pod that it is made of, and the spec.

It outlives the pods, so that one of an old revision can be made again while a rollout is paused or
its VideoModel is gone. The spec is for `matinee rollout`, which lists the records by their numbers
and goes back to one. Both are sealed with a key that only the operator knows: who may make
ConfigMaps in the namespace may not make pods by them, nor have somebody else do it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Any

from matinee_api.contracts.revisions import (
    NUMBER_ANNOTATION,
    POD_FILE,
    SPEC_FILE,
    recorded_spec,
)
from matinee_api.kinds.streamingservice import StreamingService
from matinee_operator import labels
from matinee_operator.objects import Object
from matinee_operator.observe.trimming import trimmed_data
from matinee_operator.resources.metadata import Manifest, metadata
from matinee_operator.resources.runtime_pod import pod_name

SEAL = "seal"
_ENDING = "-pod"
"""Of a record's name; no ConfigMap with a configuration ends like this."""


def record_name(service: StreamingService, revision: str) -> str:
    return f"{service.metadata.name}-{revision}{_ENDING}"


def is_record(name: str) -> bool:
    """Of a ConfigMap of ours: by its name, which nobody can edit."""
    return name.endswith(_ENDING)


def record_marks(service: StreamingService, revision: str, number: int) -> Manifest:
    """The metadata of a record, which somebody may edit; all else of it is immutable."""
    name, marks = record_name(service, revision), {labels.REVISION: revision}
    meta = metadata(service, name, "runtime", marks)
    meta["annotations"][NUMBER_ANNOTATION] = str(number)
    return {"kind": "ConfigMap", "metadata": meta}


def revision_record(
    service: StreamingService, revision: str, pod: Manifest, key: str, number: int = 1
) -> Manifest:
    """`pod`: of any slot."""
    marks = record_marks(service, revision, number)
    data = {POD_FILE: _json(pod), SPEC_FILE: _json(recorded_spec(service))}
    seal = _seal(marks["metadata"]["name"], trimmed_data(data), key)
    return {"apiVersion": "v1", **marks, "immutable": True, "data": {**data, SEAL: seal}}


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def is_sealed(record: Object, keys: Iterable[str]) -> bool:
    """Whether the operator wrote it, with one of these keys. `record`: as the cache keeps it."""
    data = record.get("data") or {}
    seal = data.get(SEAL, "").encode()
    wanted = (_seal(record["metadata"]["name"], data, key) for key in keys)
    return any(hmac.compare_digest(one.encode(), seal) for one in wanted)


def recorded_pod(record: Object, keys: Iterable[str]) -> Manifest | None:
    """The pod of a record as the cache keeps it; None where somebody else wrote that."""
    if not is_sealed(record, keys):
        return None
    found: Manifest = json.loads(record["data"][POD_FILE])
    return found


def _seal(name: str, data: Mapping[str, str], key: str) -> str:
    facts = _json([name, data.get(POD_FILE, ""), data.get(SPEC_FILE, "")])
    return hmac.new(key.encode(), facts.encode(), hashlib.sha256).hexdigest()


def config_of(pod: Manifest) -> str:
    """The ConfigMap that it reads."""
    volumes = pod["spec"]["volumes"]
    return next(str(one["configMap"]["name"]) for one in volumes if one["name"] == labels.CONFIG)


def in_slot(service: StreamingService, pod: Manifest, slot: int, attempt: int) -> Manifest:
    """The same pod in another slot."""
    meta = pod["metadata"]
    name = pod_name(service, meta["labels"][labels.REVISION], slot)
    marks = {**meta["labels"], labels.SLOT: str(slot)}
    annotations = {**meta["annotations"], labels.ATTEMPT: str(attempt)}
    return {**pod, "metadata": {**meta, "name": name, "labels": marks, "annotations": annotations}}
