from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from contextlib import ExitStack

import pytest

from matinee.serving.listening import bind
from matinee.weights.fetch.progress import Progress
from matinee.weights.fetch.progress_server import MAX_CONNECTIONS, MAX_LISTENERS, telling
from matinee_api.contracts.pod_http import DOWNLOAD_PATH


def test_the_stream_ends_with_the_last_state() -> None:
    progress = Progress(clock=lambda: 0.0)
    progress.expect(8)
    listening = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}{DOWNLOAD_PATH}"
    with ExitStack() as stack:
        with telling(progress, listening):
            answer = stack.enter_context(urllib.request.urlopen(url))
            assert answer.headers["Content-Type"] == "application/x-ndjson"
            first = json.loads(answer.readline())
            progress.fetched(8)
        last = json.loads(answer.read().splitlines()[-1])
    assert first == {"bytes_done": 0, "bytes_total": 8, "bytes_per_second": 0}
    assert last == {"bytes_done": 8, "bytes_total": 8, "bytes_per_second": 8}


def test_other_addresses_and_too_many_listeners_are_refused() -> None:
    listening = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with ExitStack() as stack, telling(Progress(), listening):
        with pytest.raises(urllib.error.HTTPError, match="404") as missing:
            urllib.request.urlopen(f"{url}/")  # noqa: S310 (ours)
        missing.value.close()
        for _ in range(MAX_LISTENERS):
            stack.enter_context(urllib.request.urlopen(f"{url}{DOWNLOAD_PATH}")).readline()  # noqa: S310
        with pytest.raises(urllib.error.HTTPError, match="503") as refused:
            urllib.request.urlopen(f"{url}{DOWNLOAD_PATH}")  # noqa: S310 (ours)
        refused.value.close()


def test_only_its_head_may_be_asked_for() -> None:
    listening = bind("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    asked = urllib.request.Request(f"{url}{DOWNLOAD_PATH}", method="HEAD")  # noqa: S310 (ours)
    elsewhere = urllib.request.Request(url, method="HEAD")
    with telling(Progress(), listening):
        with urllib.request.urlopen(asked) as answer:  # noqa: S310 (ours)
            assert answer.headers["Content-Type"] == "application/x-ndjson"
            assert answer.read() == b""
        with pytest.raises(urllib.error.HTTPError, match="404") as missing:
            urllib.request.urlopen(elsewhere)  # noqa: S310 (ours)
        missing.value.close()


def test_silent_connections_are_no_more_threads_than_a_few() -> None:
    listening = bind("127.0.0.1", 0)
    with ExitStack() as stack, telling(Progress(), listening):
        silent = [
            stack.enter_context(socket.create_connection(listening.getsockname()))
            for _ in range(MAX_CONNECTIONS + 1)
        ]
        silent[-1].settimeout(60)
        assert silent[-1].recv(1) == b""
        for one in silent:
            one.close()
