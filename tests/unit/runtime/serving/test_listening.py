from __future__ import annotations

import errno
import socket
from typing import Any, cast

import pytest

from matinee.serving.listening import (
    UNSENT_BYTES,
    PortUnavailable,
    bind,
    bind_for_viewers,
    url_of,
)


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


def test_every_address_is_those_of_both_families() -> None:
    with bind("::", 0) as listening:
        port = listening.getsockname()[1]
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection((address, port)):
                pass


def test_every_address_of_a_machine_without_ipv6_is_that_of_ipv4(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = socket.socket

    def without_ipv6(family: int, *more: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *more)

    monkeypatch.setattr(socket, "socket", without_ipv6)
    with bind("::", 0) as listening:
        assert listening.family == socket.AF_INET
    with pytest.raises(PortUnavailable, match="not supported"):
        bind("::1", 0)


def test_accepted_connections_hold_little_unsent_video() -> None:
    with (
        bind_for_viewers("127.0.0.1", 0) as listening,
        socket.create_connection(listening.getsockname()),
    ):
        accepted, _ = listening.accept()
        with accepted:
            limit = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
    assert limit == UNSENT_BYTES


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
