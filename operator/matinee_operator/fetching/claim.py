"""The claim that a model's files are fetched into, and what it holds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matinee_api.kinds.videomodel import VideoModel
from matinee_operator.amounts import quantity_bytes
from matinee_operator.objects import Key, Object
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.resources.metadata import namespace_of
from matinee_operator.resources.weights_claim import claim_name, own_claim_name
from matinee_operator.weights.trees import Tree

LEAST_BYTES = 1024**3
"""Many storage systems make nothing smaller."""


@dataclass(frozen=True, slots=True)
class Claim:
    """`uid` is None while an own one does not exist, and empty for one that a person made."""

    name: str
    uid: str | None
    folders: Mapping[str, int]
    """Complete ones, and their bytes."""
    in_use: str | None = None
    """The folder that pods load. Another one is looked at before they do: a person may have deleted
    it since."""
    size_bytes: int = 0
    """What an own one has to ask for."""
    observed_bytes: int = 0
    """What it asks for."""
    bound: bool = True


def cache_claim(snapshot: ModelSnapshot, trees: Sequence[Tree]) -> Claim | None:
    """None: nothing is kept, or nobody knows yet how much."""
    model = snapshot.model
    fetched = [tree for tree in trees if tree.is_fetched]
    model_waits = bool(fetched and fetched[0].kind == "model" and not fetched[0].pin)
    pinned = [tree for tree in fetched if tree.pin]
    if model.spec.cache.type == "None" or not pinned or model_waits:
        return None
    if model.spec.cache.claim.claim_name:
        return Claim(claim_name(model), "", *_known(model, ""))
    return _own(snapshot, pinned)


def _own(snapshot: ModelSnapshot, pinned: Sequence[Tree]) -> Claim:
    model = snapshot.model
    name = own_claim_name(model)
    raw = snapshot.children.get(Key("PersistentVolumeClaim", namespace_of(model.metadata), name))
    uid = str(raw["metadata"]["uid"]) if raw else None
    folders, in_use = _known(model, uid) if uid else ({}, None)
    observed = _request(raw) if raw else 0
    needed = max(observed, _needed(model, folders, pinned))
    bound = raw is not None and raw.get("status", {}).get("phase") == "Bound"
    return Claim(name, uid, folders, in_use, needed, observed, bound)


def _needed(model: VideoModel, folders: Mapping[str, int], pinned: Sequence[Tree]) -> int:
    """All that lies there and all that is to come, for nothing is deleted; and a tenth."""
    if model.spec.cache.claim.size:
        return quantity_bytes(model.spec.cache.claim.size)
    missing = {tree.folder: tree.pin.size_bytes for tree in pinned if tree.pin}
    return max(LEAST_BYTES, sum({**missing, **folders}.values()) * 11 // 10)


def _known(model: VideoModel, uid: str) -> tuple[Mapping[str, int], str | None]:
    """Folders, and the one in use; what another claim held does not count."""
    cache = model.status.cache if model.status else None
    if cache is None or (cache.claim_name, cache.claim_uid or "") != (claim_name(model), uid):
        return {}, None
    return {folder.name: folder.bytes for folder in cache.folders}, cache.folder


def _request(raw: Object) -> int:
    return quantity_bytes(str(raw["spec"]["resources"]["requests"]["storage"]))
