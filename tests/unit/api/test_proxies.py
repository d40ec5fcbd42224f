from __future__ import annotations

import os

import pytest

from matinee_api.proxies import ProxyUnusable, is_this_machine, proxy_for

HTTPS, HTTP = "https://hub.example.com", "http://10.1.2.3:9000"
P = "http://anna:hunter2@proxy:3128"
WAYS: dict[str, tuple[dict[str, str], str, str | None]] = {
    "no variables": ({}, HTTPS, None),
    "by the scheme": ({"HTTPS_PROXY": P, "HTTP_PROXY": "http://other"}, HTTPS, "HTTPS_PROXY"),
    "of the other scheme": ({"HTTPS_PROXY": P}, HTTP, None),
    "for all schemes": ({"ALL_PROXY": P}, HTTP, "ALL_PROXY"),
    "in lower case": ({"https_proxy": P}, HTTPS, "HTTPS_PROXY"),
    "lower case wins": ({"https_proxy": P, "HTTPS_PROXY": "http://other"}, HTTPS, "HTTPS_PROXY"),
    "without a scheme": ({"HTTPS_PROXY": "anna:hunter2@proxy:3128"}, HTTPS, "HTTPS_PROXY"),
    "a stream with TLS": ({"HTTPS_PROXY": P}, "wss://v.example/v1/stream", "HTTPS_PROXY"),
    "a stream without": ({"HTTPS_PROXY": P}, "ws://v.example/v1/stream", "HTTPS_PROXY"),
    "a stream without, by HTTP": ({"HTTP_PROXY": P}, "ws://v.example", "HTTP_PROXY"),
    "loopback": ({"ALL_PROXY": P}, "http://127.0.0.1:9000", None),
    "all of loopback": ({"ALL_PROXY": P}, "http://127.3.2.1", None),
    "loopback by name": ({"ALL_PROXY": P}, "ws://localhost:8000", None),
    "below loopback's name": ({"ALL_PROXY": P}, "ws://a.localhost.", None),
    "IPv6's loopback": ({"ALL_PROXY": P}, "http://[::1]:9000", None),
    "loopback in IPv6's form": ({"ALL_PROXY": P}, "http://[::ffff:127.0.0.1]", None),
    "a name that is excepted": ({"ALL_PROXY": P, "NO_PROXY": "hub.example.com"}, HTTPS, None),
    "what is below it": ({"ALL_PROXY": P, "NO_PROXY": "a, example.com"}, HTTPS, None),
    "with a dot": ({"ALL_PROXY": P, "no_proxy": ".Example.com"}, HTTPS, None),
    "the name with its dot": ({"ALL_PROXY": P, "NO_PROXY": "a.b"}, "http://a.b.:80", None),
    "with a star": ({"ALL_PROXY": P, "no_proxy": "*.example.com"}, HTTPS, None),
    "not what only ends so": ({"ALL_PROXY": P, "NO_PROXY": "ample.com"}, HTTPS, "ALL_PROXY"),
    "with its port": ({"ALL_PROXY": P, "NO_PROXY": "10.1.2.3:9000"}, HTTP, None),
    "with another port": ({"ALL_PROXY": P, "NO_PROXY": "10.1.2.3:9001"}, HTTP, "ALL_PROXY"),
    "a network": ({"ALL_PROXY": P, "NO_PROXY": "10.0.0.0/8"}, HTTP, None),
    "another network": ({"ALL_PROXY": P, "NO_PROXY": "192.168.0.0/16,,"}, HTTP, "ALL_PROXY"),
    "everything": ({"ALL_PROXY": P, "NO_PROXY": "*"}, HTTPS, None),
    "SOCKS for loopback": ({"ALL_PROXY": "socks5://127.0.0.1:1"}, "http://127.0.0.1:9000", None),
    "another scheme of an address": ({"ALL_PROXY": P}, "file:///etc/passwd", None),
}


def set_environment(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("case", WAYS)
def test_the_environment_says_which_way(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    variables, url, variable = WAYS[case]
    set_environment(monkeypatch, variables)
    proxy = proxy_for(url)
    assert (proxy and proxy.variable) == variable
    assert proxy is None or proxy.url == P


USELESS = {
    "ALL_PROXY": ("socks5://anna:hunter2@proxy:1080", "ALL_PROXY names a SOCKS proxy; only HTTP"),
    "https_proxy": ("socks5h://proxy", "HTTPS_PROXY names a SOCKS proxy"),
    "HTTPS_PROXY": ("ftp://anna:hunter2@proxy", "HTTPS_PROXY names no HTTP proxy"),
    "all_proxy": ("http://anna:hunter2@:3128", "ALL_PROXY names no HTTP proxy"),
    "All_Proxy": ("http://proxy:hunter2", "ALL_PROXY names no HTTP proxy"),
}


@pytest.mark.parametrize("variable", USELESS)
def test_a_proxy_that_cannot_be_used_is_told_without_what_it_says(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, says = USELESS[variable]
    set_environment(monkeypatch, {variable: value})
    with pytest.raises(ProxyUnusable) as caught:
        proxy_for(HTTPS)
    assert says in str(caught.value)
    assert "add hub.example.com to NO_PROXY" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("host", ["example.com", "127.example.com", "localhost.example.com", ""])
def test_other_names_are_elsewhere(host: str) -> None:
    assert not is_this_machine(host)
