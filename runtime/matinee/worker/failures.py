"""What a failure of the model is called where people read it."""

from __future__ import annotations

from matinee.errors import MatineeError


def failure_message(error: Exception) -> str:
    """A sentence for people: of errors that are not ours only the kind, never the text."""
    if isinstance(error, MatineeError):
        return str(error)
    # By name, because this module must not import torch.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "not enough memory for this segment: ask for fewer frames or a smaller picture"
    return f"the model failed on this segment ({type(error).__name__}); see the worker's log"
