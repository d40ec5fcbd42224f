"""What each kind of state can be asked, and its form on the wire: `{kind, payload}`.

What leaves here comes back from clients that nobody vouches for, so a codec reads nothing that it
cannot check. No torch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from matinee.errors import InvalidState
from matinee.generation import (
    GenerationDefaults,
    ModelInfo,
    RgbFrames,
    SegmentRequest,
    State,
    StateSummary,
    check_can,
)
from matinee.media.decoding import PictureRefused
from matinee.media.decoding.pool import Pictures
from matinee.state.last_frames import LastFramesCodec
from matinee_api.families import FAMILIES, StateForm


class StateCodec(Protocol):
    """Of one kind. Everything raises `InvalidState` for what is not of its form."""

    @property
    def kind(self) -> str: ...

    def of_image(self, picture: RgbFrames) -> State:
        """The state whose next segment begins with the picture, uint8 (H, W, 3)."""
        ...

    def of_video(self, frames: RgbFrames) -> State:
        """The state whose next segment goes on after these last frames of a video, two or more."""
        ...

    def summary(self, state: State) -> StateSummary: ...

    def to_payload(self, state: State) -> dict[str, Any]:
        """Ready for `long_json.parts_of`. Slow: call it in a thread."""
        ...

    def unpack(self, payload: dict[str, Any]) -> PackedState:
        """What `to_payload` wrote, all of it checked but the pictures."""
        ...


class PackedState(Protocol):
    """A state as a client sent it, whose pictures are still to be decoded."""

    @property
    def kind(self) -> str: ...

    @property
    def summary(self) -> StateSummary: ...

    @property
    def nbytes(self) -> int:
        """Held until it is a state: the text, what is decoded of it, and the pixels."""
        ...

    def pictures(self) -> Pictures:
        """Perhaps not one. Slow, and so is taking them: do it in a thread. Both raise
        `InvalidState`."""
        ...

    def state(self, frames: RgbFrames) -> State:
        """With the pictures decoded, uint8 (n, H, W, 3)."""
        ...

    def refused(self, refusal: PictureRefused) -> InvalidState:
        """The refusal of one of the pictures, with its place."""
        ...


_FORMS: dict[StateForm, Callable[[str], StateCodec]] = {
    "last frames": LastFramesCodec,
    "last frames and sound": partial(LastFramesCodec, with_sound=True),
}

MOCK_STATE = "mock.v1"
"""Of `matinee mock`, whose family is in no table: no model has it."""
CODECS: dict[str, StateCodec] = {
    family.state_kind: _FORMS[family.state_form](family.state_kind) for family in FAMILIES
} | {MOCK_STATE: LastFramesCodec(MOCK_STATE)}
"""Kind -> its codec."""


def codec_of(kind: str) -> StateCodec:
    """Raises `InvalidState` for a kind or version that is not known."""
    if kind not in CODECS:
        raise InvalidState(f"unknown kind {kind[:64]!r}; known: {', '.join(sorted(CODECS))}")
    return CODECS[kind]


def state_of_image(info: ModelInfo, picture: RgbFrames) -> State:
    """What a session that begins with an image starts from."""
    return codec_of(info.state_kind).of_image(picture)


def state_of_video(info: ModelInfo, frames: RgbFrames) -> State:
    """What goes on from a video that is there as pictures only, from its last `state_frames`."""
    return codec_of(info.state_kind).of_video(frames[-info.state_frames :])


def summary_of(state: State) -> StateSummary:
    return codec_of(state.kind).summary(state)


def known_frames(state: State | None) -> int:
    """Frames that are there before the first chunk is made: see `generation.plan_chunks`."""
    return 0 if state is None else summary_of(state).known_frames


def state_to_wire(state: State) -> dict[str, Any]:
    """`{"kind": str, "payload": dict}`, ready for `long_json.parts_of`."""
    return {"kind": state.kind, "payload": codec_of(state.kind).to_payload(state)}


def unpack_state(
    kind: str, payload: dict[str, Any], info: ModelInfo, size: GenerationDefaults
) -> PackedState:
    """Of what `state_to_wire` wrote. Raises `InvalidState` unless this model can go on from it at
    that size."""
    packed = codec_of(kind).unpack(payload)
    check_kind(info, kind)
    _check_size(packed.summary, size)
    frames = packed.summary.known_frames
    if frames > info.state_frames:
        raise InvalidState(
            f"the state has {frames} frames; this model goes on from the last "
            f"{info.state_frames}, send no more"
        )
    return packed


def check_start(info: ModelInfo, state: State | None) -> None:
    """Raise `InvalidRequest` unless this model can begin a segment with that: nothing, an image or
    what came before."""
    frames = known_frames(state)
    if frames == 0:
        check_can(info, "text", "initial_image")
    elif frames == 1:
        check_can(info, "image", "initial_image")
    else:
        check_can(info, "continuation", "continuation_state")


def check_state(info: ModelInfo, state: State, size: SegmentRequest | GenerationDefaults) -> None:
    """Raise `InvalidState` unless this model can go on from the state at that size."""
    check_kind(info, state.kind)
    _check_size(summary_of(state), size)


def check_kind(info: ModelInfo, kind: str) -> None:
    if kind != info.state_kind:
        raise InvalidState(f"the state is of kind {kind!r}; this model takes {info.state_kind!r}")


def _check_size(summary: StateSummary, size: SegmentRequest | GenerationDefaults) -> None:
    width, height = summary.width, summary.height
    if (width, height) != (size.width, size.height):
        raise InvalidState(
            f"the state's frames are {width}x{height}, but {size.width}x{size.height} is asked "
            "for; ask for the state's size"
        )
