"""A Lease says which replica acts: 12 s long, renewed every 2 s, given up after 8 s without.

So another replica takes over within 14 s: the Lease's length and one check. A Lease of another
length is renewed and given up after the same shares of it. The clocks of two machines are never
compared: a replica takes over when it has seen the Lease unchanged for its whole length by its own
clock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

from matinee_operator.clients.kube import Kube, Object
from matinee_operator.errors import ApiError, NotFound, OperatorError
from matinee_operator.objects import Key, micro_stamp

logger = logging.getLogger(__name__)

RELEASE_S = 3.0
"""Who is ordered to end does not wait longer for an API server that does not answer."""


class LeadershipLost(OperatorError):
    """The Lease could not be renewed in time, or somebody else has it."""


@dataclass(slots=True)
class Leader:
    """One replica. `now` gives the time that is written, `clock` the seconds that are measured."""

    kube: Kube
    namespace: str
    identity: str
    now: Callable[[], datetime]
    clock: Callable[[], float]
    lease_s: float = 12.0
    name: str = "matinee-operator"
    """Of the Lease: another installation in the same namespace has another one."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    leading: bool = False
    _may_hold: bool = False
    """The Lease was asked for: it may be ours although no answer came."""
    _seen_version: str = ""
    _seen_at: float = field(default=0.0)

    @property
    def renew_by_s(self) -> float:
        """After so long without success a leader gives up, before the Lease runs out."""
        return self.lease_s * 2 / 3

    @property
    def retry_s(self) -> float:
        return self.lease_s / 6

    async def acquire(self) -> None:
        """Wait until this replica leads."""
        while True:
            try:
                if await self.attempt():
                    self.leading = True
                    logger.info("%s leads", self.identity)
                    return
            except ApiError as error:
                logger.warning("the Lease cannot be read or written: %s", error)
            await self.sleep(self.retry_s)

    async def keep(self) -> None:
        """Renew until the Lease is lost. Raises `LeadershipLost`."""
        renewed = self.clock()
        while True:
            await self.sleep(self.retry_s)
            try:
                async with asyncio.timeout(max(0.1, renewed + self.renew_by_s - self.clock())):
                    held = await self.attempt()
            except (ApiError, TimeoutError) as error:
                logger.warning("the Lease was not renewed: %s", error)
                if self.clock() - renewed >= self.renew_by_s:
                    raise self._lost("not renewed in time") from error
                continue
            if not held:
                raise self._lost("another replica has it")
            renewed = self.clock()

    async def release(self) -> None:
        """Release the Lease, so that another replica takes over at once."""
        if not self._may_hold:
            return
        self.leading = self._may_hold = False
        try:
            async with asyncio.timeout(RELEASE_S):
                lease = await self.kube.get(self._key)
                if lease["spec"].get("holderIdentity") == self.identity:
                    lease["spec"]["holderIdentity"] = ""
                    await self.kube.replace(lease)
        except (ApiError, TimeoutError) as error:
            logger.warning("the Lease was not released: %s", str(error) or "no answer in time")

    async def attempt(self) -> bool:
        """Whether this replica has the Lease now; False: another one has it.

        Raises `ApiError`; a `Conflict` when somebody wrote the Lease at the same time.
        """
        try:
            lease = await self.kube.get(self._key)
        except NotFound:
            self._may_hold = True
            await self.kube.create(self._new())
            return True
        spec = lease["spec"]
        holder = spec.get("holderIdentity") or ""
        if holder not in ("", self.identity) and not self._has_expired(lease):
            return False
        if holder != self.identity:
            spec["acquireTime"] = micro_stamp(self.now())
            spec["leaseTransitions"] = spec.get("leaseTransitions", 0) + 1
        spec["holderIdentity"] = self.identity
        spec["renewTime"] = micro_stamp(self.now())
        spec["leaseDurationSeconds"] = int(self.lease_s)
        self._may_hold = True
        await self.kube.replace(lease)
        return True

    def _has_expired(self, lease: Object) -> bool:
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen_version:
            self._seen_version, self._seen_at = version, self.clock()
        return self.clock() - self._seen_at >= self.lease_s

    def _lost(self, why: str) -> LeadershipLost:
        self.leading = False
        return LeadershipLost(f"{self.identity} lost leadership: {why}")

    def _new(self) -> Object:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": int(self.lease_s),
                "acquireTime": micro_stamp(self.now()),
                "renewTime": micro_stamp(self.now()),
                "leaseTransitions": 0,
            },
        }

    @property
    def _key(self) -> Key:
        return Key("Lease", self.namespace, self.name)
