from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest

from matinee.server.doors import Doors
from matinee.serving.listening import PortUnavailable, bind
from matinee_api.config.runtime_config import ServerConfig


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
