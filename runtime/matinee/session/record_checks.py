"""Whether a record that was read fits together and fits this server. Pure.

Who can write to a store is trusted with its sessions, but a record may be an older release's, or of
a server that allows more; and what is damaged should end one session with a reason.
"""

from __future__ import annotations

import dataclasses

from matinee.errors import InvalidRequest
from matinee.generation import ModelInfo, SegmentRequest, check_request
from matinee.session.record import SessionRecord
from matinee.state.codec import check_state


def check_record(record: SessionRecord, info: ModelInfo) -> None:
    """`info`: with the server's limits. Raises `InvalidRequest` and `InvalidState`."""
    sizes = {(one.width, one.height, one.fps) for one in (record.encoder, record.init)}
    for request in _requests(record):
        check_request(info, request)
        sizes.add((request.width, request.height, request.fps))
    if len(sizes) > 1:
        raise InvalidRequest("resume", "is of a session whose parts differ in their size")
    shown = record.turns.shown
    if min(record.turns.next_index, shown.first_frame, shown.first_fragment, record.heard) < 0:
        raise InvalidRequest("resume", "is of a session that counts from below 0")
    if record.state is not None:
        width, height = record.encoder.width, record.encoder.height
        size = dataclasses.replace(info.defaults, width=width, height=height)
        check_state(info, record.state, size)


def _requests(record: SessionRecord) -> list[SegmentRequest]:
    """Of the prompts that wait, and of the one whose turn it is."""
    turns = record.turns
    waiting = [*([turns.current] if turns.current else []), *record.prompts.waiting]
    prepared = [turns.prepared.request] if turns.prepared else []
    return [*(one.request for one in waiting), *prepared]
