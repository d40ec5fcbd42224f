"""What is wrong with a file, said so that a person can mend it.

    ConfigError        one or more `Problem`s; `str(error)` has one line for each

A `Problem` knows the file (or "command line"), the dotted path of the key, what is wrong and what
to do about it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from matinee_api.whole_errors import WholeError

MAX_PROBLEMS = 20
"""Of one input. What is wrong in each of thousands of entries is not told thousands of times."""
_MORE = "and more mistakes; correct these first"


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


class ConfigError(WholeError):
    """What is wrong with one input: everything, or the first `MAX_PROBLEMS` and that there are
    more. The others are not even looked for."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        first = tuple(itertools.islice(problems, MAX_PROBLEMS + 1))
        if len(first) > MAX_PROBLEMS and first[-1].message != _MORE:
            first = (*first[:MAX_PROBLEMS], Problem(_MORE))
        self.problems = first
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def found_in(self, file: str) -> ConfigError:
        return ConfigError(problem.found_in(file) for problem in self.problems)


def config_error(message: str, *, path: str = "", remedy: str = "", file: str = "") -> ConfigError:
    """The common case: one problem."""
    return ConfigError([Problem(message, path, remedy, file)])
