from __future__ import annotations

from pathlib import Path

import pytest

from matinee.cli import main
from tests.system.cli.recorded import record, serving, two_seconds
from tests.system.cli.tunnelling import tunnelling
from tests.unit.api.test_proxies import set_environment

PROXIES = {
    "SOCKS_PROXY": "socks5://anna:hunter2@127.0.0.1:1",
    "HTTPS_PROXY": "http://anna:hunter2@127.0.0.1:1",
    "ALL_PROXY": "nonsense",
}


def test_this_machine_is_asked_without_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_environment(monkeypatch, PROXIES)
    with serving(two_seconds) as url:
        assert record(url, tmp_path / "out.mp4", "-p", "one") == 0


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        ("SOCKS_PROXY", "SOCKS_PROXY names a SOCKS proxy; only HTTP proxies can be used"),
        ("HTTPS_PROXY", "nothing listens there (asked through the proxy of HTTPS_PROXY)"),
    ],
)
def test_a_proxy_in_the_way_is_told_in_a_sentence(
    variable: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_environment(monkeypatch, {variable: PROXIES[variable]})
    url = "http://berta:hunter3@far.example?token=hunter4"
    assert main(["stream", url, "-p", "one", "-o", str(tmp_path / "out.mp4")]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"matinee: cannot open ws://far.example/v1/stream: {says}")
    assert "hunter" not in told


def test_a_stream_comes_through_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(two_seconds) as url, tunnelling(url) as (proxy, asked):
        set_environment(monkeypatch, {"HTTPS_PROXY": proxy})
        assert record("http://far.example:8000", tmp_path / "out.mp4", "-p", "one") == 0
    assert asked == ["far.example:8000"]
