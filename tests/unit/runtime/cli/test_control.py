from __future__ import annotations

import pytest

from matinee.cli import control, drain
from matinee.errors import BadInput


@pytest.mark.parametrize(
    ("value", "headers"),
    [("secret\n", {"authorization": "Bearer secret"}), (" \n", {}), ("", {})],
)
def test_a_token_of_the_environment_is_sent_without_its_line_s_end(
    value: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATINEE_ADMIN_TOKEN", value)
    assert control._headers() == headers


@pytest.mark.parametrize(
    "url", ["http://me:hidden@127.0.0.1:9000", "https://hidden@host/", "//hidden@x"]
)
def test_a_password_in_an_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(BadInput, match="MATINEE_ADMIN_TOKEN") as refused:
        control.ask(url, "/v1/sessions")
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:9000", "ftp://host", "http://", "http:///v1", "http://[::1"]
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(BadInput, match=r"^URL"):
        control.ask(url, "/v1/sessions")


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1, 86401])
def test_a_deadline_that_no_server_takes_is_refused_here(seconds: float) -> None:
    with pytest.raises(BadInput, match="--deadline must be 0 to 86400 seconds"):
        drain._order(seconds)
