"""Why there are no pixels."""

from __future__ import annotations

from matinee.errors import MatineeError


class PictureRefused(MatineeError):
    """The picture is at fault; the message is a sentence without a field's name. `index`: which
    one it is of several."""

    def __init__(self, problem: str, index: int = 0) -> None:
        super().__init__(problem)
        self.index = index


class DecodingUnavailable(MatineeError):
    """Nothing is decoded now: the server is ending, or no process can be started."""
