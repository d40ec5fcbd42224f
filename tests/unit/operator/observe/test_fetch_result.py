from __future__ import annotations

import pytest

from matinee_operator.observe.fetch_result import fetch_result, first_failure

ONE = '{"trees":[{"name":"model","commit":"c","bytes":1}]}'
TWO = '{"trees":[{"name":"model"},{"name":"a","reason":"NoSpace","message":"full"}]}'


def test_the_last_line_is_what_counts() -> None:
    result = fetch_result(f"a warning\n{ONE}\n")
    assert result is not None
    assert (result.trees[0].commit, result.trees[0].bytes) == ("c", 1)


def test_a_newer_runtime_may_say_more() -> None:
    assert fetch_result('{"trees":[{"name":"model","speed":7}],"took":1}') is not None


@pytest.mark.parametrize(
    "message",
    [
        *("", "Traceback", "[]", '{"trees":1}', ONE[:-4], "[" * 4096),
        *('{"trees":[{"name":"model","bytes":-1}]}', '{"trees":[{"name":"model","bytes":1e30}]}'),
        '{"trees":[{"name":"model","bytes":%s}]}' % ("9" * 3000),
        '{"trees":[{"name":"model","commit":"../../x"}]}',
        '{"trees":[{"name":"model","commit":"%s"}]}' % ("a" * 65),
    ],
)
def test_anything_else_is_no_result(message: str) -> None:
    assert fetch_result(message) is None
    assert first_failure(message) is None


def test_the_first_failure() -> None:
    failure = first_failure(TWO)
    assert failure is not None
    assert (failure.name, failure.reason) == ("a", "NoSpace")
    assert first_failure(ONE) is None
