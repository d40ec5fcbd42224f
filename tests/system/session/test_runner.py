"""A runner from its slot to its end with worker processes, and an outlet in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import pytest

from matinee.media.media_stream import Fragment
from matinee.serving.admission import Admission
from matinee.session.clock import LoopClock
from matinee.session.effects import Shown
from matinee.session.opened import Identity, Opened
from matinee.session.record import SessionRecord
from matinee.session.requests import RequestRules
from matinee.session.runner import SessionRunner
from matinee.session.saved_record import from_saved, to_saved
from matinee.session.session import Session
from matinee.session.studio import Studio
from matinee.session.video import open_video
from matinee.worker.pool import WorkerPool
from matinee_api.config.runtime_config import (
    EngineConfig,
    GeneratorConfig,
    PoolConfig,
    StreamingConfig,
    WarmupConfig,
)
from tests.places import ROOT
from tests.unit.runtime.session.making import INFO, init_of, studio_of
from tests.unit.runtime.session.memory_outlet import MemoryOutlet
from tests.unit.runtime.worker.making import FAKE

STREAMING = StreamingConfig(generation_segment_cap=3)
PROMPTS = ("a ball", "a cube", "a cone")


@pytest.fixture
async def pool(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkerPool]:
    monkeypatch.syspath_prepend(ROOT)
    pool = WorkerPool(
        GeneratorConfig(model_path="fake", engine=EngineConfig(device="cpu")),
        PoolConfig(),
        WarmupConfig(),
        backend=FAKE,
    )
    await pool.start()
    await pool.ready()
    yield pool
    await pool.stop()


@pytest.fixture
def encoders() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


class Viewing:
    """One life of a session. `records`: one after each fragment, and how many fragments had been
    put by then."""

    def __init__(self, session: Session, studio: Studio, before: Shown | None = None) -> None:
        self.records: list[tuple[int, SessionRecord]] = []
        self.outlet = RecordedOutlet(self)
        self.session = session
        self._studio = studio
        self._before = before or Shown()

    async def run(self, *prompts: str) -> list[bytes]:
        """The fragments of the whole session."""
        video = open_video(
            self.session.encoder, self._before.first_frame, self._before.first_fragment
        )
        opened = Opened(Identity("s1", "token"), self.session, INFO, video)
        visit = Admission(1, slots=1).enter(lambda _place: None)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            runner = SessionRunner(opened, self.outlet, self._studio, visit, tasks)
            self.outlet.gone = runner.gone
            for prompt in prompts:
                runner.heard(f'{{"type":"segment_prompt_source","prompt":"{prompt}"}}')
            tasks.create_task(runner.run())
        await self.outlet.read()
        return [binary for binary in self.outlet.binaries if binary != video.init]

    def take_record(self) -> None:
        if self.session.ended is None:
            record = self.session.record(self._studio.clock.now())
            self.records.append((self.outlet.fragments, record))


class RecordedOutlet(MemoryOutlet):
    def __init__(self, viewing: Viewing) -> None:
        super().__init__()
        self.fragments = 0
        self._viewing = viewing

    def put_video(self, fragment: Fragment) -> bool:
        taken = super().put_video(fragment)
        self.fragments += 1
        asyncio.get_running_loop().call_soon(self._viewing.take_record)
        return taken


def new_session(studio: Studio, **init: Any) -> Session:
    opened = init_of(**init)
    rules = RequestRules(INFO, STREAMING.limits, INFO.defaults, opened, seed=7)
    return Session(STREAMING, rules, opened, None, studio.clock.now())


@pytest.mark.parametrize("mode", ["av_fmp4", "legacy_jpeg"])
async def test_a_session_rebuilt_after_any_fragment_gives_the_same_bytes(
    pool: WorkerPool, encoders: Executor, mode: str
) -> None:
    studio = studio_of(encoders, LoopClock(), pool)
    whole = Viewing(new_session(studio, stream_mode=mode), studio)
    fragments = await whole.run(*PROMPTS)
    assert [message["type"] for message in whole.outlet.messages].count(
        "ltx2_segment_complete"
    ) == len(PROMPTS)
    assert whole.outlet.ending is not None
    assert whole.outlet.ending.reason == "segment_cap"
    assert len(whole.records) >= 9
    within = [record for _, record in whole.records if record.turns.shown.frames]
    assert len({record.turns.shown.frames for record in within}) >= 3

    for count, record in whole.records:
        kept = from_saved(to_saved(record))
        session = Session.from_record(kept, STREAMING, INFO, studio.clock.now())
        again = Viewing(session, studio, kept.turns.shown)
        assert await again.run() == fragments[count:]
        assert again.outlet.ending == whole.outlet.ending
        begun, turns = kept.turns.next_index, kept.turns
        for kind, known in (
            ("ltx2_segment_start", turns.prepared),
            ("media_init", turns.shown.frames),
        ):
            assert segments(again, kind) == list(range(begun + bool(known), len(PROMPTS)))
        assert again.outlet.messages[-1] == whole.outlet.messages[-1]
        totals = [segment_totals(viewing) for viewing in (whole, again)]
        assert totals[1] == totals[0][-len(totals[1]) :]


def segments(viewing: Viewing, kind: str) -> list[int]:
    """What such messages are about."""
    told = viewing.outlet.messages
    return [message["segment_idx"] for message in told if message["type"] == kind]


def segment_totals(viewing: Viewing) -> list[tuple[Any, ...]]:
    return [
        tuple(message[name] for name in ("stream_id", "chunks", "bytes", "frames", "pts_base_ms"))
        for message in viewing.outlet.messages
        if message["type"] == "media_segment_complete"
    ]


async def test_an_outlet_that_is_gone_stops_the_gpu_and_gives_the_slot_back(
    pool: WorkerPool, encoders: Executor
) -> None:
    studio = studio_of(encoders, LoopClock(), pool)
    session = new_session(studio)
    admission = Admission(1, slots=1)
    outlet = MemoryOutlet()
    opened = Opened(Identity("s1", "token"), session, INFO, open_video(session.encoder))
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        visit = admission.enter(lambda _place: None)
        runner = SessionRunner(opened, outlet, studio, visit, tasks)
        running = tasks.create_task(runner.run())
        runner.heard('{"type":"segment_prompt_source","prompt":"a ball"}')
        await outlet.hear("ltx2_segment_start")
        assert admission.taken == 1
        runner.gone()
        await running
        assert admission.taken == 0
    assert [worker.jobs for worker in pool.workers] == [0]
