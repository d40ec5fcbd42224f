from __future__ import annotations

import socket
from typing import Any, cast

import pytest

from matinee.streaming.server import PortUnavailable, bind, url_of


def test_port_0_takes_a_free_one() -> None:
    with bind("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        assert port > 0
        with socket.create_connection(("127.0.0.1", port)):
            pass


def test_a_port_in_use_is_told_with_the_remedy() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortUnavailable) as caught:
            bind("127.0.0.1", port)
    message = str(caught.value)
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in message
    assert "--port 0" in message


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 70, "a\0b", "300.1.1.1", "1.2.3.4"])
def test_a_host_that_is_not_this_machines_is_told(host: str) -> None:
    with pytest.raises(PortUnavailable, match="cannot listen on"):
        bind(host, 0)


class Bound:
    def __init__(self, *name: Any) -> None:
        self._name = name

    def getsockname(self) -> tuple[Any, ...]:
        return self._name


@pytest.mark.parametrize(
    ("name", "url"),
    [
        (("127.0.0.1", 8000), "http://127.0.0.1:8000"),
        (("0.0.0.0", 8000), "http://127.0.0.1:8000"),  # noqa: S104
        (("192.168.1.5", 80), "http://192.168.1.5:80"),
        (("::", 8000, 0, 0), "http://[::1]:8000"),
        (("::1", 8000, 0, 0), "http://[::1]:8000"),
        (("fd00::7", 8000, 0, 0), "http://[fd00::7]:8000"),
    ],
)
def test_the_url_is_one_that_a_browser_here_can_open(name: tuple[Any, ...], url: str) -> None:
    assert url_of(cast(socket.socket, Bound(*name))) == url
