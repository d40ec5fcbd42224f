from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from matinee.errors import InvalidRequest, MatineeError, WorkerFailed
from matinee.server import host
from matinee.server.doors import Doors
from matinee.server.host import check_defaults
from matinee.server.lifecycle import Lifecycle
from matinee.server.workers_first import workers_first
from matinee.serving.access import ControlAccess
from matinee_api.config.runtime_config import (
    GeneratorConfig,
    LimitsConfig,
    PoolConfig,
    RequestConfig,
    SamplingConfig,
    ServeConfig,
    ServerConfig,
    StreamingConfig,
    WarmupConfig,
)
from tests.places import ROOT
from tests.system.end_to_end.serving import words_of
from tests.unit.runtime.session.making import INFO
from tests.unit.runtime.worker import fake_engine


@pytest.fixture
def fake_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)


def terminate() -> None:
    signal.raise_signal(signal.SIGTERM)


def kill_the_workers() -> None:
    for child in psutil.Process().children():
        if "multiprocessing.spawn" in words_of(child):
            child.kill()


def serve(config: ServeConfig, then: Callable[[], None] = terminate) -> list[str]:
    """Serve until it is ready, do something, and wait for its end; the URLs that were announced."""
    urls: list[str] = []

    def ready(url: str) -> None:
        urls.append(url)
        then()

    with workers_first(config, fake_engine.__name__) as workers:
        host.serve(config, Doors.of(config.server), "test", None, ready, workers)
    return urls


def config_of(model: str, **sampling: Any) -> ServeConfig:
    return ServeConfig(
        generator=GeneratorConfig(model_path=model),
        server=ServerConfig(port=0),
        default_request=RequestConfig(sampling=SamplingConfig(**sampling)),
        streaming=StreamingConfig(
            warmup=WarmupConfig(enabled=False), pool=PoolConfig(max_restarts=0)
        ),
    )


@pytest.mark.usefixtures("fake_workers")
def test_a_server_tells_when_it_is_ready_and_stops_at_a_signal() -> None:
    (url,) = serve(config_of("fake"))
    assert url.startswith("http://127.0.0.1:")


@pytest.mark.usefixtures("fake_workers")
def test_workers_that_nobody_served_with_end_with_their_block() -> None:
    with workers_first(config_of("fake"), fake_engine.__name__) as workers:
        workers.runner.run(workers.pool.ready())
        pid = workers.pool.workers[0].pid
        assert pid is not None
    assert not psutil.pid_exists(pid)


@pytest.mark.usefixtures("fake_workers")
@pytest.mark.parametrize(
    ("config", "error", "says"),
    [
        (config_of("missing"), WorkerFailed, "no weights in missing"),
        (config_of("fake", width=33), InvalidRequest, "nearest: 32 or 48"),
    ],
)
def test_a_server_that_could_make_nothing_ends_with_the_reason(
    config: ServeConfig, error: type[MatineeError], says: str
) -> None:
    with pytest.raises(error, match=says):
        serve(config)


@pytest.mark.usefixtures("fake_workers")
def test_a_server_whose_workers_have_failed_ends_so_that_it_can_be_started_again() -> None:
    with pytest.raises(WorkerFailed, match="killed by SIGKILL; it failed 1 times"):
        serve(config_of("fake"), then=kill_the_workers)


def test_defaults_that_the_model_can_make_are_fine() -> None:
    check_defaults(INFO, config_of("fake"))
    check_defaults(INFO, config_of("fake", width=64, num_frames=25))


def test_limits_that_the_defaults_go_past_are_told_at_the_start() -> None:
    streaming = StreamingConfig(limits=LimitsConfig(max_steps=3))
    config = config_of("fake").model_copy(update={"streaming": streaming})
    with pytest.raises(InvalidRequest, match="num_inference_steps must be from 1 to 3"):
        check_defaults(INFO, config)


async def test_a_second_signal_does_not_wait_for_the_sessions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    life = Lifecycle(config_of("fake"), "test", backend=fake_engine.__name__)
    stopping, ended = asyncio.Event(), asyncio.Event()

    async def shut_down(_grace_s: float) -> None:
        stopping.set()
        await ended.wait()

    monkeypatch.setattr(life, "shut_down", shut_down)
    ours = host.graceful(config_of("fake"), life, ControlAccess())
    ours.handle_exit(signal.SIGTERM, None)
    await stopping.wait()
    assert (ours.told_to_stop, ours.should_exit) == (signal.SIGTERM, False)
    ours.handle_exit(signal.SIGTERM, None)
    assert ours.should_exit
    ended.set()
