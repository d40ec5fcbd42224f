"""What becomes of a session's record when a viewer comes back to it, or branches from it. Pure."""

from __future__ import annotations

from matinee.session.effects import Shown
from matinee.session.record import SessionRecord
from matinee.wire import server_messages as say


def rejoined(
    record: SessionRecord, frames: int | None, told: int = 0, replied: tuple[int, ...] = ()
) -> SessionRecord:
    """For a viewer who has the first `frames` of the timeline; None: it does not say. The segment
    that ran is sent from where its video ends. `told`: segments whose start the viewer was told of,
    where its router connects for it, and `replied`: messages of which it has the answers."""
    shown = record.turns.shown
    turns = {
        "shown": shown.unsent(),
        "told": told,
        "held": shown.first_frame if frames is None else frames,
    }
    return record.model_copy(
        update={
            "turns": record.turns.model_copy(update=turns),
            "idle_s": 0.0,
            "replied": replied,
            "bad_in_a_row": 0,
        }
    )


def without_prompts(record: SessionRecord) -> SessionRecord:
    """For a viewer who goes back to a segment: what was asked for after it is asked no more."""
    turns = record.turns.model_copy(
        update={"current": None, "prepared": None, "shown": record.turns.shown.unsent()}
    )
    prompts = record.prompts.model_copy(update={"waiting": (), "halted": False, "paused": False})
    return record.model_copy(update={"turns": turns, "prompts": prompts, "ended": None})


def branched(record: SessionRecord, seed: int | None) -> SessionRecord:
    """A new session that goes on from the state of this one, with a timeline, a count of segments
    and perhaps a seed of its own. What the next segment is made of stays the same, so that equal
    requests give equal pictures."""
    alone = without_prompts(record)
    turns = {"next_index": 0, "completed": 0, "shown": Shown(), "told": 0, "held": 0}
    changed = {
        "turns": alone.turns.model_copy(update=turns),
        "seed": record.seed if seed is None else seed,
        "active": False,
        "idle_s": 0.0,
        "heard": 0,
        "replied": (),
        "bad_in_a_row": 0,
        "token_sha256": "",
        "previous_sha256": "",
    }
    return alone.model_copy(update=changed)


def resumed_facts(record: SessionRecord) -> say.Resumed:
    """What the server still has of the session, for the client."""
    turns = record.turns
    waiting = [*([turns.current] if turns.current else []), *record.prompts.waiting]
    ids = [one.prompt.request_id for one in waiting]
    return say.Resumed(
        segment_idx=turns.next_index,
        frames=max(turns.shown.first_frame, turns.held),
        requests=[one for one in ids if one is not None],
        heard=record.heard,
    )


def forked_facts(session_id: str, record: SessionRecord) -> say.ForkedFrom:
    """Which segment the branch goes on after, -1 for none, and where it leaves the timeline."""
    pts_ms = record.turns.shown.first_frame * 1000 / record.encoder.fps
    return say.ForkedFrom(
        session=session_id, segment=record.turns.next_index - 1, pts_ms=round(pts_ms, 3)
    )
