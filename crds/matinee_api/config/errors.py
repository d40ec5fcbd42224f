"""What is wrong with a file, said so that a person can mend it.

    ConfigError        one or more `Problem`s; `str(error)` has one line for each

A `Problem` knows the file (or "command line"), the dotted path of the key, what is wrong and what
to do about it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `path` is empty when it is about the file as a whole."""

    message: str
    path: str = ""
    remedy: str = ""
    file: str = ""

    def __str__(self) -> str:
        where = [part for part in (self.file, self.path) if part]
        sentence = f"{self.message}; {self.remedy}" if self.remedy else self.message
        return ": ".join([*where, sentence])

    def within(self, prefix: str) -> Problem:
        """The same problem, seen from outside: `prefix` goes before the path."""
        return dataclasses.replace(self, path=f"{prefix}: {self.path}" if self.path else prefix)

    def found_in(self, file: str) -> Problem:
        return dataclasses.replace(self, file=file)


class ConfigError(Exception):
    """Everything that is wrong with one input."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def found_in(self, file: str) -> ConfigError:
        return ConfigError(problem.found_in(file) for problem in self.problems)


def config_error(message: str, *, path: str = "", remedy: str = "", file: str = "") -> ConfigError:
    """The common case: one problem."""
    return ConfigError([Problem(message, path, remedy, file)])
