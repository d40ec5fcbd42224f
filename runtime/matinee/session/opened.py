"""What a runner starts from."""

from __future__ import annotations

from dataclasses import dataclass

from matinee.generation import ModelInfo
from matinee.session.session import Session
from matinee.session.video import SessionVideo


@dataclass(frozen=True, slots=True)
class Identity:
    """How the client and the logs name a session; the token proves that it is the client's."""

    session_id: str
    token: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What the first message led to, or a record."""

    identity: Identity
    session: Session
    info: ModelInfo
    video: SessionVideo
