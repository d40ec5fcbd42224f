"""What a viewer is told when its slot is bound and when a segment begins. Pure."""

from __future__ import annotations

from matinee.generation import ModelInfo, State, count_steps
from matinee.session.effects import Segment
from matinee.session.session import Session
from matinee.state.codec import known_frames
from matinee.wire import server_messages as say


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


def segment_start(segment: Segment, state: State | None, info: ModelInfo) -> say.SegmentStart:
    """`state`: what the segment goes on from."""
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
