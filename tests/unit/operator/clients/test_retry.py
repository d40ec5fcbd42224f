from __future__ import annotations

import pytest

from matinee_operator.clients.retry import Retry, until_available
from matinee_operator.errors import NotFound, OperatorError, Unavailable


def test_a_success_starts_the_pauses_anew() -> None:
    retry = Retry(first_s=0.2, longest_s=60.0)
    assert [retry.failed() for _ in range(3)] == [0.2, 0.4, 0.8]
    retry.reset()
    assert retry.failed() == 0.2


class Server:
    """Answers what it was given, in order."""

    def __init__(self, *answers: OperatorError | str) -> None:
        self._answers = list(answers)

    async def __call__(self) -> str:
        answer = self._answers.pop(0)
        if isinstance(answer, OperatorError):
            raise answer
        return answer


async def test_a_server_is_asked_until_it_answers() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    busy = Unavailable(503, "ServiceUnavailable", "starting")
    assert await until_available(Server(busy, busy, busy, "yes"), sleep) == "yes"
    assert waited == [0.5, 1.0, 2.0]


async def test_an_answer_that_will_not_change_is_not_asked_for_again() -> None:
    with pytest.raises(NotFound):
        await until_available(Server(NotFound(404, "NotFound", "no such kind")))
