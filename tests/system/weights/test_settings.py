"""What people write into the settings of a source, and what their machines have in theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from huggingface_hub import set_client_factory
from huggingface_hub.utils._http import default_client_factory

from matinee.cli import main
from matinee.errors import ModelUnavailable
from matinee.weights.fetch.hub_client import route_hub_requests
from matinee.weights.local_folder import model_folder_of
from matinee_api.contracts.fetch import TRY_AGAIN, FetchedTree, TreeResult
from tests.system.weights.answering import Asked, answering
from tests.system.weights.test_hostile_sources import listing, page
from tests.unit.api.test_proxies import set_environment
from tests.unit.runtime.weights.fetch.fetching import forget_tokens, resolved

HUB, BUCKET = "hf://org/name", "s3://bucket/m"
EMPTY = "the bucket bucket has nothing under m/"
HIDDEN = "hunter2"
REGION = "moon-north-1"


@pytest.fixture(autouse=True)
def _nobody_s_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    forget_tokens(monkeypatch, tmp_path)
    set_environment(monkeypatch, {})
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _as_a_program() -> Iterator[None]:
    route_hub_requests()
    yield
    set_client_factory(default_client_factory)


def result_of(uri: str, **settings: Any) -> TreeResult:
    tree = {"name": "model", "kind": "model", "uri": uri, "folder": "/nowhere", **settings}
    [result] = resolved(FetchedTree.model_validate(tree), sleep=lambda _seconds: None)
    return result


def credentials(tmp_path: Path, more: str = "") -> str:
    file = tmp_path / "credentials"
    keys = "aws_access_key_id = anna\naws_secret_access_key = hunter2\n"
    file.write_text(f"[default]\n{keys}{more}")
    return str(file)


# Regions


class Far(BaseHTTPRequestHandler):
    """A store that wants its region to be signed for. It tells which in `told`."""

    told = f"<Region>{REGION}</Region>"
    told_in_header = ""
    regions: list[str]

    def do_GET(self) -> None:
        found = re.search(r"Credential=anna/\d+/([^/]+)/s3/", self.headers["Authorization"])
        assert found
        self.regions.append(found[1])
        is_right = found[1] == REGION
        self.send_response(200 if is_right else 400)
        self.send_header("Content-Type", "application/xml")
        if self.told_in_header and not is_right:
            self.send_header("x-amz-bucket-region", self.told_in_header)
        self.end_headers()
        code = "<Code>AuthorizationHeaderMalformed</Code>"
        error = f"<Error>{code}<Message>expecting</Message>{self.told}</Error>"
        self.wfile.write(page("") if is_right else error.encode())

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def far() -> Iterator[tuple[type[Far], str]]:
    handler = type("Handler", (Far,), {"regions": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield handler, f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


REGIONS: dict[str, tuple[str, dict[str, str], dict[str, str], list[str]]] = {
    "in the file of the credentials": (f"region = {REGION}\n", {}, {}, [REGION]),
    "in the environment": ("", {"AWS_REGION": REGION}, {}, [REGION]),
    "in its other variable": ("", {"AWS_DEFAULT_REGION": REGION}, {}, [REGION]),
    "the file knows better": (f"region = {REGION}\n", {"AWS_REGION": "x"}, {}, [REGION]),
    "told by the store": ("", {}, {}, ["us-east-1", REGION]),
    "told in a header": ("", {}, {"told": "", "told_in_header": REGION}, ["us-east-1", REGION]),
    "the file is wrong": ("region = mars\n", {}, {}, ["mars", REGION]),
    "no region": ("region = ../x\n", {}, {}, ["us-east-1", REGION]),
}


@pytest.mark.parametrize("case", REGIONS)
def test_a_region_of_one_s_own_is_read_or_taken_from_the_answer(
    case: str, far: tuple[type[Far], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (store, url), (more, variables, told, regions) = far, REGIONS[case]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    for name, value in told.items():
        setattr(store, name, value)
    result = result_of(BUCKET, endpoint=url, token_file=credentials(tmp_path, more))
    assert result.message.startswith(EMPTY)
    assert store.regions == regions


@pytest.mark.parametrize("told", ["", "<Region>../x</Region>", "<Region>us-east-1</Region>"])
def test_a_store_that_tells_no_region_is_asked_once(
    told: str, far: tuple[type[Far], str], tmp_path: Path
) -> None:
    store, url = far
    store.told = told
    result = result_of(BUCKET, endpoint=url, token_file=credentials(tmp_path))
    assert "AuthorizationHeaderMalformed" in result.message
    assert store.regions == ["us-east-1"]


# Endpoints


@pytest.mark.parametrize("uri", [HUB, BUCKET])
def test_an_endpoint_without_a_scheme_is_told_with_the_right_form(uri: str) -> None:
    result = result_of(uri, endpoint="127.0.0.1:9000")
    assert result.reason == "SourceUnsupported"
    assert "write http://127.0.0.1:9000" in result.message


def test_a_path_is_used_by_a_hub_and_refused_for_a_bucket() -> None:
    heard: list[Asked] = []
    with answering(listing(), heard=heard) as url:
        result_of(HUB, endpoint=f"{url}/hf")
        result = result_of(BUCKET, endpoint=f"{url}/s3")
    assert heard[0].path.startswith("/hf/api/models/org/name")
    assert result.reason == "SourceUnsupported"
    assert f"write {url} if it answers there" in result.message


def test_an_endpoint_of_the_environment_is_judged_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "anna:hunter2@hub")
    result = result_of(HUB)
    assert result.message.startswith("HF_ENDPOINT must hold no name and no password")


# Proxies


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "http://127.0.0.1:1", "nonsense://"])
def test_this_machine_is_asked_directly(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY")
    set_environment(monkeypatch, dict.fromkeys(names, proxy))
    with answering(listing(size=-1)) as url:
        assert "siblings.0.size" in result_of(HUB, endpoint=url).message
    with answering(page("")) as url:
        assert EMPTY in result_of(BUCKET, endpoint=url).message


@pytest.mark.parametrize("uri", [HUB, BUCKET])
def test_a_socks_proxy_is_told_in_a_sentence(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch, {"ALL_PROXY": "socks5://anna:hunter2@127.0.0.1:1"})
    result = result_of(uri, endpoint="http://far.example")
    assert result.reason == "SourceUnsupported"
    assert "ALL_PROXY names a SOCKS proxy; only HTTP proxies can be used" in result.message
    assert "hunter2" not in result.message


@pytest.mark.parametrize(
    ("uri", "answer", "says"),
    [(HUB, listing(size=-1), "siblings.0.size"), (BUCKET, page(""), EMPTY)],
)
def test_an_http_proxy_is_used_and_let_know_who_asks(
    uri: str, answer: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Asked] = []
    with answering(answer, heard=heard) as url:
        with_password = url.replace("http://", "http://anna:hunter2@")
        set_environment(monkeypatch, {"HTTP_PROXY": with_password})
        assert says in result_of(uri, endpoint="http://far.example:9000").message
    assert heard[0].path.startswith("http://far.example:9000/")
    assert heard[0].headers["proxy-authorization"] == "Basic YW5uYTpodW50ZXIy"


@pytest.mark.parametrize("uri", [HUB, BUCKET])
def test_a_proxy_that_refuses_is_told_without_its_password(
    uri: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with answering(b"who are you?", status=407) as url:
        with_password = url.replace("http://", "http://anna:hunter2@")
        set_environment(monkeypatch, {"HTTPS_PROXY": with_password})
        result = result_of(uri, endpoint="https://far.example")
    assert result.reason == "SourceUnreachable"
    assert "hunter2" not in result.message + caplog.text


# Secrets


@pytest.mark.parametrize("token", ["hunter2ü", "hunter2\x7f", "hunter2\nhunter2"])
def test_a_token_of_the_environment_that_is_none_is_told_and_not_shown(
    token: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("matinee.weights.fetch.hub.get_token", lambda: token)
    result = result_of(HUB)
    assert result.reason == "SourceDenied"
    assert "HF_TOKEN, or what hf auth login saved, holds no token" in result.message
    assert "hunter2" not in result.message + caplog.text


def test_what_a_store_says_of_a_secret_is_not_said_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    error = b"<Error><Code>no hunter2!</Code><Message>hunter2</Message></Error>"
    with answering(error, headers={"Content-Type": "application/xml"}, status=403) as url:
        result = result_of(BUCKET, endpoint=url, token_file=credentials(tmp_path))
    assert result.reason == "SourceDenied"
    assert "hunter2" not in result.message + caplog.text


def test_not_even_a_mistake_of_ours_shows_what_it_has_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def retrieve(_provider: object) -> None:
        raise KeyError(HIDDEN)

    monkeypatch.setattr("minio.credentials.providers.AWSConfigProvider.retrieve", retrieve)
    tree = {"name": "model", "kind": "model", "uri": BUCKET, "folder": str(tmp_path / "m")}
    config = tmp_path / "fetch.json"
    tree["token_file"] = credentials(tmp_path)
    config.write_text(json.dumps({"family": "ltx", "trees": [tree]}))
    assert main(["fetch", "--config", str(config), "--resolve"]) == TRY_AGAIN
    printed = capfd.readouterr()
    assert "a mistake of ours, KeyError" in printed.err
    assert "aws_profile.py" in printed.err
    assert "hunter2" not in printed.out + printed.err


@pytest.mark.parametrize(
    ("ours", "says"),
    [(True, "org/name: ALL_PROXY names a SOCKS proxy"), (False, "org/name cannot be fetched: ")],
)
def test_a_model_of_the_hub_cannot_be_had_through_socks(
    ours: bool, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a program of ours, and in somebody's own, whose client we leave alone."""
    if not ours:
        set_client_factory(default_client_factory)
    set_environment(monkeypatch, {"ALL_PROXY": "socks5://anna:hunter2@127.0.0.1:1"})
    with pytest.raises(ModelUnavailable, match=says) as caught:
        model_folder_of("org/name", None)
    assert HIDDEN not in str(caught.value)
