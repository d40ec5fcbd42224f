from __future__ import annotations

import socket

import pytest

from matinee.serving.listening import PortUnavailable, bind


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
