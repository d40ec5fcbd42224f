"""What is told at the end: one line of bounded size, and an exit code."""

from __future__ import annotations

from matinee_api.contracts.fetch import (
    DONE,
    GIVE_UP,
    TRY_AGAIN,
    FetchReason,
    FetchResult,
    TreeResult,
)
from matinee_api.plain_text import plain

RESULT_BYTES = 4000
"""Kubernetes keeps 4096 bytes of a termination message."""
_MESSAGE_CHARACTERS = (300, 200, 120, 60, 0)
_MEND_THEMSELVES: set[FetchReason] = {"SourceUnreachable", "ChecksumMismatch"}


def exit_code(result: FetchResult) -> int:
    """`TRY_AGAIN` only where another try may bring the model, or one more adapter to it."""
    model, *_ = result.trees
    if model.reason is not None and model.reason not in _MEND_THEMSELVES:
        return GIVE_UP
    if any(tree.reason in _MEND_THEMSELVES for tree in result.trees):
        return TRY_AGAIN
    return DONE


def result_line(result: FetchResult) -> str:
    """JSON of at most `RESULT_BYTES`; long messages are cut for it."""
    lines = (_with_messages_of(result, characters) for characters in _MESSAGE_CHARACTERS)
    return next(line for line in lines if len(line.encode()) <= RESULT_BYTES)


def _with_messages_of(result: FetchResult, characters: int) -> str:
    trees = tuple(
        tree.model_copy(update={"message": shortened(tree.message, characters)})
        for tree in result.trees
    )
    return FetchResult(trees=trees).model_dump_json(exclude_defaults=True)


def shortened(message: str, characters: int) -> str:
    """One line of plain text, cut where it is too long."""
    return plain(" ".join(message.split()), characters) if characters else ""


def failed(name: str, reason: FetchReason, message: str) -> TreeResult:
    return TreeResult(name=name, reason=reason, message=shortened(message, _MESSAGE_CHARACTERS[0]))
