from __future__ import annotations

import pytest

from matinee.cli import control


@pytest.mark.parametrize(
    ("value", "headers"),
    [("secret\n", {"authorization": "Bearer secret"}), (" \n", {}), ("", {})],
)
def test_a_token_of_the_environment_is_sent_without_its_line_s_end(
    value: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATINEE_ADMIN_TOKEN", value)
    assert control._headers() == headers
