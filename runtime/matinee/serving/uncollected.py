"""What stays need not be searched for garbage again and again."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """What modules make stays, and there is more of it each time that Python looks through it: that
    takes a quarter of the time in which torch and diffusers are imported."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def spare_collections_what_stays() -> None:
    """A full collection looked at every module, class and route again: 20 to 30 ms on the event
    loop, again and again. What is there before the first viewer stays anyway."""
    gc.collect()
    gc.freeze()
