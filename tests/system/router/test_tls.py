from __future__ import annotations

import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from websockets.asyncio.client import connect

from matinee.serving.tls_server import MOST_OF_ADDRESS
from tests.system.end_to_end.attacking import silent_connections
from tests.system.end_to_end.serving import PATIENCE_S, Server, running
from tests.system.router.routing import command


class Authority:
    """Issues a certificate into two files, and trusts what it issued."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.trust = ssl.create_default_context()
        self.authority.configure_trust(self.trust)

    def issue(self, cert: Path, key: Path) -> None:
        issued = self.authority.issue_cert("localhost", "127.0.0.1")
        issued.private_key_pem.write_to_path(str(key))
        cert.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))

    def asks(self, url: str) -> bool:
        return httpx.get(url, verify=self.trust, timeout=PATIENCE_S).is_success

    async def stream(self, url: str) -> str:
        """What a session is answered first."""
        address = url.replace("https:", "wss:") + "/v1/stream"
        async with connect(address, ssl=self.trust, compression=None) as socket:
            await socket.send(json.dumps({"type": "session_init_v2"}))
            return str(json.loads(await socket.recv())["type"])


FIRST_WORDS = ("gpu_assigned", "queue_status")


@contextmanager
def secured(
    folder: Path, pod: Server, authority: Authority, **settings: Any
) -> Iterator[tuple[Server, str]]:
    """A router with a certificate of this authority, in `tls.crt` and `tls.key`, and its URL."""
    cert, key, config = (folder / name for name in ("tls.crt", "tls.key", "router.yaml"))
    authority.issue(cert, key)
    tls = {"cert_file": str(cert), "key_file": str(key)}
    router = {"port": 0, "replicas": [{"url": pod.url}], "tls": tls, **settings}
    config.write_text(json.dumps({"router": router}))
    with running(command(config), folder / "log", ready=False) as server:
        url = server.line().removeprefix("ready: ").removesuffix("/player")
        assert url.startswith("https://")
        yield server, url


async def test_a_certificate_is_replaced_without_a_restart(
    pods: list[Server], tmp_path: Path
) -> None:
    first, second = Authority(), Authority()
    with secured(tmp_path, pods[0], first) as (_, url):
        assert await first.stream(url) in FIRST_WORDS
        with pytest.raises(ssl.SSLCertVerificationError):
            await second.stream(url)

        (tmp_path / "tls.key").write_text("half of it is there")
        assert first.asks(url + "/healthz")
        second.issue(tmp_path / "tls.crt", tmp_path / "tls.key")
        assert await second.stream(url) in FIRST_WORDS
        with pytest.raises(ssl.SSLCertVerificationError):
            await first.stream(url)


async def test_those_that_begin_no_handshake_make_room_for_those_who_do(
    pods: list[Server], tmp_path: Path
) -> None:
    authority = Authority()
    with secured(tmp_path, pods[0], authority) as (router, url):
        files = router.family()[0].num_fds()
        with silent_connections(int(url.rpartition(":")[2]), 300):
            assert await authority.stream(url) in FIRST_WORDS
            assert router.family()[0].num_fds() <= files + MOST_OF_ADDRESS + 8
        router.process.terminate()
        assert router.process.wait(PATIENCE_S) == 143
    assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_certificate_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    tls = {"cert_file": str(tmp_path / "none.crt"), "key_file": str(tmp_path / "none.key")}
    settings = {"port": 0, "replicas": [{"url": "http://127.0.0.1:9"}], "tls": tls}
    config = tmp_path / "router.yaml"
    config.write_text(json.dumps({"router": settings}))
    done = subprocess.run(command(config), capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert "router.tls: " in done.stderr
    assert "No such file" in done.stderr
