"""A session written down: enough to go on with it elsewhere as if nothing had happened.

`Session.record` makes one and `Session.from_record` takes it up. There are ages in it instead of
times, because a monotonic clock means nothing to another process. Its facts have an exact form in
JSON; the tensors of `state` go another way.
"""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SkipValidation, ValidationError

from matinee.errors import MatineeError
from matinee.generation import GenerationDefaults, SegmentRequest, State
from matinee.prompt import PreparedPrompt, PromptSources
from matinee.session.effects import End, Shown
from matinee.session.video import EncoderSettings
from matinee.wire.client_messages import SegmentPrompt, SessionInit, StreamMode


class RecordUnreadable(MatineeError):
    """A record is damaged, or of a version that this program does not know."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", arbitrary_types_allowed=True)


class WaitingRequest(_Part):
    """A checked prompt that waits, or whose turn it is. `own`: the session made it itself."""

    prompt: SegmentPrompt
    request: SegmentRequest
    age_s: float
    own: bool


class PromptsRecord(_Part):
    """`waiting`: oldest first. `halted`: the session makes no prompts of its own for now.
    `enhance`: the client wants its prompts enhanced."""

    waiting: tuple[WaitingRequest, ...]
    sources: PromptSources
    halted: bool
    paused: bool
    enhance: bool = False


class TurnsRecord(_Part):
    """`current`: the prompt whose turn it is, and `prepared`: what was made of it, if its segment
    runs. `shown`: of that segment. `told`: segments whose start the viewer was told of. `held`:
    frames of the timeline that the viewer has, though they may not count as shown."""

    next_index: int
    completed: int
    current: WaitingRequest | None
    prepared: PreparedPrompt | None
    shown: Shown
    told: int = 0
    held: int = 0


class SessionRecord(_Part):
    """`init`: what the client said, with the values that the server chose for it, and without the
    picture or state that came along, which `state` holds. `state`: what the next segment goes on
    from, or the running one went on from.

    `token_sha256`: of the token that resumes the session, not itself, so that who reads a store can
    take over nothing; "" where nobody may. `previous_sha256`: of the one before it, until the
    client is known to have the new one. `model_id`: what made the session.
    `answered`: the client was told what its `init` asks for in vain. `active`: it had a slot.
    `idle_s`: since it was heard, or its last segment ended. `heard`: messages of its client after
    the first. `replied`: numbers of later ones that will be said again, though the client has the
    answers. `bad_in_a_row`: its last ones that could not be read.
    """

    schema_version: Literal[1] = 1
    token_sha256: str = ""
    previous_sha256: str = ""
    model_id: str = ""
    init: SessionInit
    seed: int
    encoder: EncoderSettings
    turns: TurnsRecord
    prompts: PromptsRecord
    answered: bool
    active: bool
    idle_s: float
    heard: int = 0
    replied: tuple[int, ...] = ()
    bad_in_a_row: int
    ended: End | None
    state: Annotated[State | None, SkipValidation] = Field(default=None, exclude=True, repr=False)

    def resumed_by(self, token: str) -> bool:
        """Whether this is the session's token. Takes as long for a good guess as for a bad one."""
        return token_fits(token, self.token_sha256, self.previous_sha256)

    def to_json(self) -> str:
        """Everything but `state`."""
        return self.model_dump_json()

    @classmethod
    def from_json(cls, text: str, state: State | None) -> SessionRecord:
        """What `to_json` wrote. Raises `RecordUnreadable`."""
        try:
            facts = cls.model_validate_json(text)
        except ValidationError as error:
            first: Any = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise RecordUnreadable(f"{place}: {first['msg']}") from None
        return facts.model_copy(update={"state": state})


def digest_of(token: str) -> str:
    """For `token_sha256`. A token is random enough to need no salt."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def token_fits(token: str, *digests: str) -> bool:
    """Whether one of the digests is the token's. All are compared, each in the same time."""
    digest = digest_of(token)
    fits = [hmac.compare_digest(one, digest) for one in digests]
    return any(fits)


def settled(init: SessionInit, defaults: GenerationDefaults, mode: StreamMode) -> SessionInit:
    """The first message as it would be if the client had known all the values."""
    values = {**dataclasses.asdict(defaults), "stream_mode": mode, "resume": None}
    return init.model_copy(update={**values, "initial_image": None, "continuation_state": None})
