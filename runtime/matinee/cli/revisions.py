"""Records of a service's revisions, as kubectl prints them -> a table, and the way back. Pure."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from matinee.errors import BadInput
from matinee_api.config.load import validate
from matinee_api.contracts.revisions import (
    KEPT,
    POD_FILE,
    REVISION_LABEL,
    SPEC_FILE,
    number_of,
    recorded_spec,
)
from matinee_api.kinds.streamingservice import StreamingService

Object = Mapping[str, Any]
HEADINGS = ("REVISION", "HASH", "MADE", "IMAGE", "CHANGED")
MOST_CHANGES = 4
"""Named of one revision."""


@dataclasses.dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a service, by its record."""

    number: int
    hash: str
    made_at: str
    image: str
    spec: Object


def revisions_of(service: Object, records: Sequence[Object]) -> list[Revision]:
    """Those of this very service, the oldest first."""
    uid = service["metadata"]["uid"]
    own = (_revision(one) for one in records if _controller(one) == uid)
    return sorted((one for one in own if one), key=lambda revision: revision.number)


def table(service: Object, revisions: Sequence[Revision]) -> list[str]:
    """Lines with columns of the same width."""
    rows = [HEADINGS, *_rows(_present(service), revisions)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def chosen(service: Object, revisions: Sequence[Revision], number: int | None) -> Revision:
    """The revision to go back to: the named one, or the one before the present one."""
    if service.get("status", {}).get("observedGeneration") != service["metadata"]["generation"]:
        raise BadInput("", "the operator has not seen the last change yet; try again")
    # While a rollout is paused the revision that it is about has no record.
    former = [revision for revision in revisions if revision.hash != _present(service)]
    if number is None and former:
        return former[-1]
    for revision in former:
        if revision.number == number:
            return revision
    there = ", ".join(str(revision.number) for revision in former) or "none"
    asked = "no former revision" if number is None else f"no former revision {number}"
    raise BadInput("", f"there is {asked}; there are: {there}")


def way_back(service: Object, revision: Revision) -> list[dict[str, Any]]:
    """A JSON patch that makes the spec what it was. It holds for the spec that was read only.

    Raises:
        BadInput: the service's own spec is the same, so that something else made the difference.
    """
    wanted = {key: value for key, value in revision.spec.items() if key not in KEPT}
    present = recorded(service)
    gone = sorted(key for key in present if key not in wanted)
    changed = sorted(key for key, value in wanted.items() if present.get(key) != value)
    if not gone and not changed:
        model = service["spec"]["modelRef"]["name"]
        raise BadInput(
            "",
            f"revision {revision.number} has the same spec: VideoModel {model}, its weights or the "
            "operator's default image have changed since; change them back",
        )
    return [
        {"op": "test", "path": "/metadata/generation", "value": service["metadata"]["generation"]},
        *({"op": "remove", "path": f"/spec/{key}"} for key in gone),
        *({"op": "add", "path": f"/spec/{key}", "value": wanted[key]} for key in changed),
    ]


def recorded(service: Object) -> dict[str, Any]:
    """What a record of the present spec holds."""
    return recorded_spec(validate(StreamingService, service, extra="ignore"))


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Dotted keys of what is not the same; lists are compared as a whole."""
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        if before != after:
            yield path
        return
    for key in sorted({*before, *after}):
        inner = f"{path}.{key}".lstrip(".")
        yield from differences(before.get(key), after.get(key), inner)


def _present(service: Object) -> str:
    return str(service.get("status", {}).get("updateRevision", ""))


def _rows(present: str, revisions: Sequence[Revision]) -> Iterator[tuple[str, ...]]:
    former: Revision | None = None
    for revision in revisions:
        number = f"{revision.number}{' *' if revision.hash == present else ''}"
        changed = _changed(former, revision)
        yield number, revision.hash, revision.made_at, revision.image, changed
        former = revision


def _changed(former: Revision | None, revision: Revision) -> str:
    if former is None:
        return ""
    keys = list(differences(former.spec, revision.spec))
    if not keys:
        return "the default image" if former.image != revision.image else "the VideoModel"
    more = f" and {len(keys) - MOST_CHANGES} more" if len(keys) > MOST_CHANGES else ""
    return f"{', '.join(keys[:MOST_CHANGES])}{more}"


def _revision(record: Object) -> Revision | None:
    """None where it holds no spec or has no number."""
    meta, data = record["metadata"], record.get("data") or {}
    spec, number = _json(data.get(SPEC_FILE, "")), number_of(record)
    if not spec or not number:
        return None
    return Revision(
        number=number,
        hash=str(meta["labels"][REVISION_LABEL]),
        made_at=str(meta.get("creationTimestamp", "")),
        image=_image(_json(data.get(POD_FILE, ""))),
        spec=spec,
    )


def _image(pod: Object) -> str:
    containers = pod.get("spec", {}).get("containers") or [{}]
    return str(containers[0].get("image", ""))


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _controller(record: Object) -> str:
    owners = record["metadata"].get("ownerReferences", [])
    return next((str(one["uid"]) for one in owners if one.get("controller")), "")
