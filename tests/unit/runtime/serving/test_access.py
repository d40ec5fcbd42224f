from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

import pytest

from matinee.errors import BadInput
from matinee.serving.access import ControlAccess


def status(access: ControlAccess, authorization: str | None, caller: str | None) -> int:
    headers = {} if authorization is None else {"authorization": authorization}
    refusal = access.refusal(headers, caller)
    return HTTPStatus.OK if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("token", "authorization", "caller", "answer"),
    [
        (None, None, "127.0.0.1", 200),
        (None, None, "127.9.9.9", 200),
        (None, None, "::1", 200),
        (None, None, "::ffff:127.0.0.1", 200),
        (None, None, "::ffff:10.0.0.7", 403),
        (None, None, "10.0.0.7", 403),
        (None, "Bearer anything", "10.0.0.7", 403),
        (None, None, None, 403),
        (None, None, "localhost", 403),
        ("secret", "Bearer secret", "10.0.0.7", 200),
        ("secret", "bearer secret", "10.0.0.7", 200),
        ("secret", None, "127.0.0.1", 401),
        ("secret", "", "127.0.0.1", 401),
        ("secret", "Bearer ", "127.0.0.1", 401),
        ("secret", "secret", "127.0.0.1", 401),
        ("secret", "Basic secret", "127.0.0.1", 401),
        ("secret", "Bearer Secret", "127.0.0.1", 401),
        ("secret", "Bearer secret ", "127.0.0.1", 401),
        ("secret", "Bearer \xe9", "127.0.0.1", 401),
        ("s\u00e9cret", "Bearer s\xc3\xa9cret", "127.0.0.1", 200),
        ("secret\n", "Bearer secret", "10.0.0.7", 200),
        ("s\udcff", "Bearer s\xff", "10.0.0.7", 200),
        (" \n", "Bearer ", "127.0.0.1", 401),
    ],
)
def test_control_needs_the_token_or_where_there_is_none_this_machine(
    token: str | None, authorization: str | None, caller: str | None, answer: int
) -> None:
    assert status(ControlAccess(token), authorization, caller) == answer


def test_without_a_token_a_port_that_others_reach_is_closed_to_all_and_says_what_to_set() -> None:
    refusal = ControlAccess(private=False).refusal({}, "127.0.0.1")
    assert refusal is not None
    assert refusal.status == 403
    assert "server.control_token_file" in refusal.reason


@pytest.mark.parametrize(("site", "answer"), [("none", True), ("same-origin", True)])
@pytest.mark.parametrize("other", ["cross-site", "same-site", "?"])
def test_pages_of_other_sites_are_refused_whatever_they_ask(
    site: str, answer: bool, other: str
) -> None:
    access = ControlAccess()
    assert (access.refusal({"sec-fetch-site": site}, "::1") is None) is answer
    assert access.refusal({"sec-fetch-site": other}, "::1") is not None


def test_a_token_for_the_metrics_opens_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "metrics"
    file.write_text("numbers")
    access = ControlAccess("all", metrics_file=file)
    for given, everything, metrics in (("all", 200, 200), ("numbers", 401, 200), ("no", 401, 401)):
        headers = {"authorization": f"Bearer {given}"}
        refusals = [ask(headers, "::1") for ask in (access.refusal, access.metrics_refusal)]
        told = [200 if refusal is None else refusal.status for refusal in refusals]
        assert told == [everything, metrics]
    other_page = {"authorization": "Bearer numbers", "sec-fetch-site": "cross-site"}
    assert access.metrics_refusal(other_page, "::1") is not None
    assert ControlAccess("all").metrics_refusal({}, "::1") is not None


def test_a_token_file_is_read_again_and_may_hold_the_old_token_and_the_new_one(
    tmp_path: Path,
) -> None:
    file = tmp_path / "token"
    access = ControlAccess("fixed", file)

    def fitting() -> list[str]:
        known = ("fixed", "old", "new")
        return [one for one in known if status(access, f"Bearer {one}", "10.0.0.7") == 200]

    file.write_text("old\n")
    access.check()
    assert fitting() == ["fixed", "old"]
    file.write_text("  old\r\n\n new")
    assert fitting() == ["fixed", "old", "new"]
    file.write_text("new\n")
    assert fitting() == ["fixed", "new"]
    file.unlink()
    assert fitting() == ["fixed"]


@pytest.mark.parametrize("text", [None, "", " \n\n"])
def test_a_file_without_a_token_lets_nobody_in_and_is_told_at_the_start(
    tmp_path: Path, text: str | None
) -> None:
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text)
    access = ControlAccess(token_file=file)
    assert status(access, "Bearer ", "127.0.0.1") == 401
    with pytest.raises(BadInput, match="holds no token"):
        access.check()
