from __future__ import annotations

import json

import pytest

from matinee.session.record import RecordUnreadable
from matinee.session.saved_record import from_saved, to_saved
from matinee.store.base import Blob, Saved
from tests.unit.runtime.session.making import Viewer, state_of

RECORD = Viewer(state=state_of()).session.record(1000.0)
SAVED = to_saved(RECORD)
FACTS = json.loads(SAVED.facts)


def test_a_record_without_a_state_is_one_too() -> None:
    record = Viewer().session.record(1000.0)
    saved = to_saved(record)
    assert (saved.segment, saved.blobs) == (0, {})
    again = from_saved(saved)
    assert again.state is None
    assert again.to_json() == record.to_json()


@pytest.mark.parametrize(
    ("facts", "blobs"),
    [
        (b"", {}),
        (b"[]", {}),
        (b"{}", {}),
        (json.dumps(FACTS).encode(), {}),
        (json.dumps({**FACTS, "session": "{}"}).encode(), SAVED.blobs),
        (json.dumps({**FACTS, "session": 7}).encode(), SAVED.blobs),
        (json.dumps({**FACTS, "state": {}}).encode(), SAVED.blobs),
    ],
)
def test_what_is_no_record_is_refused(facts: bytes, blobs: dict[str, Blob]) -> None:
    with pytest.raises(RecordUnreadable):
        from_saved(Saved(0, facts, blobs))
