from __future__ import annotations

import pytest

from matinee.serving.access import may_drain, origin_allowed

PAGE = "https://tv.example"


@pytest.mark.parametrize(
    ("origin", "host", "allowed", "answer"),
    [
        (None, "tv.example", (), True),
        (None, None, (), True),
        (PAGE, "tv.example", (), True),
        ("https://TV.example", "tv.Example", (), True),
        (PAGE, "tv.example:8000", (), False),
        (PAGE, "other.example", (), False),
        (PAGE, "other.example", (PAGE,), True),
        (PAGE, "other.example", ("*",), True),
        (PAGE, None, (), False),
        ("null", "tv.example", (), False),
        ("null", "", (), False),
        ("", "", (), False),
        ("http://[::1", "[::1", (), False),
        ("http://[::1]:8000", "[::1]:8000", (), True),
    ],
)
def test_pages_of_this_host_and_of_allowed_origins_may_stream(
    origin: str | None, host: str | None, allowed: tuple[str, ...], answer: bool
) -> None:
    assert origin_allowed(origin, host, allowed) is answer


@pytest.mark.parametrize(
    ("token", "authorization", "client", "answer"),
    [
        (None, None, "127.0.0.1", True),
        (None, None, "127.9.9.9", True),
        (None, None, "::1", True),
        (None, None, "::ffff:127.0.0.1", True),
        (None, None, "::ffff:10.0.0.7", False),
        (None, None, "10.0.0.7", False),
        (None, "Bearer anything", "10.0.0.7", False),
        (None, None, None, False),
        (None, None, "localhost", False),
        ("secret", "Bearer secret", "10.0.0.7", True),
        ("secret", None, "127.0.0.1", False),
        ("secret", "secret", "127.0.0.1", False),
        ("secret", "Bearer Secret", "127.0.0.1", False),
        ("secret", "Bearer é", "127.0.0.1", False),
    ],
)
def test_draining_needs_the_token_or_where_there_is_none_this_machine(
    token: str | None, authorization: str | None, client: str | None, answer: bool
) -> None:
    assert may_drain(token, authorization, client) is answer
