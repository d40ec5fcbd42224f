"""Keeps diffusers and transformers from writing what nobody can act on, and tqdm from leaving files
in /dev/shm."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

import diffusers.utils.logging as diffusers_logging
import transformers.utils.logging as transformers_logging
from tqdm import tqdm  # type: ignore[import-untyped]

# For bars of several processes at once, tqdm's own lock holds a named semaphore, which stays in
# /dev/shm when the worker is killed. Ours belong to one process.
tqdm.set_lock(threading.RLock())


@contextlib.contextmanager
def without_progress_bars() -> Iterator[None]:
    """No bars while weights load; the process-wide switches are put back."""
    switches = [diffusers_logging, transformers_logging]
    active = [switch for switch in switches if switch.is_progress_bar_enabled()]
    for switch in active:
        switch.disable_progress_bar()
    try:
        yield
    finally:
        for switch in active:
            switch.enable_progress_bar()


class _DropMessages(logging.Filter):
    def __init__(self, beginning: str) -> None:
        super().__init__()
        self.beginning = beginning

    def filter(self, record: logging.LogRecord) -> bool:
        return not record.getMessage().startswith(self.beginning)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _DropMessages) and self.beginning == other.beginning

    def __hash__(self) -> int:
        return hash(self.beginning)


def log_through_root() -> None:
    """Let both libraries log as this process does, not in a format of their own."""
    for library in (diffusers_logging, transformers_logging):
        library.disable_default_handler()
        library.enable_propagation()


def drop_messages(logger_name: str, beginning: str) -> None:
    """Drop one logger's messages that begin so. Doing it twice changes nothing."""
    # Logger.addFilter leaves out a filter that equals a present one.
    logging.getLogger(logger_name).addFilter(_DropMessages(beginning))
