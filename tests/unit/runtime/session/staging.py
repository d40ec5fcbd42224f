"""A connection without a socket, a process or a model: the rest of it is real."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

from starlette.types import Message
from starlette.websockets import WebSocket

from matinee.errors import WorkerFailed
from matinee.generation import ModelInfo
from matinee.media.decoding.pool import DecoderPool
from matinee.media.decoding.process import DecodeLimits
from matinee.media.i420 import I420Picture
from matinee.prompt import PlainPrompt, Preparer, Writer
from matinee.server.websocket import Connection
from matinee.server.websocket_outlet import SendLimits
from matinee.serving.admission import Admission
from matinee.serving.byte_budget import ByteBudget
from matinee.session.baggage import Unpacker
from matinee.session.clock import Clock, LoopClock
from matinee.session.metrics import Metrics
from matinee.session.session_log import LogBounds, SessionLogs
from matinee.session.states import StateStorage
from matinee.session.studio import Studio
from matinee.session.video_opener import VideoOpener
from matinee.store.memory import MemoryStore
from matinee.worker import messages as worker
from matinee.worker.messages import SegmentJob
from matinee.worker.pool import WorkerPool
from matinee_api.config.runtime_config import GeneratorConfig, ServeConfig, StreamingConfig
from tests.unit.runtime.media.pictures import moving_i420
from tests.unit.runtime.session.making import INFO, state_of
from tests.unit.runtime.store.making import ROOMY


class LiveJob:
    """A job whose events the test gives, one by one."""

    def __init__(self, job: SegmentJob) -> None:
        self.job = job
        self.cancels = 0
        self.held: set[int] = set()
        self._events: asyncio.Queue[worker.JobEvent] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[worker.JobEvent]:
        while True:
            yield await self._events.get()

    def give(self, *events: worker.JobEvent) -> None:
        for event in events:
            if isinstance(event, worker.FramesReady):
                self.held.update(event.slots)
            self._events.put_nowait(event)

    def make_all(self) -> None:
        """Nine pictures, and done."""
        self.give(worker.FramesReady(self.job.job_id, tuple(range(9)), 32, 32, 0, ends_chunk=True))
        self.give(worker.SegmentDone(self.job.job_id, state_of(), 9, 100.0))

    def cancel(self) -> None:
        self.cancels += 1
        if self.cancels == 1:
            self.give(worker.SegmentCancelled(self.job.job_id, 1))

    def abandon(self) -> None:
        self.cancel()

    def pictures(self, event: worker.FramesReady) -> list[I420Picture]:
        return [moving_i420(event.width, event.height, slot) for slot in event.slots]

    def release(self, slots: Iterable[int]) -> None:
        for slot in slots:
            self.held.remove(slot)


@dataclass
class FakeWorker:
    index: int


class FakePool:
    """One worker, `gpu`, or none when that is None."""

    def __init__(self) -> None:
        self.info: ModelInfo | None = INFO
        self.gpu: int | None = 0
        self.mistake: Exception | None = None
        self.loaded = asyncio.Event()
        self.joined: set[str] = set()
        self.jobs: list[LiveJob] = []

    async def ready(self) -> ModelInfo:
        await self.loaded.wait()
        if self.info is None:
            raise WorkerFailed("no weights")
        return self.info

    def join(self, session_id: str) -> FakeWorker:
        if self.mistake is not None:
            raise self.mistake
        if self.gpu is None:
            raise WorkerFailed("internal details")
        self.joined.add(session_id)
        return FakeWorker(self.gpu)

    def leave(self, session_id: str) -> None:
        self.joined.discard(session_id)

    def submit(self, job: SegmentJob) -> LiveJob:
        self.join(job.session_id)
        self.jobs.append(LiveJob(job))
        return self.jobs[-1]


class Client:
    """The other end of a connection's socket, and the task that serves it."""

    def __init__(self, stage: Stage) -> None:
        self.heard: list[dict[str, Any]] = []
        self.binaries = 0
        self.closed: tuple[int, str] | None = None
        self.reads = asyncio.Event()
        self.reads.set()
        self.closed_by_server: Exception | None = None
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        self._news = asyncio.Event()
        socket = WebSocket({"type": "websocket"}, self._inbox.get, self._take)
        self.connection = Connection(
            socket, stage.config, stage.admission, stage.studio, stage.send_limits
        )
        self.task = asyncio.create_task(self.connection.run())

    async def _take(self, message: Message) -> None:
        await self.reads.wait()
        if self.closed_by_server is not None:
            raise self.closed_by_server
        match message["type"]:
            case "websocket.close":
                self.closed = (message["code"], message.get("reason") or "")
            case "websocket.send" if message.get("text") is not None:
                self.heard.append(json.loads(message["text"]))
            case "websocket.send":
                self.binaries += 1
        self._news.set()

    def say(self, kind: str, **fields: Any) -> None:
        self._inbox.put_nowait(
            {"type": "websocket.receive", "text": json.dumps({"type": kind, **fields})}
        )

    def say_binary(self, frame: bytes) -> None:
        self._inbox.put_nowait({"type": "websocket.receive", "bytes": frame})

    def vanish(self, code: int = 1006) -> None:
        """1006: without a close frame."""
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": code})

    async def hear(self, kind: str, times: int = 1) -> dict[str, Any]:
        """The last of so many messages of that type, as soon as it is there."""
        async with asyncio.timeout(20):
            while True:
                found = [message for message in self.heard if message["type"] == kind]
                if len(found) >= times:
                    return found[times - 1]
                self._news.clear()
                await self._news.wait()

    async def over(self) -> list[str]:
        """The types of all that was heard, once the connection is through."""
        async with asyncio.timeout(20):
            await self.task
        return [message["type"] for message in self.heard]


class Stage:
    """A server's parts around a fake pool."""

    def __init__(
        self,
        *,
        slots: int = 1,
        max_queue: int = 4,
        preparer: Preparer | None = None,
        writer: Writer | None = None,
        clock: Clock | None = None,
        **streaming: Any,
    ) -> None:
        self.pool = FakePool()
        self.clients: list[Client] = []
        self.config = ServeConfig(
            generator=GeneratorConfig(model_path="fake"),
            streaming=StreamingConfig(max_queue=max_queue, **streaming),
        )
        self.admission = Admission(max_queue, slots=slots)
        self.metrics = Metrics()
        self.store = MemoryStore(ROOMY)
        self.send_limits: SendLimits | None = None
        encoders = ThreadPoolExecutor(1)
        self.studio = Studio(
            name="test",
            pool=cast(WorkerPool, self.pool),
            states=StateStorage.over(self.store, "test", ThreadPoolExecutor(1), self.metrics),
            logs=SessionLogs(None, LogBounds(60.0, 10, 2**20), self.metrics),
            metrics=self.metrics,
            encoders=encoders,
            videos=VideoOpener(encoders),
            unpacker=Unpacker(DecoderPool(DecodeLimits()), ThreadPoolExecutor(1)),
            unseated=ByteBudget(2**20),
            preparer=preparer or PlainPrompt(),
            writer=writer,
            clock=clock or LoopClock(),
        )

    def visitor(self) -> Client:
        """It has said nothing so far."""
        client = Client(self)
        self.clients.append(client)
        return client

    def client(self, **init: Any) -> Client:
        client = self.visitor()
        client.say("session_init_v2", **init)
        return client

    @property
    def clean(self) -> bool:
        """Nothing is left of any session."""
        admission = self.admission
        return (
            admission.taken == admission.waiting == 0
            and not self.pool.joined
            and not any(job.held for job in self.pool.jobs)
        )

    def close(self) -> None:
        for client in self.clients:
            client.task.cancel()
        self.studio.encoders.shutdown()
        self.studio.states.threads.shutdown()
        self.studio.unpacker.stop()
        self.studio.logs.close()


Staged = Callable[..., Stage]
"""Makes a stage that the test's end closes."""


async def turns(count: int = 20) -> None:
    """Let everybody who can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)
