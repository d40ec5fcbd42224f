"""The writes of a plan, each safe to repeat: a watch may lag behind, and an answer may be lost.

Whose a name is, the API server decides at the moment of the write: a child that is not known to be
ours is made, never written over what is there; one that is ours is changed under its uid only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from matinee_operator.actions import Apply, Create, Delete, Patch
from matinee_operator.clients.kube import Kube
from matinee_operator.errors import AlreadyExists, Conflict, NameTaken, NotFound, Refused
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key, Object, is_within, key_of
from matinee_operator.observe.cache import Cache
from matinee_operator.ownership import controller_text, may_change, owner_of, put_back

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Writes:
    """`seen` gets every object that the API server returned, and whether it is gone."""

    kube: Kube
    cache: Cache
    metrics: Metrics
    seen: Callable[[bool, Object], None]

    async def carry_out(self, action: Apply | Create | Patch | Delete) -> None:
        """Raises `NameTaken` besides what the API server answers."""
        self.metrics.count("writes_total", action=type(action).__name__.lower())
        match action:
            case Apply():
                self.seen(False, await self._applied(action.manifest))
            case Create():
                await self._create(action.manifest)
            case Patch():
                await self._patch(action)
            case Delete():
                await self._delete(action)

    async def _applied(self, manifest: Object) -> Object:
        known = self.cache.get(key_of(manifest))
        if known is None or not may_change(known, owner_of(manifest)):
            try:
                return await self.kube.apply_new(manifest)
            except Conflict:
                known = await self._found(manifest)
        return await self._changed(manifest, known)

    async def _changed(self, manifest: Object, known: Object) -> Object:
        """Server-side apply leaves alone what others added to a list, such as another port, and
        that may even be refused together with ours: then our lists take the place of theirs."""
        try:
            made = await self.kube.apply(_only_of(manifest, known, "uid"))
        except Refused as refusal:
            try:
                return await self._merged(manifest, known)
            except NotFound:
                raise refusal from None
        return made if is_within(manifest, made) else await self._merged(manifest, made)

    async def _merged(self, manifest: Object, known: Object) -> Object:
        """Only into the version that was read: by now it may have another controller."""
        guarded = _only_of(manifest, known, "uid", "resourceVersion")
        ours = {name: guarded[name] for name in guarded if name not in ("apiVersion", "kind")}
        return await self.kube.merge(key_of(manifest), ours)

    async def _create(self, manifest: Object) -> None:
        try:
            made = await self.kube.create(manifest)
        except AlreadyExists:
            if manifest["kind"] != "Secret":  # its name cannot be guessed, and it is never read
                await self._restore(manifest)
            return
        if manifest["kind"] != "Secret":
            self.seen(False, made)

    async def _restore(self, manifest: Object) -> None:
        """It was made by a plan whose answer was lost, or somebody took our labels off it, so that
        no watch tells of it."""
        found = await self._found(manifest)
        self.seen(False, found)
        if change := put_back(manifest, found):
            await self._patch(Patch(key_of(manifest), found["metadata"]["uid"], change))

    async def _found(self, manifest: Object) -> Object:
        """What has the name, if it is ours. Raises `NameTaken`."""
        key = key_of(manifest)
        found = await self.kube.get(key)
        if not may_change(found, owner_of(manifest)):
            raise NameTaken(f"{key.kind} {key.name} ({controller_text(found)})")
        return found

    async def _patch(self, action: Patch) -> None:
        metadata = {"uid": action.uid, **action.metadata}
        try:
            self.seen(False, await self.kube.merge(action.target, {"metadata": metadata}))
        except NotFound:
            self.forget(action.target)

    async def _delete(self, action: Delete) -> None:
        try:
            left = await self.kube.delete(action.target, action.uid, action.version)
        except NotFound:
            logger.debug("%s is gone already", action.target)
            left = None
        if left is None:
            self.forget(action.target)
        else:
            self.seen(False, left)

    def forget(self, key: Key) -> None:
        """It is gone; its watch reports it too, but later."""
        known = self.cache.get(key)
        if known is not None:
            deleted = {"deletionTimestamp": "", **known["metadata"]}
            self.seen(True, {**known, "metadata": deleted})


def _only_of(manifest: Object, known: Object, *fields: str) -> Object:
    """A body that the API server takes for this very object only."""
    only = {name: known["metadata"][name] for name in fields}
    return {**manifest, "metadata": {**manifest["metadata"], **only}}
