from __future__ import annotations

import pytest

from matinee.serving.public_addresses import LONGEST_URL, UrlRefused, is_allowed, target_of

PUBLIC = (
    *("93.184.216.34", "8.8.8.8", "1.1.1.1", "2606:4700::1111", "2a00:1450:4001::200e"),
    *("::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"),
)
ELSEWHERE = (
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1"),  # noqa: S104
    *("172.31.255.255", "192.168.1.1", "169.254.1.1", "100.64.0.1", "192.0.0.1", "198.18.0.1"),
    *("192.0.2.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1"),
    *("2001:db8::1", "::ffff:127.0.0.1", "::ffff:a00:1", "::127.0.0.1", "::ffff:0:127.0.0.1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::808:808", "2002:7f00:1::"),
    *("2002:a9fe:a9fe::1", "2001:0:808:808::f5ff:fffe", "2606:4700::5efe:7f00:1"),
    *("2606:4700::200:5efe:a00:1", "localhost", "", "127.1", "0x7f.1"),
)
METADATA = (
    *("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"),
    *("::ffff:169.254.169.254", "64:ff9b::a83f:8110"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(address)


@pytest.mark.parametrize("address", [*ELSEWHERE, *METADATA])
def test_no_other_address_is(address: str) -> None:
    assert not is_allowed(address)


def test_networks_that_are_configured_are_allowed_too_but_never_the_metadata() -> None:
    networks = ("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "fd00::/8", "168.63.0.0/16")
    for address in ("10.1.2.3", "127.0.0.1", "::ffff:10.1.2.3", "fd12::1", "169.254.1.1"):
        assert is_allowed(address, networks)
    for address in (*METADATA, "192.168.1.1", "::1"):
        assert not is_allowed(address, networks)


@pytest.mark.parametrize(
    "url",
    [
        *("file:///etc/passwd", "FILE:///etc/passwd", "ftp://a.example/", "gopher://a.example:70/"),
        *("data:image/png;base64,AAAA", "jar:http://a.example!/", "/etc/passwd", "a.png", ""),
        *("http://", "http:///a.png", "https://:443/", "//a.example/a.png", "http:a.example"),
        *("http://user@a.example/", "http://user:word@a.example/", "http://a.example@10.0.0.1/"),
        *("http://a.example\\@10.0.0.1/", "http://a.example/\r\nHost: b", "http://a.example/ b"),
        *("http://a.example:22/", "http://a.example:25/", "http://a.example:99999/"),
        *("http://a.example:-1/", "http://[::1/", "http://[::1%25eth0]/", "http://é.example/"),
        *(
            "http://a.example/é",
            "http://①②⑦.0.0.1/",
            "http://a\x00.example/",
            "http://a_!.example/",
        ),
        "http://a.example/" + "a" * LONGEST_URL,
    ],
)
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        target_of(url)


def test_a_plain_url_is_taken_apart() -> None:
    target = target_of("https://A.example:8443/a/b.png?c=d#e")
    assert (target.host, target.port, target.path) == ("a.example", 8443, "/a/b.png?c=d")
    assert target.origin == "https://A.example:8443"
    assert target_of("http://[2606:4700::1111]").port == 80
    assert target_of("https://a.example").path == "/"
