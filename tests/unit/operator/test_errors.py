from __future__ import annotations

import pytest

from matinee_operator.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    NotFound,
    Refused,
    Unavailable,
    api_error,
    with_remedy,
)

ANSWERS: dict[str, tuple[int, str, str, type[ApiError]]] = {
    "gone": (404, "NotFound", "", NotFound),
    "there already": (409, "AlreadyExists", "", AlreadyExists),
    "somebody was faster": (409, "Conflict", "", Conflict),
    "another object of that name": (422, "Invalid", "metadata.uid: Invalid value: x", Conflict),
    "not valid": (422, "Invalid", "spec.replicas: Invalid value", Refused),
    "not allowed": (403, "Forbidden", "exceeded quota", Refused),
    "too many requests": (429, "TooManyRequests", "", Unavailable),
    "broken": (500, "InternalError", "", Unavailable),
    "no answer": (0, "TimeoutError", "", Unavailable),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_answers_are_errors_of_a_kind(case: str) -> None:
    status, reason, message, kind = ANSWERS[case]
    assert type(api_error(status, reason, message)) is kind


def test_an_error_says_everything_in_one_line() -> None:
    assert str(api_error(403, "Forbidden", "exceeded quota")) == "403 Forbidden: exceeded quota"


REMEDIES = {
    "failed quota: q: must specify limits.cpu for: runtime": "; set pod.limits",
    'RuntimeClass "nvidia" not found': "; correct scheduling.runtimeClassName",
    "exceeded quota: q, requested: pods=1": "",
}


@pytest.mark.parametrize("message", REMEDIES)
def test_a_refusal_names_the_key_that_helps(message: str) -> None:
    assert with_remedy(message) == message + REMEDIES[message]
