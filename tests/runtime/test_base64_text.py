from __future__ import annotations

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee import base64_text


def expected(text: str) -> bytes | None:
    """None: not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def decoded(text: str) -> bytes | None:
    try:
        return base64_text.decoded(text)
    except ValueError:
        return None


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base64_text, "SLICE_CHARACTERS", 8)


@given(st.binary(max_size=100))
def test_what_was_encoded_comes_back(content: bytes) -> None:
    assert decoded(base64.b64encode(content).decode()) == content


@given(st.text(alphabet=string.ascii_letters + "0189+/=\n é", max_size=40))
def test_any_text_is_judged_as_by_the_standard_library(text: str) -> None:
    assert decoded(text) == expected(text)
