from __future__ import annotations

from pathlib import Path

import pytest

from matinee.router.tokens import NoToken, authorization


def test_the_first_token_of_the_file_is_brought(tmp_path: Path) -> None:
    file = tmp_path / "token"
    for text, header in (("new\nold\n", {"authorization": "Bearer new"}), (" \n", {})):
        file.write_text(text)
        assert authorization(str(file)) == header
    assert authorization(None) == {}


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    file = tmp_path / "token"
    with pytest.raises(NoToken, match=f"{file} cannot be read"):
        authorization(str(file))
    file.write_text("é")
    with pytest.raises(NoToken):
        authorization(str(file))
