"""What the operator records of each revision of a service, and `matinee rollout` reads.

A record is a ConfigMap that the StreamingService owns. The label `matinee.video/revision` is the
hash that pods carry, the annotation `matinee.video/revision-number` grows from one to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matinee_api.kinds.streamingservice import StreamingService
from matinee_api.whole_number import whole_number

SERVICE_LABEL = "matinee.video/service"
REVISION_LABEL = "matinee.video/revision"
NUMBER_ANNOTATION = "matinee.video/revision-number"
SPEC_FILE, POD_FILE = "spec.json", "pod.json"
"""Keys of a record: the part of the spec that makes a revision, and a pod of it."""
KEPT = frozenset({"replicas", "autoscaling", "rollout", "drain"})
"""Keys of a StreamingService's spec that make no revision: going back leaves them as they are."""


def recorded_spec(service: StreamingService) -> dict[str, Any]:
    """With every default, so that it means the same to a later release."""
    values = service.spec.model_dump(mode="json", exclude_none=True)
    return {key: value for key, value in values.items() if key not in KEPT}


def number_of(record: Mapping[str, Any]) -> int:
    """0 where it has none."""
    annotations = record["metadata"].get("annotations") or {}
    return whole_number(annotations.get(NUMBER_ANNOTATION, "")) or 0
