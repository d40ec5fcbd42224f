"""Errors that Matinee raises on purpose.

    MatineeError
    ├── BadInput               the caller can fix it: exit code 2, `invalid_message` on the wire
    │   ├── InvalidRequest     a field of a generation request is out of range
    │   └── InvalidState       a continuation state that this model cannot take up
    ├── ModelUnavailable       weights missing, unreadable or of an unknown family
    │   └── DoesNotFit         they take more memory than there is
    ├── GenerationCancelled    a cancel was seen between two denoising steps
    ├── WorkerFailed           the worker process died, hung or could not generate
    ├── StoreUnavailable       whatever the medium of a store did
    └── LeaseLost              another holder has claimed the session since

Attributes carry the facts; `str(error)` is a sentence for people and never holds internals.
All survive pickle with both.
A wrong key or value in a configuration file is `matinee_api.ConfigError`.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Self

from matinee_api.whole_errors import WholeError


class MatineeError(WholeError):
    """Root of everything raised here on purpose."""


class BadInput(MatineeError):
    """Something the caller sent is wrong.

    `param` names the field and `problem` says what is wrong with it. `joint` stands between them in
    the sentence; None where the problem is a sentence by itself.
    """

    def __init__(self, param: str, problem: str, *, joint: str | None = " ") -> None:
        self.param = param
        self.problem = problem
        self.joint = joint if param else None

    def __str__(self) -> str:
        if self.joint is None:
            return self.problem
        return f"{self.param}{self.joint}{self.problem}"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), str(self)))

    def renamed(self, names: Mapping[str, str]) -> Self:
        """The same error in the words of the person who typed: `names` has a flag, or the key of a
        file, for some fields. Of a part of such a field the whole sentence is told."""
        field, _, part = self.param.partition(".")
        name = names.get(field)
        if name is None:
            return self
        error = copy.copy(self)
        error.param, error.joint = name, ": " if part else self.joint or ": "
        error.problem = str(self) if part else self.problem
        return error


class InvalidRequest(BadInput):
    """A field of a generation request is out of range."""


class InvalidState(BadInput):
    """A continuation state is malformed or belongs to another model, size or version."""

    def __init__(self, problem: str) -> None:
        super().__init__("continuation_state", problem, joint=None)


class ModelUnavailable(MatineeError):
    """The model cannot be loaded; the message says what is missing and the remedy."""


class DoesNotFit(ModelUnavailable):
    """The weights take more memory than there is; the message says how much is missing and what
    would help."""


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
