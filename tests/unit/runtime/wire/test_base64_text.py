from __future__ import annotations

import base64
import string
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.wire import base64_text

decoded = partial(base64_text.decoded, slice_characters=8)


@given(st.binary(max_size=100))
def test_what_was_encoded_comes_back(content: bytes) -> None:
    assert decoded(base64.b64encode(content).decode()) == content


@given(st.text(alphabet=string.ascii_letters + "0189+/=\n é", max_size=40))
def test_no_text_is_read_otherwise_than_by_the_standard_library(text: str) -> None:
    """Which takes more: padding after whole groups."""
    try:
        content = decoded(text)
    except ValueError:
        return
    assert content == base64.b64decode(text, validate=True)


@pytest.mark.parametrize("text", ["A", "AA", "AAA", "AA=A", "AA==AAAA", "AAAA====", "AA AA", "é"])
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"padding|character|data"):
        decoded(text)
