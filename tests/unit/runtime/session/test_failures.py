from __future__ import annotations

import pytest

from matinee.session.failures import Failures, error_of
from matinee.wire import server_messages as say
from matinee.worker.messages import Cause
from tests.unit.runtime.session.making import failed


@pytest.mark.parametrize(
    ("cause", "error"),
    [
        (Cause.REQUEST, say.Error("invalid_message", "no", True, "r1", "prompt")),
        (Cause.SEGMENT, say.Error("worker_failed", "no", False, "r1")),
        (Cause.DEADLY, say.Error("worker_failed", "no", False, "r1")),
        (Cause.NO_WORKER, say.Error("worker_failed", "no", True, "r1")),
    ],
)
def test_the_error_names_the_request_and_says_whether_to_try_again(
    cause: Cause, error: say.Error
) -> None:
    assert error_of(failed(cause), "r1") == error


def test_the_session_goes_on_while_there_is_a_worker_and_one_at_most_died_of_it() -> None:
    failures = Failures()
    causes = [Cause.REQUEST, Cause.SEGMENT, Cause.DEADLY, Cause.SEGMENT, Cause.REQUEST]
    assert [failures.end_after(failed(cause)) for cause in causes] == [None] * 5
    assert failures.end_after(failed(Cause.DEADLY)) is not None
    assert Failures().end_after(failed(Cause.NO_WORKER)) is not None
