"""What a client may say on `/v1/stream` (docs/protocol.md), parsed and checked.

A text frame enters, a frozen model leaves, or `InvalidMessage` with the field and a sentence for
people. Unknown keys are ignored: newer clients may say more than this server knows.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    TypeAdapter,
    ValidationError,
)

from matinee.errors import BadInput
from matinee_api.config.problems import sentence_of
from matinee_api.sampling import NegativePrompt, Sampling, Seeded, SegmentSampling

StreamMode = Literal["av_fmp4", "legacy_jpeg"]
PromptSource = Literal["curated", "enhanced", "user", "auto_extension"]


class InvalidMessage(BadInput):
    """A frame is not a message of the contract; `param` names the field when there is one.

    `noise` tells a frame that cannot be read, or not at a bearable cost, from a message with a
    mistake.
    """

    def __init__(
        self, param: str, problem: str, *, joint: str | None = " ", noise: bool = False
    ) -> None:
        super().__init__(param, problem, joint=joint)
        self.noise = noise


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


SESSION_ID = "^[A-Za-z0-9-]{1,128}$"
Name = Annotated[str, Field(max_length=256)]
MOST_PARTS = 100_000
"""Commas and opening brackets in a message. Parsing holds up everybody else for a time that grows
with the number of values: a picture is one long one, but millions of short ones take seconds."""
MOST_LATER_CHARACTERS = 2**20
"""In a message after the first: only `session_init_v2` brings pictures and states along."""
MOST_REWRITES = 10
"""Alternatives that a client may ask for at once."""
Prompts = Annotated[tuple[str, ...], FailFast()]
"""Fails at the first mistake: one message can hold millions, and an error for each takes minutes
and gigabytes."""


class InitialImage(_Message):
    """A picture that the first segment starts from. `data`: base64, or a `data:` URL of it."""

    mime: str = Field(max_length=64)
    name: str | None = Field(default=None, max_length=1024)
    data: str

    @property
    def base64_start(self) -> int:
        """Where the base64 begins in `data`: the text is too long to be copied for it."""
        return len(_url_head(self.data))


def _url_head(data: str) -> str:
    """Of a `data:` URL in base64, what comes before the base64; of anything else nothing."""
    found = _URL_HEAD.match(data)
    return found[0] if found else ""


_URL_HEAD = re.compile("data:[^,]{0,250};base64,", re.ASCII | re.IGNORECASE)


def _as_image(sent: object) -> object:
    """The forms that clients send: `{}` or nulls, `{data_url, mime_type}`, and a `data:` URL by
    itself."""
    if isinstance(sent, str):
        sent = {"data": sent}
    if not isinstance(sent, dict):
        return sent
    given = {name: value for name, value in sent.items() if value is not None}
    if not given:
        return None
    image = {"data": given.get("data_url"), "mime": given.get("mime_type"), **given}
    if isinstance(image["data"], str) and (head := _url_head(image["data"])):
        image["mime"] = head[len("data:") :]
    if isinstance(image["mime"], str):
        image["mime"] = image["mime"].partition(";")[0].strip().lower()
    return {name: value for name, value in image.items() if value is not None}


class StateEnvelope(_Message):
    """A continuation state as `snapshot_state` gave it."""

    kind: str = Field(min_length=1, max_length=64)
    payload: dict[str, Any]


class Resume(_Message):
    """Which session to go on with, or with `fork` to branch from. `segment`: after that one, which
    must be kept; None: where the session was. `frames`: of its video, which the client has. `told`:
    a router moves the session for a client that notices nothing and was told of the start of so
    many segments, and of the end of `ended`. `answered`: numbers of messages that the router will
    say again, though the client has the answers."""

    session_id: str = Field(pattern=SESSION_ID)
    token: str = Field(min_length=1, max_length=256)
    segment: int | None = Field(default=None, ge=0, lt=2**31)
    fork: bool = False
    frames: int | None = Field(default=None, ge=0, lt=2**31)
    told: int | None = Field(default=None, ge=0, lt=2**31)
    ended: int | None = Field(default=None, ge=0, lt=2**31)
    answered: tuple[int, ...] = Field(default=(), max_length=1024)


class _NegativePrompt(NegativePrompt):
    """As long as a server allows prompts to be (`limits.prompt_characters`)."""

    negative_prompt: str | None = None


class SessionInit(_Message, _NegativePrompt, Seeded, Sampling):
    """`session_init_v2`: the first message, exactly once."""

    type: Literal["session_init_v2"]
    client_id: Name | None = None
    preset: Name | None = None
    preset_label: Name | None = None
    curated_prompts: Prompts = ()
    initial_image: Annotated[InitialImage | None, BeforeValidator(_as_image)] = None
    enhancement_enabled: bool = False
    auto_extension_enabled: bool = False
    loop_generation_enabled: bool = False
    single_clip_mode: bool = False
    stream_mode: StreamMode | None = None
    continuation_state: StateEnvelope | None = None
    resume: Resume | None = None
    adapters: tuple[Any, ...] = ()
    mode: Literal["segment", "live"] = "segment"


class SegmentPrompt(_Message, _NegativePrompt, Seeded, SegmentSampling):
    """`segment_prompt_source`: asks for the next segment."""

    type: Literal["segment_prompt_source"]
    prompt: str
    source: PromptSource = "user"
    request_id: Name | None = None


class SeedPromptsUpdated(_Message):
    type: Literal["seed_prompts_updated"]
    seed_prompts: Prompts = ()


class ToggleUpdated(_Message):
    """One of the three switches that take effect at the next segment."""

    type: Literal["enhancement_updated", "auto_extension_updated", "loop_generation_updated"]
    enabled: bool


class PausedUpdated(_Message):
    type: Literal["generation_paused_updated"]
    paused: bool


class SnapshotState(_Message):
    type: Literal["snapshot_state"]


class SegmentCancel(_Message):
    """Names a segment, a request, or neither: the running one."""

    type: Literal["segment_cancel"]
    segment_idx: int | None = None
    request_id: Name | None = None

    def names(self, segment_idx: int, request_id: str | None) -> bool:
        """What it leaves out fits everything."""
        fits = self.segment_idx is None or self.segment_idx == segment_idx
        return fits and (self.request_id is None or self.request_id == request_id)


class SessionEnd(_Message):
    type: Literal["session_end"]


class HandOver(_Message):
    """Of a router: save the session when no segment runs, then close, for another server to go on.
    It does not count among what the client says."""

    type: Literal["session_hand_over"]


class RewriteSeedPrompts(_Message):
    """Asks for other prompts in the place of one."""

    type: Literal["rewrite_seed_prompts"]
    seed_prompt: str
    count: int = Field(default=3, ge=1, le=MOST_REWRITES)


class Unavailable(_Message):
    """A message of the contract whose feature this server does not have."""

    type: Literal["adapters_updated", "prompt_updated"]


ClientMessage = (
    SessionInit
    | SegmentPrompt
    | SeedPromptsUpdated
    | ToggleUpdated
    | PausedUpdated
    | SnapshotState
    | SegmentCancel
    | SessionEnd
    | HandOver
    | RewriteSeedPrompts
    | Unavailable
)

_parser: TypeAdapter[ClientMessage] = TypeAdapter(
    Annotated[ClientMessage, Field(discriminator="type")]
)


def parse_client_message(text: str) -> ClientMessage:
    """Raises `InvalidMessage`. Its `param` is "" when the whole frame is wrong."""
    if sum(map(text.count, ",[{")) > MOST_PARTS:
        raise InvalidMessage(
            "",
            f"the message has more than {MOST_PARTS} commas and brackets; send fewer values",
            noise=True,
        )
    try:
        return _parser.validate_json(text)
    except ValidationError as error:
        raise _explained(error) from None


def parse_later_message(text: str) -> ClientMessage:
    """A message of an open session. Raises as `parse_client_message` does."""
    if len(text) > MOST_LATER_CHARACTERS:
        raise InvalidMessage(
            "",
            f"the message has {len(text)} characters; after session_init_v2 at most "
            f"{MOST_LATER_CHARACTERS} are allowed",
            noise=True,
        )
    return parse_client_message(text)


def _explained(error: ValidationError) -> InvalidMessage:
    first = error.errors(include_url=False, include_context=True)[0]
    path = [str(part) for part in first["loc"]]
    param = ".".join(path[1:])  # the first part is the message's type
    match first["type"]:
        case "json_invalid":
            return InvalidMessage("", "the message is not valid JSON", noise=True)
        case "union_tag_invalid":
            known = ", ".join(sorted(_TYPES))
            return InvalidMessage("type", f"unknown message type; known: {known}", joint=None)
        case "missing":
            return InvalidMessage(param, "is required")
        case _ if not param:
            return InvalidMessage("type", 'a message is a JSON object with a "type"', joint=None)
        case _:
            return InvalidMessage(param, sentence_of(first), joint=": ")


_TYPES = frozenset(
    name
    for message in get_args(ClientMessage)
    for name in get_args(message.model_fields["type"].annotation)
)
