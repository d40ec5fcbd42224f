from __future__ import annotations

import socket
from contextlib import closing
from typing import Any, cast

import pytest

from matinee.server.doors import UNSENT_BYTES, Doors, bind, url_of
from matinee.serving.listening import PortUnavailable
from matinee_api.config.runtime_config import ServerConfig


def test_accepted_connections_hold_little_unsent_video() -> None:
    with (
        bind("127.0.0.1", 0) as listening,
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


def test_there_is_one_door_or_two() -> None:
    with closing(Doors.of(ServerConfig(port=0))) as doors:
        assert (doors.control_port, len(doors.sockets)) == (None, 1)
    with closing(Doors.of(ServerConfig(port=0, control_port=0))) as doors:
        assert doors.control_port == doors.sockets[1].getsockname()[1]


EVERYWHERE = "0.0.0.0"  # noqa: S104


@pytest.mark.parametrize(
    ("config", "private"),
    [
        ({}, True),
        ({"host": EVERYWHERE}, False),
        ({"host": "::"}, False),
        ({"host": EVERYWHERE, "control_port": 0}, False),
        ({"host": EVERYWHERE, "control_port": 0, "control_host": "127.0.0.1"}, True),
        ({"host": "127.0.0.1", "control_port": 0, "control_host": EVERYWHERE}, False),
    ],
)
def test_control_is_private_where_only_this_machine_reaches_its_port(
    config: dict[str, Any], private: bool
) -> None:
    with closing(Doors.of(ServerConfig(**{"port": 0, **config}))) as doors:
        assert doors.private is private


def test_a_taken_control_port_leaves_no_socket_behind() -> None:
    with bind("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortUnavailable, match=str(port)):
            Doors.of(ServerConfig(port=0, control_port=port))
