"""What is known of a model's sources and its cache -> the part of the status that says so.

It is a record as well: sources that were resolved, and folders that are complete, are known from
here once the Jobs that found it out are gone.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from matinee_api.contracts.fetch import FetchProgress
from matinee_api.kinds import conditions
from matinee_api.kinds.source import Adapter
from matinee_api.kinds.videomodel import AdapterStatus, CachedFolder, CacheStatus, VideoModel
from matinee_operator.amounts import share_text, size_text, time_text
from matinee_operator.fetching import Claim, Fetching
from matinee_operator.observe.pod_trouble import Trouble
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.status.conditions import Finding, finding
from matinee_operator.weights.available import unsupported
from matinee_operator.weights.trees import Tree, address

LISTED_FOLDERS = 64


def weights_downloaded(snapshot: ModelSnapshot, known: Fetching) -> Finding:
    """Whether the weights that the spec asks for are where pods look for them."""
    model = snapshot.model
    if trouble := unsupported(model):
        return finding(conditions.DOWNLOADED, False, trouble.reason, trouble.message)
    tree = known.tree_of("model", "model")
    if tree is None:
        return _nothing_to_fetch(model)
    if known.is_done(tree):
        return _done(tree, known)
    if trouble := known.failure(tree) or _taken_claim(snapshot, known):
        return finding(conditions.DOWNLOADED, False, trouble.reason, trouble.message)
    message = _getting_on(tree, snapshot.progress, known)
    return finding(conditions.DOWNLOADED, False, conditions.DOWNLOADING, message)


def _taken_claim(snapshot: ModelSnapshot, known: Fetching) -> Trouble | None:
    """Somebody else's has the name of the one to make."""
    claim, failure = known.claim, snapshot.failure
    if claim is None or claim.uid is not None or failure is None:
        return None
    is_it = f"PersistentVolumeClaim {claim.name} " in failure.message
    return failure if failure.reason == conditions.NAME_TAKEN and is_it else None


def _nothing_to_fetch(model: VideoModel) -> Finding:
    if model.spec.source.scheme == "builtin":
        message = "the weights are part of the runtime's image"
        return finding(conditions.DOWNLOADED, True, conditions.BUNDLED, message)
    message = "the folder is in the image or on a volume of the pods"
    return finding(conditions.DOWNLOADED, True, conditions.PROVIDED, message)


def _done(tree: Tree, known: Fetching) -> Finding:
    size = _size(tree)
    if not tree.is_fetched:
        message = f"{size} on a claim that exists"
        return finding(conditions.DOWNLOADED, True, conditions.PROVIDED, message)
    if known.claim is None or not known.kept:
        message = f"each pod fetches {size} when it starts"
        return finding(conditions.DOWNLOADED, True, conditions.FETCHED_BY_PODS, message)
    message = f"{size} on the claim {known.claim.name}"
    return finding(conditions.DOWNLOADED, True, conditions.DOWNLOAD_COMPLETE, message)


def _getting_on(tree: Tree, progress: FetchProgress | None, known: Fetching) -> str:
    if tree.pin is None:
        return f"resolving {address(tree.source)}"
    if progress is not None:
        return progress_text(progress)
    if known.claim and not known.claim.bound:
        return f"{_size(tree)} to fetch; the claim {known.claim.name} is not bound yet"
    return f"{_size(tree)} to fetch"


def progress_text(progress: FetchProgress) -> str:
    """`3.1 of 9.4 GB, 120 MB/s, about 52 s left`."""
    share = share_text(progress.bytes_done, progress.bytes_total)
    left = eta_seconds(progress)
    if left is None:
        return share
    return f"{share}, {size_text(progress.bytes_per_second)}/s, about {time_text(left)} left"


def eta_seconds(progress: FetchProgress) -> int | None:
    if not progress.bytes_per_second:
        return None
    return max(0, progress.bytes_total - progress.bytes_done) // progress.bytes_per_second


def resolved(snapshot: ModelSnapshot, known: Fetching) -> dict[str, Any]:
    """What the source resolved to: as it was found now, else as it was known. Fields of
    `VideoModelStatus`."""
    tree, before = known.tree_of("model", "model"), snapshot.model.status
    if tree is None:
        return {}
    if tree.pin is not None:
        return {**_pin_fields(tree), "size": _size(tree)}
    if before is None:
        return {}
    return before.model_dump(
        by_alias=False, include={"resolved_from", "resolved_revision", "size_bytes", "size"}
    )


def cache_status(snapshot: ModelSnapshot, known: Fetching) -> CacheStatus | None:
    claim = known.claim
    if claim is None:
        return snapshot.model.status.cache if snapshot.model.status else None
    if claim.uid is None:
        return CacheStatus(claim_name=claim.name)
    return CacheStatus(
        claim_name=claim.name,
        claim_uid=claim.uid or None,
        folder=claim.in_use,
        folders=_folders(claim),
        **_progress_fields(snapshot.progress, known),
    )


def _folders(claim: Claim) -> tuple[CachedFolder, ...]:
    every = [CachedFolder(name=name, bytes=size) for name, size in claim.folders.items()]
    return tuple(every[-LISTED_FOLDERS:])


def _progress_fields(progress: FetchProgress | None, known: Fetching) -> dict[str, int | None]:
    trees = known.download.trees if known.download else ()
    missing = [tree for tree in trees if known.is_missing(tree)]
    if missing and progress is not None:
        return {
            "bytes_done": progress.bytes_done,
            "bytes_total": progress.bytes_total,
            "bytes_per_second": progress.bytes_per_second,
            "eta_seconds": eta_seconds(progress),
        }
    total = sum(_bytes(tree) for tree in trees)
    return {"bytes_done": total - sum(map(_bytes, missing)), "bytes_total": total}


def adapter_states(snapshot: ModelSnapshot, known: Fetching) -> tuple[AdapterStatus, ...]:
    return tuple(_adapter(adapter, known) for adapter in snapshot.model.spec.adapters)


def _adapter(adapter: Adapter, known: Fetching) -> AdapterStatus:
    tree = known.tree_of("adapter", adapter.name)
    if tree is None:
        message = f"this release does not fetch adapters from {adapter.scheme}: use hf: or s3:"
        return _failed(adapter.name, {}, Trouble(conditions.FEATURE_UNAVAILABLE, message))
    fields = _pin_fields(tree) if tree.pin else {}
    if known.is_done(tree) and known.kept:
        return AdapterStatus(name=adapter.name, state="Downloaded", **fields)
    if trouble := known.failure(tree):
        return _failed(adapter.name, fields, trouble)
    message = "found; with cache.type None it is kept nowhere" if known.is_done(tree) else ""
    return AdapterStatus(name=adapter.name, state="Pending", message=message, **fields)


def _failed(name: str, fields: dict[str, Any], trouble: Trouble) -> AdapterStatus:
    return AdapterStatus(
        name=name, state="Failed", reason=trouble.reason, message=trouble.message, **fields
    )


def broken_adapter(states: tuple[AdapterStatus, ...]) -> Finding | None:
    """The first one that needs a person."""
    for one in states:
        if one.state == "Failed":
            message = f"adapter {one.name}: {one.message}"
            return finding(conditions.DEGRADED, False, one.reason, message)
    return None


def _pin_fields(tree: Tree) -> dict[str, Any]:
    """Fields of `Resolved`."""
    pin = dataclasses.asdict(tree.pin) if tree.pin else {}
    return {
        "resolved_from": address(tree.source),
        "resolved_revision": pin.get("commit"),
        "size_bytes": pin.get("size_bytes"),
    }


def _bytes(tree: Tree) -> int:
    return tree.pin.size_bytes if tree.pin else 0


def _size(tree: Tree) -> str:
    return size_text(_bytes(tree))
