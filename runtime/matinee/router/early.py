"""What a viewer says before it has a backend, bounded for each and for all. Pure."""

from __future__ import annotations

from matinee.serving.byte_budget import ByteBudget, OverBudget

FREE_BYTES = 64 * 1024
"""What a viewer may say without a share of what all may hold."""


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
        """All of it; then nothing is held any more."""
        pieces, self.pieces, self.nbytes = self.pieces, [], 0
        self._share.hold(0)
        return pieces
