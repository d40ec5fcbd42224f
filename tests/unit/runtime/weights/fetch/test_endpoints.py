from __future__ import annotations

import pytest

from matinee.weights.fetch.endpoints import checked_endpoint
from matinee.weights.fetch.errors import FetchFailed

GOOD = [
    *("https://s3.example.com", "http://127.0.0.1:9000", "HTTP://minio.storage.svc:9000"),
    *("http://[::1]:9000", "https://under_score.example.com:443"),
]


@pytest.mark.parametrize("endpoint", GOOD)
def test_the_address_of_a_server_is_taken(endpoint: str) -> None:
    assert checked_endpoint(f"{endpoint}/", "endpoint", path=False) == endpoint


def test_a_hub_may_lie_below_a_path() -> None:
    for url in ("https://mirror.example.com/hf", "https://mirror.example.com/@hf/x"):
        assert checked_endpoint(f"{url}/", "endpoint", path=True) == url


BAD = {
    "127.0.0.1:9000": "begin with http:// or https://; write http://127.0.0.1:9000",
    "s3.example.com": "begin with http:// or https://; write https://s3.example.com",
    "localhost": "begin with http:// or https://; write https://localhost",
    "//s3.example.com": "begin with http:// or https://",
    "http:/s3.example.com": "begin with http:// or https://",
    "": "begin with http:// or https://",
    "s3://bucket": "is no address of a server: s3://bucket; write one such as https://",
    "http://": "is no address of a server",
    "http://:9000": "is no address of a server",
    "http://a:0": "is no address of a server",
    "http://a:99999": "is no address: ",
    "http://a:b": "is no address of a server",
    "http://[::1": "is no address: ",
    "http://a b": "is no address of a server",
    "http://a?x=1": "is no address of a server",
    "http://a#x": "is no address of a server",
    "http://a/\n": "is no address of a server",
    "http://127.0.0.1:9000/s3": "write http://127.0.0.1:9000 if it answers there",
    "https://s3.example.com/bucket/": "write https://s3.example.com if",
    "http://anna:hunter2@s3.example.com": "must hold no name and no password",
    "anna:hunter2@s3.example.com": "must hold no name and no password",
    "https:/anna:hunter2@s3.example.com": "must hold no name and no password",
    "https:anna:hunter2@s3.example.com": "must hold no name and no password",
    "//anna:hunter2@s3.example.com": "must hold no name and no password",
    "https://a?X-Amz-Signature=hunter2": "is no address of a server: https://a; write",
    "a:9000/#hunter2": "begin with http:// or https://; write http://a:9000/",
}


@pytest.mark.parametrize("endpoint", BAD)
def test_anything_else_is_told_with_the_right_form(endpoint: str) -> None:
    with pytest.raises(FetchFailed) as caught:
        checked_endpoint(endpoint, "endpoint", path=False)
    assert caught.value.reason == "SourceUnsupported"
    assert str(caught.value).startswith("endpoint ")
    assert BAD[endpoint] in str(caught.value)
    assert "hunter2" not in str(caught.value)
