"""A hub and a bucket behind certificates of a company's own authority."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from huggingface_hub import close_session

from tests.unit.runtime.weights.fetch.fetching import resolved
from tests.unit.runtime.weights.fetch.running_hub import RunningHub, running_hub

NOT_TRUSTED = ("SourceUnreachable", "is not trusted")
CASES = {
    "a bundle with the authority": ("authority.pem", "hf://matinee/tiny", (None, "")),
    "no bundle": ("", "hf://matinee/tiny", NOT_TRUSTED),
    "another authority": ("other.pem", "hf://matinee/tiny", NOT_TRUSTED),
    "a bundle that is not there": (
        "nothing.pem",
        "hf://matinee/tiny",
        ("SourceUnreachable", "No such file"),
    ),
    "a bundle of something else": (
        "text.pem",
        "hf://matinee/tiny",
        ("SourceUnreachable", "holds no certificates"),
    ),
    "a bucket whose authority is in the bundle": (
        "authority.pem",
        "s3://bucket/tiny",
        ("SourceNotFound", "404"),  # this server is no store, but it is believed
    ),
    "a bucket without a bundle": ("", "s3://bucket/tiny", NOT_TRUSTED),
}


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`authority.pem` signed `server.pem`; `other.pem` and `text.pem` did not."""
    folder, authority = tmp_path_factory.mktemp("authorities"), trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "authority.pem"))
    trustme.CA().cert_pem.write_to_path(str(folder / "other.pem"))
    (folder / "text.pem").write_text("no certificate\n", encoding="utf-8")
    server = authority.issue_cert("127.0.0.1")
    server.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    return folder


@pytest.fixture(scope="module")
def tls_hub(authorities: Path) -> Iterator[RunningHub]:
    folder = authorities / "hub"
    with running_hub(folder, "--certificate", str(authorities / "server.pem")) as found:
        yield found


@pytest.fixture
def _no_session_of_another_test() -> Iterator[None]:
    """The hub's client reads the bundle once and keeps it."""
    close_session()
    yield
    close_session()


@pytest.mark.usefixtures("_no_session_of_another_test")
@pytest.mark.parametrize("case", CASES)
def test_whom_a_download_trusts(
    case: str,
    authorities: Path,
    tls_hub: RunningHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, uri, (reason, says) = CASES[case]
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities / file) if file else "")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    tree = tls_hub.tree(tmp_path / "tiny", uri=uri)
    [result] = resolved(tree, sleep=lambda _seconds: None)
    assert (result.reason, says in result.message) == (reason, True), result.message
    if reason == "SourceUnreachable":
        assert "pod.caBundle" in result.message
