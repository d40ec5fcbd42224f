"""What a viewer is told when its slot is bound and when a segment begins. Pure."""

from __future__ import annotations

from typing import Literal

from matinee.generation import ModelInfo, State, count_steps
from matinee.session.effects import Segment
from matinee.session.opened import Opened
from matinee.session.session import Session
from matinee.state.codec import known_frames
from matinee.wire import server_messages as say

STORE_IS_AWAY = (
    "the store of sessions cannot be reached: this session can be resumed elsewhere once it is back"
)


def greeting(
    opened: Opened, gpu_id: int, worker: str, *, store_reachable: bool
) -> tuple[say.ServerMessage, ...]:
    """`worker`: this process's name."""
    identity, origin = opened.identity, opened.origin
    if origin.unnoticed:
        return (say.SessionMigrated(identity.session_id, 0.0, origin.resumed),)
    is_new = origin.resumed is None and origin.forked_from is None
    assigned = say.GpuAssigned(
        gpu_id=gpu_id,
        session_timeout=round(opened.session.timeout_s),
        model_id=opened.info.model_id,
        session_id=identity.session_id,
        resume_token=identity.token,
        worker=worker,
        state=None if is_new else _trueness(opened),
        resumed=origin.resumed,
        forked_from=origin.forked_from,
        notes=None if store_reachable else (STORE_IS_AWAY,),
    )
    return assigned, stream_start(opened.session, opened.video.mime)


def _trueness(opened: Opened) -> Literal["exact", "approx"]:
    """A sound encoder that begins within the video has not heard what came before."""
    resumed = opened.origin.resumed
    within = resumed is not None and resumed["frames"] > 0
    return "approx" if within and opened.session.encoder.audio else "exact"


def stream_start(session: Session, mime: str) -> say.StreamStart:
    """This session's values."""
    return say.StreamStart(
        preset=session.init.preset,
        width=session.defaults.width,
        height=session.defaults.height,
        fps=session.defaults.fps,
        num_frames=session.defaults.num_frames,
        mime=mime,
    )


def segment_begins(
    segment: Segment, state: State | None, info: ModelInfo
) -> tuple[say.ServerMessage, ...]:
    """And what went wrong before. `state`: what the segment goes on from."""
    start = _segment_start(segment, state, info)
    if segment.trouble is None:
        return (start,)
    id_ = segment.request_id
    return say.Error("upstream_timeout", segment.trouble, retryable=True, request_id=id_), start


def _segment_start(segment: Segment, state: State | None, info: ModelInfo) -> say.SegmentStart:
    return say.SegmentStart(
        segment_idx=segment.index,
        prompt=segment.request.prompt,
        total_steps=count_steps(info, segment.request, known_frames(state)),
        source=segment.source,
        seed=segment.request.seed,
        request_id=segment.request_id,
        prompt_truncated=segment.prompt_read,
        notes=segment.notes or None,
    )


def opening_facts(session: Session) -> dict[str, object]:
    """For the session's log."""
    init = session.init
    return {"client_id": init.client_id, "preset": init.preset, "mode": session.encoder.mode}
