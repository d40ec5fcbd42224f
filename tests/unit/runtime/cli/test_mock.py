from __future__ import annotations

import pytest

from matinee.cli import main, mock
from matinee.mock.backend import load
from matinee.mock.settings import BACKEND, Fault, MockSettings
from matinee.worker.ring import SLOT_PIXELS
from matinee_api.config.runtime_config import ServeConfig


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[ServeConfig]:
    """The configurations that would have been served."""
    configs: list[ServeConfig] = []

    def fake(backend: str, config: ServeConfig) -> int:
        assert backend == BACKEND
        configs.append(config)
        return 0

    monkeypatch.setattr(mock, "serve_on", fake)
    return configs


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ("", MockSettings()),
        ("--size 64x34 --fps 5", MockSettings(width=64, height=34, fps=5)),
        ("--step-ms 0.5 --sound", MockSettings(step_ms=0.5, sound=True)),
        (
            "--faults late,error --fault-seconds 9",
            MockSettings(faults=(Fault.LATE, Fault.ERROR), fault_seconds=9),
        ),
    ],
)
def test_flags_say_what_is_made(
    words: str, settings: MockSettings, served: list[ServeConfig]
) -> None:
    assert main(["mock", *words.split()]) == 0
    assert load(served[0].generator)._settings == settings


def test_the_server_is_the_products_and_can_be_set_up(served: list[ServeConfig]) -> None:
    words = ["--host", "::1", "--port", "0", "--streaming.max_sessions=1"]
    assert main(["mock", *words]) == 0
    (config,) = served
    assert (config.server.host, config.server.port) == ("::1", 0)
    assert (config.streaming.max_sessions, config.streaming.generation_segment_cap) == (1, 6)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--size 832", "'832' is no size; write 832x480, each side 32 to 4096"),
        ("--size 16x480", "'16x480' is no size"),
        ("--faults late,lost", "'late,lost' is no list of faults; choose from late, stall, error"),
        ("--fps 0", "'0' is not a number from 1 to 120"),
        ("--step-ms -1", "'-1' is not a number from 0 to 60000"),
        ("--step-ms nan", "'nan' is not a number"),
        ("--fault-seconds 101", "'101' is not a number from 0 to 100"),
    ],
)
def test_what_cannot_be_made_is_told_with_its_range(
    words: str, says: str, served: list[ServeConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["mock", *words.split()])
    assert end.value.code == 2
    assert says in capsys.readouterr().err
    assert served == []


@pytest.mark.parametrize(
    ("size", "says"),
    [
        ("833x480", "matinee: --size must be a multiple of 2, got 833; nearest: 832 or 834\n"),
        ("4096x4096", "matinee: --size: 4096 x 4096 (width x height) is 16777216 pixels; at most"),
    ],
)
def test_a_size_that_cannot_be_made_is_told_before_anything_is_started(
    size: str, says: str, served: list[ServeConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mock", "--size", size]) == 2
    assert says in capsys.readouterr().err
    assert served == []


def test_the_largest_picture_is_the_largest_that_a_worker_can_hand_over() -> None:
    assert MockSettings().info().max_pixels == SLOT_PIXELS
