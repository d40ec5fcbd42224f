"""What a server that was killed leaves in its folder."""

from __future__ import annotations

import signal
import stat
import time
from pathlib import Path

import numpy as np
import pytest

from matinee.errors import LeaseLost
from matinee.session.effects import PreparePrompt
from matinee.session.saved_record import from_saved
from matinee.session.session import Session
from matinee.store.base import Bounds, Lease, Saved
from matinee.store.files import FileStore
from matinee_api.config.runtime_config import StreamingConfig
from tests.system.end_to_end.conftest import StartFake
from tests.system.end_to_end.viewing import session
from tests.unit.runtime.state.unpacking import state_from_wire
from tests.unit.runtime.worker.fake_engine import INFO
from tests.unit.runtime.worker.stepping import Gate

HOUR = Bounds(3600.0, 100, 2**30, 10, 2**30)


def opened(folder: Path) -> FileStore:
    return FileStore(folder / "states", HOUR)


async def test_a_session_is_rebuilt_from_what_a_killed_server_left(
    start_fake: StartFake, gate: Gate, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    server = start_fake(state={"store": "file", "directory": str(folder)})
    async with session(server, seed=5) as viewer:
        session_id = (await viewer.hear("gpu_assigned"))["session_id"]
        await viewer.segment("first")
        await viewer.segment("second")
        await viewer.say("snapshot_state")
        shown = (await viewer.hear("continuation_state_snapshot"))["state"]
        await viewer.ask(gate.order)
        await viewer.ask("waits")
        await gate.arrival()
        server.stop(signal.SIGKILL)

    store = opened(folder)
    saved = await store.load(session_id)
    assert saved is not None
    record = from_saved(saved)
    assert (saved.segment, record.turns.next_index, record.turns.completed) == (2, 2, 2)
    assert record.state is not None
    assert np.array_equal(
        record.state.tensors["frames"], state_from_wire(**shown).tensors["frames"]
    )
    assert [kept.segment for kept in await store.history(session_id)] == [0, 1, 2]

    rebuilt = Session.from_record(record, StreamingConfig(), INFO, time.monotonic())
    rebuilt.slot_bound(time.monotonic())
    rebuilt.receive('{"type":"segment_prompt_source","prompt":"third"}', time.monotonic())
    assert (rebuilt.init.seed, rebuilt.encoder.width) == (5, INFO.defaults.width)
    (prepare,) = rebuilt.take_effects()
    assert isinstance(prepare, PreparePrompt)
    assert prepare.asked.request.prompt == "third"

    successor = await store.claim(session_id, "successor")
    with pytest.raises(LeaseLost, match="successor has claimed it"):
        await _save(store, Lease(session_id, "fake", successor.fence - 1), saved)
    await _save(store, successor, saved)


async def _save(store: FileStore, lease: Lease, saved: Saved) -> None:
    await store.save(lease, saved.segment + 1, saved.facts, saved.blobs)


async def test_only_sessions_that_got_a_slot_leave_a_log_and_nobody_else_reads_it(
    start_fake: StartFake, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    server = start_fake(state={"store": "file", "directory": str(folder)})
    async with session(server) as viewer:
        session_id = (await viewer.hear("gpu_assigned"))["session_id"]
        for _ in range(20):
            async with session(server, width=-1) as refused:
                await refused.rest()
        await viewer.segment("a ball")
        await viewer.end()
    server.stop()
    log = folder / "logs" / f"session-{session_id}.jsonl"
    assert list((folder / "logs").iterdir()) == [log]
    assert log.read_text().count("\n") == 3
    readable = [path for path in folder.rglob("*") if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert readable == []
