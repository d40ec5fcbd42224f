"""Errors that Matinee raises on purpose.

    MatineeError
    ├── BadInput               the caller can fix it: exit code 2, `invalid_message` on the wire
    │   ├── InvalidRequest     a field of a generation request is out of range
    │   └── InvalidState       a continuation state that this model cannot take up
    ├── ModelUnavailable       weights missing, unreadable or of an unknown family
    ├── GenerationCancelled    a cancel was seen between two denoising steps
    ├── WorkerFailed           the worker process died, hung or could not generate
    ├── StoreUnavailable       whatever the medium of a store did
    └── LeaseLost              another holder has claimed the session since

Attributes carry the facts; `str(error)` is a sentence for people and never holds internals.
A wrong key or value in a configuration file is `matinee_api.ConfigError`.
"""

from __future__ import annotations


class MatineeError(Exception):
    """Root of everything raised here on purpose."""


class BadInput(MatineeError):
    """Something the caller sent is wrong; `param` names the field."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param


class InvalidRequest(BadInput):
    """A field of a generation request is out of range."""


class InvalidState(BadInput):
    """A continuation state is malformed or belongs to another model, size or version."""

    def __init__(self, message: str) -> None:
        super().__init__("continuation_state", message)


class ModelUnavailable(MatineeError):
    """The model cannot be loaded; the message says what is missing and the remedy."""


class GenerationCancelled(MatineeError):
    """Raised out of a step callback; `steps_done` denoising steps had been made."""

    def __init__(self, steps_done: int) -> None:
        super().__init__(f"cancelled after {steps_done} steps")
        self.steps_done = steps_done


class WorkerFailed(MatineeError):
    """The worker process died, hung, or reported that a segment cannot be made."""


class StoreUnavailable(MatineeError):
    """A store could not be read or written. A session goes on without it."""


class LeaseLost(MatineeError):
    """A save came too late: `holder` has claimed the session since; empty when it was given up."""

    def __init__(self, session_id: str, holder: str) -> None:
        super().__init__(session_id, holder)
        self.session_id = session_id
        self.holder = holder

    def __str__(self) -> str:
        by = f"{self.holder} has claimed it" if self.holder else "it was given up"
        return f"session {self.session_id} is no longer ours to save: {by}"
