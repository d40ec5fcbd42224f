from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from matinee.weights.fetch.hub import bound_error
from tests.unit.runtime.weights.fetch.fetching import fetched, resolved
from tests.unit.runtime.weights.fetch.running_hub import TINY, TOKEN, VAE, RunningHub


def test_a_connection_that_breaks_is_gone_on_with(hub: RunningHub, tmp_path: Path) -> None:
    hub.set_faults(cut={"file": VAE, "after_bytes": 1_000_000, "times": 2})
    waited: list[float] = []
    [result] = fetched(hub.tree(tmp_path / "tiny"), sleep=waited.append)
    assert result.reason is None
    assert waited == [1.0, 1.0]  # each try brought something
    ranges = [one["range"] for one in hub.log(VAE) if one["status"] != 302]
    assert ranges == [None, "bytes=1000000-", "bytes=2000000-"]


def test_a_server_without_ranges_is_asked_for_everything(hub: RunningHub, tmp_path: Path) -> None:
    hub.set_faults(cut={"file": VAE, "after_bytes": 1_000_000, "times": 1}, no_ranges=True)
    [result] = fetched(hub.tree(tmp_path / "tiny"), sleep=lambda _seconds: None)
    assert result.reason is None
    assert hub.sent_bytes(VAE) == [1_000_000, (TINY / VAE).stat().st_size]


def test_a_hub_that_is_busy_is_asked_again(hub: RunningHub, tmp_path: Path) -> None:
    hub.set_faults(busy={"times": 3})
    waited: list[float] = []
    [result] = fetched(hub.tree(tmp_path / "tiny"), sleep=waited.append)
    assert result.reason is None
    assert waited == [1.0, 2.0, 4.0]


def test_a_hub_that_stays_busy_is_unreachable(hub: RunningHub, tmp_path: Path) -> None:
    hub.set_faults(busy={"times": 1000})
    [result] = resolved(hub.tree(tmp_path / "tiny"), sleep=lambda _seconds: None)
    assert result.reason == "SourceUnreachable"
    assert "503" in result.message


@pytest.mark.parametrize(
    ("endpoint", "says"),
    [
        ("http://no.such.host.invalid", "not known"),
        ("http://127.0.0.1:{port}", "Connection refused"),
    ],
)
def test_an_address_without_a_hub_is_unreachable(
    endpoint: str, says: str, hub: RunningHub, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    tree = hub.tree(tmp_path / "tiny", endpoint=endpoint.format(port=port))
    [result] = resolved(tree, sleep=lambda _seconds: None)
    assert result.reason == "SourceUnreachable"
    assert says in result.message


@pytest.fixture
def token_file(tmp_path: Path) -> Callable[[str], str]:
    def write(text: str) -> str:
        (tmp_path / "token").write_text(text)
        return str(tmp_path / "token")

    return write


@pytest.mark.parametrize(
    ("token", "reason", "says"),
    [
        (None, "SourceDenied", "there is no token"),
        ("hf_wrong\n", "SourceDenied", "is not valid"),
        ("", "SourceDenied", "holds no token"),
        (f"{TOKEN}\n", None, ""),
    ],
)
def test_a_private_model_wants_the_right_token(
    token: str | None,
    reason: str | None,
    says: str,
    private_hub: RunningHub,
    tmp_path: Path,
    token_file: Callable[[str], str],
) -> None:
    file = None if token is None else token_file(token)
    [result] = fetched(private_hub.tree(tmp_path / "tiny", token_file=file))
    assert result.reason == reason
    assert says in result.message
    assert "hf_" not in result.message


def test_the_token_of_the_environment_goes_to_no_other_hub(
    private_hub: RunningHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    [result] = resolved(private_hub.tree(tmp_path / "tiny"))
    assert result.reason == "SourceDenied"


@pytest.mark.parametrize(
    ("changes", "with_token", "reason", "says"),
    [
        ({"uri": "hf://matinee/none"}, True, "SourceNotFound", "has no model matinee/none"),
        ({"uri": "hf://matinee/none"}, False, "SourceDenied", "correct the name"),
        ({"uri": "hf:no-name"}, True, "SourceNotFound", "no-name"),
        ({"revision": "v9"}, True, "SourceNotFound", "no revision v9"),
        ({"uri": "oci://registry/name:tag"}, True, "SourceUnsupported", "oci:"),
        ({"token_file": "/nowhere/token"}, True, "SourceDenied", "/nowhere/token"),
    ],
)
def test_what_is_missing_is_named(
    changes: dict[str, Any],
    with_token: bool,
    reason: str,
    says: str,
    private_hub: RunningHub,
    tmp_path: Path,
    token_file: Callable[[str], str],
) -> None:
    token = {"token_file": token_file(TOKEN)} if with_token else {}
    [result] = resolved(private_hub.tree(tmp_path / "tiny", **(token | changes)))
    assert result.reason == reason
    assert says in result.message


def test_a_gated_model_tells_to_accept_its_terms(
    private_hub: RunningHub, tmp_path: Path, token_file: Callable[[str], str]
) -> None:
    private_hub.set_faults(gated=True)
    tree = private_hub.tree(tmp_path / "tiny", token_file=token_file(TOKEN))
    [result] = resolved(tree)
    assert result.reason == "SourceDenied"
    assert "accept its terms" in result.message


def test_a_gated_model_wants_a_token(hub: RunningHub, tmp_path: Path) -> None:
    hub.set_faults(gated=True)
    [result] = resolved(hub.tree(tmp_path / "tiny"))
    assert result.reason == "SourceDenied"
    assert "give a token" in result.message


def test_a_moving_branch_is_fetched_at_the_commit_that_is_pinned(
    hub: RunningHub, tmp_path: Path
) -> None:
    [first] = resolved(hub.tree(tmp_path / "tiny", revision="main"))
    (hub.tiny / "matinee.json").write_text('{"family": "ltx"}')
    [pinned] = fetched(hub.tree(tmp_path / "tiny", revision=first.commit))
    assert pinned.commit == first.commit
    name = "matinee.json"
    assert (tmp_path / "tiny" / name).read_bytes() == (TINY / name).read_bytes()


@pytest.mark.parametrize(
    ("header", "said", "heeded"),
    [
        ("Retry-After", "30", True),
        ("Retry-After", "31536000", False),
        ("Retry-After", "9" * 5000, False),
        ("RateLimit", '"api";r=0;t=55', True),
        ("RateLimit", '"api";r=0;t=31536000', False),
    ],
)
def test_a_hub_may_ask_for_a_pause_of_minutes_at_most(header: str, said: str, heeded: bool) -> None:
    request = httpx2.Request("GET", "http://hub.example")
    response = httpx2.Response(429, headers={header: said}, request=request)
    bound_error(response)
    assert (header in response.headers) is heeded
