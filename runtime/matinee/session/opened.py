"""What a runner starts from."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass

from matinee.generation import ModelInfo
from matinee.session.record import SessionRecord, digest_of, token_fits
from matinee.session.session import Session
from matinee.session.video import SessionVideo
from matinee.store.base import Lease
from matinee.wire import server_messages as say


@dataclass(slots=True)
class Identity:
    """How the client and the logs name a session; the token proves that it is the client's.

    A token resumes a session once: the next connection gets another one. `previous_sha256` is of
    the one before, which still fits as long as nobody knows whether the client got the new one.
    """

    session_id: str
    token: str
    previous_sha256: str = ""

    @classmethod
    def new(cls) -> Identity:
        return cls(uuid.uuid4().hex, new_token())

    @classmethod
    def resumed(cls, session_id: str, token: str, *, unnoticed: bool) -> Identity:
        """Of whoever came with that token; who notices nothing keeps it."""
        if unnoticed:
            return cls(session_id, token)
        return cls(session_id, new_token(), digest_of(token))

    def fits(self, token: str) -> bool:
        return token_fits(token, digest_of(self.token), self.previous_sha256)

    def token_arrived(self) -> None:
        self.previous_sha256 = ""

    def signed(self, record: SessionRecord, model_id: str) -> SessionRecord:
        """With what a server must know to let the client resume it."""
        marks = {
            "token_sha256": digest_of(self.token),
            "previous_sha256": self.previous_sha256,
            "model_id": model_id,
        }
        return record.model_copy(update=marks)


def new_token() -> str:
    """192 random bits, for a URL too."""
    return secrets.token_urlsafe(24)


@dataclass(frozen=True, slots=True)
class Origin:
    """What the client is told of where its session comes from; nothing of a new one. `unnoticed`:
    only its router is told."""

    resumed: say.Resumed | None = None
    forked_from: say.ForkedFrom | None = None
    unnoticed: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """What the first message led to, or a record: then `origin` says which, and `lease` is what it
    is saved under."""

    identity: Identity
    session: Session
    info: ModelInfo
    video: SessionVideo
    lease: Lease | None = None
    origin: Origin = Origin()
