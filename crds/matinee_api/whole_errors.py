"""Exceptions that are the same after pickle: in another process, in a pool's answer, in a copy.

Python makes an exception again by calling its class with its `args`, which fails, or tells
something else, where the class makes its sentence of facts.
"""

from __future__ import annotations

from typing import Any, TypeVar

E = TypeVar("E", bound=BaseException)


class WholeError(Exception):
    """Root of trees whose classes take whatever they need."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, vars(self))


def _again(kind: type[E], args: tuple[object, ...], facts: dict[str, object]) -> E:
    error = kind.__new__(kind)
    error.args = args
    vars(error).update(facts)
    return error
