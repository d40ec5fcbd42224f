from __future__ import annotations

import pytest

from matinee.serving.names import authority_of, host_refusal, origin_allowed

PAGE = "https://tv.example"
OWN = ("tv.example", "*.wild.example", "mybox", "Mixed.Example.")

HOSTS = {
    # addresses: pods are reached by them
    "10.0.0.7:8000": 200,
    "127.0.0.1": 200,
    "[::1]:8000": 200,
    "[FD00::7]": 200,
    "[::ffff:10.0.0.7]:80": 200,
    "169.254.169.254": 200,
    # loopback's names
    "localhost:8000": 200,
    "LOCALHOST.": 200,
    "player.localhost": 200,
    # our own
    "tv.example": 200,
    "TV.Example.:443": 200,
    "mybox:8000": 200,
    "mixed.example": 200,
    "a.wild.example": 200,
    "a.b.wild.example": 200,
    " tv.example ": 200,
    "tv.example:": 200,
    # strangers
    "evil.example": 421,
    "evil.example:8000": 421,
    "wild.example": 421,
    "awild.example": 421,
    "tv.example.evil.example": 421,
    "localhost.evil.example": 421,
    "notlocalhost": 421,
    "127.0.0.1.evil.example": 421,
    "10.0.0.7.nip.io": 421,
    "0x7f000001": 421,
    "xn--tv-example-": 421,
    # no hosts at all
    "": 400,
    ":8000": 400,
    "tv.example:x": 400,
    "tv.example:65536": 400,
    "tv.example:80:80": 400,
    "tv..example": 400,
    ".": 400,
    "evil@tv.example": 400,
    "tv.example/": 400,
    "tv.example, evil.example": 400,
    "tv example": 400,
    "127.1": 400,
    "2130706433": 400,
    "1.2.3.4.5": 400,
    "256.0.0.1": 400,
    "::1": 400,
    "[::1": 400,
    "[::g]": 400,
    "[fe80::1%eth0]": 400,
    "[127.0.0.1]": 400,
    "tv.ex\xe4mple": 400,
    "tv.example\x00": 400,
    "a" * 255: 400,
}


def test_only_addresses_and_names_of_ours_are_answered() -> None:
    refusals = {host: host_refusal([host], "1.1", OWN) for host in HOSTS}
    assert {host: one.status if one else 200 for host, one in refusals.items()} == HOSTS


def test_any_name_is_ours_where_that_is_configured_but_nonsense_is_not() -> None:
    assert host_refusal(["evil.example"], "1.1", ("*",)) is None
    assert host_refusal(["evil@example"], "1.1", ("*",)) is not None


@pytest.mark.parametrize(
    ("hosts", "version", "answer"),
    [
        ([], "1.0", 200),
        ([], "1.1", 400),
        (["evil.example"], "1.0", 421),
        (["tv.example", "tv.example"], "1.1", 400),
        (["tv.example", "evil.example"], "1.0", 400),
    ],
)
def test_there_is_one_host_and_only_http_1_0_may_leave_it_out(
    hosts: list[str], version: str, answer: int
) -> None:
    refusal = host_refusal(hosts, version, OWN)
    assert (refusal.status if refusal else 200) == answer


def test_a_refusal_names_the_key_to_set() -> None:
    refusal = host_refusal(["Evil.Example"], "1.1", OWN)
    assert refusal is not None
    assert refusal.reason.startswith("evil.example is not a name of this server")
    assert "server.allowed_hosts" in refusal.reason


@pytest.mark.parametrize("text", ["[::1]:80", "[0:0:0:0:0:0:0:1]:80"])
def test_an_address_is_the_same_however_it_is_written(text: str) -> None:
    assert authority_of(text) == authority_of("[::1]:80")


PAGES: list[tuple[str | None, str | None, tuple[str, ...], bool]] = [
    (None, "tv.example", (), True),
    (None, None, (), True),
    # this server's own pages; what is not said is the scheme's usual port
    (PAGE, "tv.example", (), True),
    (PAGE, "tv.example:443", (), True),
    (f"{PAGE}:443", "tv.example", (), True),
    ("http://tv.example", "tv.example:80", (), True),
    ("http://tv.example:80", "tv.example", (), True),
    ("https://TV.example", "tv.Example.", (), True),
    ("http://[::1]:8000", "[::1]:8000", (), True),
    ("http://[0::1]:8000", "[::1]:8000", (), True),
    # others'
    (PAGE, "tv.example:80", (), False),
    (PAGE, "tv.example:8000", (), False),
    ("http://tv.example", "tv.example:443", (), False),
    ("http://tv.example:0", "tv.example:80", (), False),
    (PAGE, "other.example", (), False),
    (PAGE, None, (), False),
    (PAGE, "not a host", (), False),
    ("chrome-extension://abc", "abc", (), False),
    # listed ones
    (PAGE, "other.example", (PAGE,), True),
    (f"{PAGE}:443", "other.example", ("https://TV.example.",), True),
    ("http://tv.example", "other.example", (PAGE,), False),
    (PAGE, "other.example", ("*",), True),
    (PAGE, "other.example", ("other",), False),
    ("chrome-extension://abc", "tv.example", ("chrome-extension://abc",), True),
    ("null", "tv.example", ("null",), True),
    # what is no origin
    ("null", "tv.example", (), False),
    ("null", "", (), False),
    ("", "", (), False),
    ("http://[::1", "[::1", (), False),
    ("https://evil@tv.example", "tv.example", (), False),
    ("https://tv.example@evil.example", "tv.example", (), False),
    ("https://tv.example/page", "tv.example", (), False),
    ("https://tv.example?x", "tv.example", (), False),
    ("tv.example", "tv.example", (), False),
    ("//tv.example", "tv.example", (), False),
]


def test_pages_of_this_host_and_of_allowed_origins_may_stream() -> None:
    answers = [
        (origin, host, ok, origin_allowed(origin, host, ok)) for origin, host, ok, _ in PAGES
    ]
    assert answers == PAGES
