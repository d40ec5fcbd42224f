from __future__ import annotations

import pytest

from matinee.weights.fetch.errors import FetchFailed
from matinee.weights.fetch.hub import Hub
from matinee.weights.fetch.s3 import Bucket
from matinee.weights.fetch.sources import source_of
from matinee_api.contracts.fetch import FetchedTree


def tree(uri: str) -> FetchedTree:
    return FetchedTree(name="model", kind="model", uri=uri, folder="/cache/model")


@pytest.mark.parametrize(
    ("uri", "kind"), [("hf:o/n", Hub), ("hf://o/n", Hub), ("s3://bucket/folder", Bucket)]
)
def test_the_scheme_tells_the_source(uri: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")  # else the machine is asked for its role
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert isinstance(source_of(tree(uri)), kind)


@pytest.mark.parametrize("uri", ["oci://registry/name:tag", "ftp://x", "x"])
def test_other_schemes_are_not_supported_yet(uri: str) -> None:
    with pytest.raises(FetchFailed, match="use hf:, s3:, pvc: or file:") as caught:
        source_of(tree(uri))
    assert caught.value.reason == "SourceUnsupported"
