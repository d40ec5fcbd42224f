from __future__ import annotations

import json
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
import trustme
from websockets.asyncio.client import connect

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


async def test_a_certificate_is_replaced_without_a_restart(
    pods: list[Server], tmp_path: Path
) -> None:
    first, second = Authority(), Authority()
    cert, key, config = (tmp_path / name for name in ("tls.crt", "tls.key", "router.yaml"))
    first.issue(cert, key)
    tls = {"cert_file": str(cert), "key_file": str(key)}
    settings = {"port": 0, "replicas": [{"url": pods[0].url}], "tls": tls}
    config.write_text(json.dumps({"router": settings}))
    with running(command(config), tmp_path / "log", ready=False) as router:
        url = router.line().removeprefix("ready: ").removesuffix("/player")
        assert url.startswith("https://")
        assert await first.stream(url) in ("gpu_assigned", "queue_status")
        with pytest.raises(ssl.SSLCertVerificationError):
            await second.stream(url)

        key.write_text("half of it is there")
        assert first.asks(url + "/healthz")
        second.issue(cert, key)
        assert await second.stream(url) in ("gpu_assigned", "queue_status")
        with pytest.raises(ssl.SSLCertVerificationError):
            await first.stream(url)


def test_a_certificate_that_cannot_be_used_is_told_at_the_start(tmp_path: Path) -> None:
    tls = {"cert_file": str(tmp_path / "none.crt"), "key_file": str(tmp_path / "none.key")}
    settings = {"port": 0, "replicas": [{"url": "http://127.0.0.1:9"}], "tls": tls}
    config = tmp_path / "router.yaml"
    config.write_text(json.dumps({"router": settings}))
    done = subprocess.run(command(config), capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert "router.tls: " in done.stderr
    assert "No such file" in done.stderr
