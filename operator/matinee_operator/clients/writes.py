"""The writes of a plan, each safe to repeat: a watch may lag behind, and an answer may be lost."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from matinee_operator.actions import Apply, Create, Delete, Patch
from matinee_operator.clients.kube import Kube
from matinee_operator.errors import AlreadyExists, NotFound, Refused
from matinee_operator.metrics import Metrics
from matinee_operator.objects import Key, Object, is_within, key_of
from matinee_operator.observe.cache import Cache

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Writes:
    """`seen` gets every object that the API server returned, and whether it is gone."""

    kube: Kube
    cache: Cache
    metrics: Metrics
    seen: Callable[[bool, Object], None]

    async def carry_out(self, action: Apply | Create | Patch | Delete) -> None:
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
        """Server-side apply leaves alone what others added to a list, such as another port, and
        that may even be refused together with ours: then our lists take the place of theirs."""
        ours = {name: manifest[name] for name in manifest if name not in ("apiVersion", "kind")}
        try:
            made = await self.kube.apply(manifest)
            if is_within(manifest, made):
                return made
            return await self.kube.merge(key_of(manifest), ours)
        except Refused as refusal:
            try:
                return await self.kube.merge(key_of(manifest), ours)
            except NotFound:
                raise refusal from None

    async def _create(self, manifest: Object) -> None:
        try:
            made = await self.kube.create(manifest)
        except AlreadyExists:
            return  # by a plan whose response was lost; the watch shows what it is like
        if manifest["kind"] != "Secret":
            self.seen(False, made)

    async def _patch(self, action: Patch) -> None:
        metadata = {"uid": action.uid, **action.metadata}
        try:
            self.seen(False, await self.kube.merge(action.target, {"metadata": metadata}))
        except NotFound:
            self.forget(action.target)

    async def _delete(self, action: Delete) -> None:
        try:
            left = await self.kube.delete(action.target, action.uid)
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
            self.seen(True, known)
