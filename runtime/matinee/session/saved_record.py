"""A session's record as a store keeps it: its facts as JSON, its state's tensors as blobs.

Both directions are slow: call them in a thread.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from matinee.errors import InvalidState
from matinee.session.record import RecordUnreadable, SessionRecord
from matinee.state.stored import from_stored, to_stored
from matinee.store.base import MAX_BLOB_BYTES, Blob, Saved


def to_saved(record: SessionRecord) -> Saved:
    """Saved under the number of segments that have ended."""
    blobs: Mapping[str, Blob] = {}
    state_facts = None
    if record.state is not None:
        stored = to_stored(record.state, MAX_BLOB_BYTES)
        state_facts, blobs = stored.facts, stored.blobs
    facts = {"session": record.to_json(), "state": state_facts}
    return Saved(record.turns.next_index, json.dumps(facts).encode(), blobs)


def from_saved(saved: Saved) -> SessionRecord:
    """Raises `RecordUnreadable`."""
    try:
        facts = json.loads(saved.facts)
        written, state_facts = facts["session"], facts["state"]
        state = None if state_facts is None else from_stored(state_facts, saved.blobs)
    except (LookupError, TypeError, ValueError, RecursionError, InvalidState) as error:
        raise RecordUnreadable(f"what was saved is no record: {error}") from error
    return SessionRecord.from_json(written, state)
