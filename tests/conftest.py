"""What the tests need from the machine: browsers, ffmpeg, other readers of videos, Redis, a GPU.

A test marked `browser`, `firefox`, `ffmpeg`, `readers`, `redis` or `gpu` is skipped where the
thing is absent and named at the end. With `CI=true` such a test fails instead, except for GPUs.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tools.system_packages import present


def _missing(marker: str) -> str:
    """Why tests with this marker cannot run here; empty when they can."""
    if marker == "browser":
        return "" if present("chromium") else "Chromium is not installed"
    if marker == "firefox":
        return "" if present("firefox-esr") else "Firefox is not installed"
    if marker == "ffmpeg":
        return "" if present("ffmpeg") and present("ffprobe") else "ffmpeg is not installed"
    if marker == "readers":
        there = present("mediainfo") and present("gst-discoverer-1.0")
        return "" if there else "mediainfo or GStreamer's discoverer is not installed"
    if marker == "redis":
        return "" if present("redis-server") else "no Redis or Valkey server is installed"
    return "" if Path("/dev/nvidiactl").exists() else "there is no NVIDIA GPU"


MISSING = {
    marker: reason
    for marker in ("browser", "firefox", "ffmpeg", "readers", "redis", "gpu")
    if (reason := _missing(marker))
}


settings.register_profile("no deadlines", deadline=None)  # machines are busy with something else
settings.load_profile("no deadlines")


def pytest_configure() -> None:
    """Signals are tested, and a shell's background jobs are started with some of them ignored."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _no_logging_is_left() -> Iterator[None]:
    """Commands that run within a test log to its stderr, which is closed after it."""
    root = logging.getLogger()
    level = root.level
    yield
    for handler in root.handlers[:]:
        if type(handler) is logging.StreamHandler:  # pytest's own are of other classes
            root.removeHandler(handler)
    root.setLevel(level)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, reason in MISSING.items():
        if item.get_closest_marker(marker):
            if os.environ.get("CI") == "true" and marker != "gpu":
                pytest.fail(f"{reason}, and CI=true forbids to skip", pytrace=False)
            pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for marker, reason in MISSING.items():
        skipped = [
            report.nodeid
            for report in terminalreporter.stats.get("skipped", [])
            if marker in report.keywords
        ]
        if skipped:
            terminalreporter.section(f"skipped because {reason}")
            for nodeid in skipped:
                terminalreporter.write_line(nodeid)
