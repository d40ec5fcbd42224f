from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matinee.serving.multipart import MOST_HEAD_BYTES, FormReader, Malformed, Part

FORM_TYPE = "multipart/form-data; boundary=----b"
FORM = (
    b"------b\r\n"
    b'Content-Disposition: form-data; name="prompt"\r\n\r\n'
    b"a ball\r\n"
    b"------b\r\n"
    b'Content-Disposition: form-data; name="input_reference"; filename="a \\"b.png"\r\n'
    b"Content-Type: image/png\r\n\r\n"
    b"\x89PNG\r\n--not a boundary\r\n------\r\n"
    b"\r\n------b\r\n"
    b'content-disposition: form-data; name="empty"\r\n\r\n'
    b"\r\n------b--\r\nwhatever follows"
)
PARTS = [
    (Part("prompt"), b"a ball"),
    (Part("input_reference", 'a "b.png'), b"\x89PNG\r\n--not a boundary\r\n------\r\n"),
    (Part("empty"), b""),
]


def read(pieces: list[bytes], content_type: str = FORM_TYPE) -> list[tuple[Part, bytes]]:
    reader, parts = FormReader(content_type), list[tuple[Part, bytes]]()
    for piece in pieces:
        for got in reader.feed(piece):
            if isinstance(got, Part):
                parts.append((got, b""))
            else:
                part, before = parts.pop()
                parts.append((part, before + got))
    assert reader.complete
    return parts


@given(st.lists(st.integers(0, len(FORM)), max_size=12))
def test_a_form_is_read_alike_however_it_arrives(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(FORM)]
    pieces = [FORM[begin:end] for begin, end in itertools.pairwise(edges)]
    assert read(pieces) == PARTS


def test_it_is_read_byte_by_byte_too() -> None:
    assert read([FORM[index : index + 1] for index in range(len(FORM))]) == PARTS


@given(st.binary(max_size=300))
def test_nonsense_is_refused_or_read_but_never_a_mistake_of_ours(data: bytes) -> None:
    reader = FormReader(FORM_TYPE)
    try:
        for _ in reader.feed(b"------b" + data):
            pass
    except Malformed:
        pass


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (b"------b or so", "line's end"),
        (b"------b\r\nContent-Type: text/plain\r\n\r\n", "no name"),
        (b"------b\r\n" + b"a" * MOST_HEAD_BYTES, "head of a part"),
    ],
)
def test_what_is_no_form_is_refused_in_words(form: bytes, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        list(FormReader(FORM_TYPE).feed(form))


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", 'multipart/form-data; boundary=""'],
)
def test_a_form_needs_a_boundary(content_type: str) -> None:
    with pytest.raises(Malformed, match="boundary"):
        FormReader(content_type)


def test_a_boundary_may_be_quoted() -> None:
    assert read([FORM], 'multipart/form-data; charset=utf-8; Boundary="----b"') == PARTS


def test_what_ends_early_is_not_complete() -> None:
    reader = FormReader(FORM_TYPE)
    list(reader.feed(FORM[:-30]))
    assert not reader.complete
