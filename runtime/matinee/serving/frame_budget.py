"""How many frames a client may send, and which of them count. Pure.

A frame costs the server the same whether it is empty or not, and a million empty ones fit into the
bytes of one picture.
"""

from __future__ import annotations

from matinee.serving.allowance import Allowance

BURST_S = 2.0
"""So many seconds' frames may come at once."""
LONG_PART_BYTES = 1024
"""Parts of a message that do not count as frames: its bytes are bounded already."""


def frame_budget(per_second: float, at: float) -> Allowance:
    """What is spent beyond it is the client's end."""
    return Allowance(per_second, per_second * BURST_S, at)


def counts(*, continues: bool, nbytes: int) -> bool:
    """Whether a frame counts. `continues`: it is a later part of a message."""
    return not continues or nbytes < LONG_PART_BYTES


def too_many(per_second: float) -> str:
    """The reason of the close."""
    return f"too many frames: {per_second:g} a second are allowed"
