"""A viewer comes back to its session, or branches from it: from its token to an `Opened`.

Who resumes a session takes it over. It is ended where it runs on this server; elsewhere its holder
learns from the lease that it has lost it. The order makes that safe: the token is compared with the
newest record, the session is claimed, the record is read again, and it is saved with the next token
under the new lease. If somebody claims in between, that save fails, and nobody has two sessions.

Whatever is wrong with id or token has one answer, so that nothing can be learned from it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from matinee.errors import BadInput, LeaseLost, StoreUnavailable
from matinee.generation import ModelInfo
from matinee.serving.admission import Visit
from matinee.session.branching import (
    branched,
    forked_facts,
    rejoined,
    resumed_facts,
    without_prompts,
)
from matinee.session.opened import Identity, Opened, Origin
from matinee.session.opening import refused, turned_away
from matinee.session.record import RecordUnreadable, SessionRecord
from matinee.session.record_checks import check_record
from matinee.session.saved_record import from_saved, to_saved
from matinee.session.session import Session
from matinee.session.studio import Studio
from matinee.session.video import open_video
from matinee.store.base import Lease
from matinee.wire.client_messages import Resume
from matinee_api.config.runtime_config import StreamingConfig

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")
NOT_RESUMABLE = (
    "no such session can be resumed: it is unknown here, has been kept for too long, or the token "
    "is not its newest; start a new one"
)
TOO_MANY_GUESSES = "this session was asked for with wrong tokens too often; try again later"
STORE_IS_AWAY = "the store of sessions cannot be reached, so none can be resumed now"
QUICKER = "somebody else resumed this session at the same moment"


class NotTheirs(Exception):
    """There is no such session, or it is not of this token."""


@dataclass(frozen=True, slots=True)
class Comeback:
    """Who comes back: what it says, the seed of its first message, and where it is."""

    resume: Resume
    seed: int | None
    address: str

    @property
    def guess(self) -> tuple[str, str]:
        """Whose guess at what."""
        return self.address, self.resume.session_id


async def end_here(comeback: Comeback, studio: Studio, take: Callable[[Visit], None]) -> None:
    """Before `reopen`: where the session runs on this server its viewer has most likely lost the
    connection, which the server would notice later. `take` gets its slot. Raises `Rejection`."""
    resume, now = comeback.resume, studio.clock.now()
    if studio.wrong_tokens.wait_s(comeback.guess, now):
        raise turned_away("session_rejected", TOO_MANY_GUESSES)
    if not studio.states.late.reachable:  # nothing must end for what cannot begin
        raise turned_away("session_rejected", STORE_IS_AWAY)
    live = studio.live.get(resume.session_id)
    if live is None or resume.fork:
        return
    if not live.identity.fits(resume.token):
        studio.wrong_tokens.did(comeback.guess, now)
        raise refused("resume", NOT_RESUMABLE)
    await live.hand_over(take)


async def reopen(
    comeback: Comeback, info: ModelInfo, streaming: StreamingConfig, studio: Studio
) -> Opened:
    """The session, saved under this server's lease. `info`: with the server's limits. Raises
    `Rejection`."""
    work = _Reopening(comeback.resume, info, studio)
    try:
        if comeback.resume.fork:
            found = await work.branched(comeback.seed)
        else:
            found = await work.taken_over()
        return await _opened(found, info, streaming, studio)
    except NotTheirs:
        studio.wrong_tokens.did(comeback.guess, studio.clock.now())
        raise refused("resume", NOT_RESUMABLE) from None
    except StoreUnavailable as error:
        studio.states.late.missed()
        logger.warning("a session cannot be resumed: %s", error)
        raise turned_away("session_rejected", STORE_IS_AWAY) from None
    except LeaseLost:
        raise turned_away("session_rejected", QUICKER) from None
    except BadInput as error:
        raise refused("resume", f"this server cannot go on with it: {error}") from None


@dataclass(frozen=True, slots=True)
class _Found:
    identity: Identity
    record: SessionRecord
    lease: Lease | None
    origin: Origin


async def _opened(
    found: _Found, info: ModelInfo, streaming: StreamingConfig, studio: Studio
) -> Opened:
    """Raises `InvalidRequest`."""
    record = found.record
    check_record(record, info)
    session = Session.from_record(record, streaming, info, studio.clock.now())
    shown = record.turns.shown
    open_here = partial(open_video, session.encoder, shown.first_frame, shown.first_fragment)
    video = await asyncio.get_running_loop().run_in_executor(studio.encoders, open_here)
    return Opened(found.identity, session, info, video, found.lease, found.origin)


@dataclass(frozen=True, slots=True)
class _Reopening:
    """Everything raises `NotTheirs`, `Rejection`, `LeaseLost` and `StoreUnavailable`."""

    resume: Resume
    info: ModelInfo
    studio: Studio

    async def taken_over(self) -> _Found:
        session_id, storage = self.resume.session_id, self.studio.states
        await self._newest()
        lease = await storage.store.claim(session_id, storage.owner)
        told, wanted = self.resume.told, await self._wanted(await self._newest())
        record = rejoined(wanted, self.resume.frames, told or 0, self.resume.answered)
        unnoticed = told is not None
        identity = Identity.resumed(session_id, self.resume.token, unnoticed=unnoticed)
        saved = await self._in_thread(
            partial(to_saved, identity.signed(record, self.info.model_id))
        )
        await storage.store.save(lease, saved.segment, saved.facts, saved.blobs)
        origin = Origin(resumed=resumed_facts(record), unnoticed=unnoticed)
        return _Found(identity, record, lease, origin)

    async def branched(self, seed: int | None) -> _Found:
        """The other session is only read: whoever plays it notices nothing."""
        record = await self._newest()
        if self.resume.segment is not None:
            record = await self._kept(self.resume.segment)
        origin = Origin(forked_from=forked_facts(self.resume.session_id, record))
        return _Found(Identity.new(), branched(record, seed), None, origin)

    async def _newest(self) -> SessionRecord:
        """Of the token's session."""
        record = await self._loaded(None)
        if record is None or not record.resumed_by(self.resume.token):
            raise NotTheirs
        if record.model_id != self.info.model_id:
            says = f"the session was made by {record.model_id}; here is {self.info.model_id}"
            raise refused("resume", says)
        return record

    async def _wanted(self, newest: SessionRecord) -> SessionRecord:
        """What the viewer goes on from: where the session was, where the viewer was, or after a
        segment."""
        if self.resume.segment is not None:
            return without_prompts(await self._kept(self.resume.segment))
        if newest.ended is not None:
            says = f"the session has ended ({newest.ended.reason}); branch from it with fork"
            raise refused("resume", says)
        if self.resume.frames is None:
            return newest
        return await self._before(self.resume.frames, self.resume.ended) or newest

    async def _before(self, frames: int, ended: int | None) -> SessionRecord | None:
        """The newest that begins within the first frames of the timeline, and after no segment
        whose end the viewer is still to be told."""
        kept = await self.studio.states.store.history(self.resume.session_id)
        for one in reversed(kept):
            record = await self._loaded(one.segment)
            if record is None or (ended is not None and record.turns.next_index > ended):
                continue
            if record.turns.shown.first_frame <= frames:
                return record
        return None

    async def _kept(self, segment: int) -> SessionRecord:
        """After that segment."""
        record = await self._loaded(segment + 1)
        if record is None:
            kept = await self.studio.states.store.history(self.resume.session_id)
            there = ", ".join(str(one.segment - 1) for one in kept if one.segment)
            raise refused(
                "resume.segment", f"segment {segment} is not kept; kept are: {there or 'none'}"
            )
        return record

    async def _loaded(self, segment: int | None) -> SessionRecord | None:
        """After so many segments; None: the newest."""
        saved = await self.studio.states.store.load(self.resume.session_id, segment)
        if saved is None:
            return None
        try:
            return await self._in_thread(partial(from_saved, saved))
        except RecordUnreadable as error:
            logger.warning("a session's record is ignored: %s", error)
            return None

    async def _in_thread(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self.studio.states.threads, work)
