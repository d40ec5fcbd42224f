"""What a viewer says before it has a backend, bounded for each and for all. Pure."""

from __future__ import annotations

from matinee.serving.byte_budget import ByteBudget, OverBudget

FREE_BYTES = 64 * 1024
"""What a viewer may say without a share of what all may hold."""
JOINED_BYTES = 4096
"""Pieces up to so many become one: a byte at a time would take forty times its memory."""


class Early:
    """`pieces`: as they came."""

    __slots__ = ("_most_bytes", "_share", "nbytes", "pieces")

    def __init__(self, budget: ByteBudget, most_bytes: int) -> None:
        self.pieces: list[bytes] = []
        self.nbytes = 0
        self._most_bytes = most_bytes
        self._share = budget.share()

    def hold(self, data: bytes) -> bool:
        """False when nothing more should be read: the rest stays in the viewer's socket."""
        if self.pieces and len(self.pieces[-1]) + len(data) <= JOINED_BYTES:
            self.pieces[-1] += data
        else:
            self.pieces.append(data)
        self.nbytes += len(data)
        if self.nbytes <= FREE_BYTES:
            return True
        try:
            self._share.hold(self.nbytes)
        except OverBudget:
            return False
        return self.nbytes <= self._most_bytes

    def take(self) -> list[bytes]:
        """All of it, for a backend. It counts until it is forgotten: when that has read it."""
        pieces, self.pieces, self.nbytes = self.pieces, [], 0
        return pieces

    def forget(self) -> None:
        """A second time changes nothing."""
        self.take()
        self._share.hold(0)
