"""The command as a process: what a Job sees of it."""

from __future__ import annotations

import contextlib
import json
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from matinee.cli import main
from matinee_api.config.load import load_text
from matinee_api.contracts.fetch import (
    DONE,
    GIVE_UP,
    TRY_AGAIN,
    FetchConfig,
    FetchProgress,
    FetchResult,
    TreeResult,
)
from matinee_api.signals import ENDING
from tests.places import ROOT
from tests.servers.hub import HOLD_LIMIT_S
from tests.unit.runtime.weights.fetch.running_hub import (
    TINY,
    TINY_BYTES,
    VAE,
    RunningHub,
    running_hub,
)

VAE_BYTES = (TINY / VAE).stat().st_size
HELD_BYTES = 1_500_000
"""Of the VAE, sent before the hub stalls."""
MATINEE = (sys.executable, "-m", "matinee", "fetch", "--config")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    with running_hub(tmp_path / "hub") as found:
        yield found


@pytest.fixture
def config(hub: RunningHub, tmp_path: Path) -> Path:
    """Of one model, on `tmp_path/cache/tiny`."""
    trees = (hub.tree(tmp_path / "cache" / "tiny"),)
    path = tmp_path / "fetch.json"
    path.write_text(FetchConfig(trees=trees, family="ltx", port=0).model_dump_json())
    return path


@contextlib.contextmanager
def running(
    config: Path, before: Callable[[], None] = lambda: None
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*MATINEE, config],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def result_of(process: subprocess.Popen[str]) -> tuple[int, TreeResult]:
    """Exit code, and what the last line on stdout says of the first tree."""
    out, err = process.communicate()
    assert "Traceback" not in err
    return process.returncode, FetchResult.model_validate_json(out.splitlines()[-1]).trees[0]


def progress_url(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"http://\S+/v1/download", line):
            return found[0].rstrip('"}')
    raise AssertionError("no address of the progress was told")


def wait_for_bytes(process: subprocess.Popen[str], count: int) -> None:
    """Until so many bytes are written, as the progress tells."""
    with urllib.request.urlopen(progress_url(process)) as stream:  # noqa: S310 (ours)
        for line in stream:
            if FetchProgress.model_validate_json(line).bytes_done >= count:
                return
    raise AssertionError("the stream ended before")


@pytest.fixture
def stalled(hub: RunningHub, config: Path) -> Iterator[subprocess.Popen[str]]:
    """A fetch of which only the end of the VAE is missing, and does not come."""
    hub.set_faults(hold={"file": VAE, "after_bytes": HELD_BYTES})
    with running(config) as process:
        wait_for_bytes(process, TINY_BYTES - VAE_BYTES + HELD_BYTES)
        yield process


def resumed(hub: RunningHub, config: Path) -> None:
    """A new process fetches the missing bytes and no others."""
    hub.set_faults()
    asked = len(hub.log())
    with running(config) as process:
        code, tree = result_of(process)
    assert (code, tree.reason, tree.bytes) == (DONE, None, TINY_BYTES)
    served = [one for one in hub.log()[asked:] if "/resolve/" in one["path"] or one["range"]]
    weights = [one for one in served if one["path"].partition("?")[0].endswith("safetensors")]
    assert {one["range"] for one in weights} == {f"bytes={HELD_BYTES}-"}
    assert sum(one["sent_bytes"] for one in weights) == VAE_BYTES - HELD_BYTES


def test_a_killed_process_is_gone_on_with_by_the_next(
    stalled: subprocess.Popen[str], hub: RunningHub, config: Path, tmp_path: Path
) -> None:
    stalled.send_signal(signal.SIGKILL)
    stalled.wait()
    assert not (tmp_path / "cache" / "tiny").exists()
    resumed(hub, config)
    assert (tmp_path / "cache" / "tiny" / VAE).read_bytes() == (TINY / VAE).read_bytes()


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_ends_it_at_once_and_nothing_is_lost(
    number: signal.Signals, stalled: subprocess.Popen[str], hub: RunningHub, config: Path
) -> None:
    began_s = time.monotonic()
    stalled.send_signal(number)
    assert stalled.wait() == 128 + number
    assert time.monotonic() - began_s < HOLD_LIMIT_S / 2
    resumed(hub, config)


def test_two_at_once_fetch_everything_once(
    stalled: subprocess.Popen[str], hub: RunningHub, config: Path
) -> None:
    with running(config) as second:
        assert second.stderr is not None
        assert any("waiting for it" in line for line in second.stderr)
        hub.set_faults()  # the stalled connection breaks off; the first goes on with it
        assert result_of(second)[0] == DONE
        assert result_of(stalled)[0] == DONE
    assert sum(hub.sent_bytes(VAE)) == VAE_BYTES


def test_the_progress_is_pushed_until_the_end(hub: RunningHub, config: Path) -> None:
    hub.set_faults(hold={"file": VAE, "after_bytes": HELD_BYTES})
    with running(config) as process:
        with urllib.request.urlopen(progress_url(process)) as stream:  # noqa: S310 (ours)
            first = FetchProgress.model_validate_json(stream.readline())
            hub.set_faults()
            rest = [FetchProgress.model_validate_json(line) for line in stream]
        assert result_of(process)[0] == DONE
    counts = [one.bytes_done for one in (first, *rest)]
    assert counts == sorted(counts)
    assert (rest[-1].bytes_done, rest[-1].bytes_total) == (TINY_BYTES, TINY_BYTES)


def test_the_last_line_is_the_result(config: Path, tmp_path: Path) -> None:
    done = subprocess.run([*MATINEE, config], capture_output=True, text=True)
    [line] = done.stdout.splitlines()
    [tree] = FetchResult.model_validate_json(line).trees
    assert (done.returncode, tree.bytes) == (DONE, TINY_BYTES)
    logged = [json.loads(one)["message"] for one in done.stderr.splitlines()]
    assert f"{tmp_path}/cache/tiny is complete: 7.7 MiB" in logged


def test_resolving_serves_and_writes_nothing(config: Path, tmp_path: Path) -> None:
    done = subprocess.run([*MATINEE, config, "--resolve"], capture_output=True, text=True)
    assert done.returncode == DONE
    assert "/v1/download" not in done.stderr
    assert not (tmp_path / "cache").exists()


def test_addresses_that_are_signed_are_not_logged(config: Path) -> None:
    done = subprocess.run([*MATINEE, config], capture_output=True, text=True)
    assert "signature" not in done.stderr


def limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, 10**6))


def test_a_volume_that_becomes_full_is_told_and_gone_on_with(
    hub: RunningHub, config: Path, tmp_path: Path
) -> None:
    with running(config, limit_files) as process:
        code, tree = result_of(process)
    assert (code, tree.reason) == (GIVE_UP, "NoSpace")
    assert "became full" in tree.message
    assert not (tmp_path / "cache" / "tiny").exists()
    with running(config) as process:
        assert result_of(process)[0] == DONE
    assert sum(hub.sent_bytes(VAE)) < 2 * VAE_BYTES


def write_changed(config: Path, **changes: Any) -> None:
    content = json.loads(config.read_text())
    content["trees"][0] |= changes
    config.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("changes", "faults", "code"),
    [
        ({"revision": "v9"}, {}, GIVE_UP),
        ({}, {"corrupt": {"file": VAE}}, TRY_AGAIN),
    ],
)
def test_the_exit_code_tells_a_job_what_to_do(
    changes: dict[str, Any], faults: dict[str, Any], code: int, hub: RunningHub, config: Path
) -> None:
    write_changed(config, **changes)
    hub.set_faults(**faults)
    with running(config) as process:
        found, tree = result_of(process)
    assert found == code
    assert tree.reason is not None


def test_the_example_of_the_page_is_a_configuration() -> None:
    page = (ROOT / "docs" / "fetching.md").read_text()
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(load_text(FetchConfig, example).trees) == 2


TREE = "{name: model, kind: model, uri: 'hf:o/n', folder: /f}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "trees"),
        (f"trees: [{TREE}]\nfamily: wann\n", "family"),
        ("trees: []\nfamily: ltx\n", "trees"),
        (f"trees: [{TREE}]\nfamily: ltx\nprot: 8000\n", "port"),
        (
            "trees: [{name: model, kind: modell, uri: x, folder: /f}]\nfamily: ltx\n",
            "trees[0].kind",
        ),
        ("trees: [{name: model, kind: model, url: x, folder: /f}]\nfamily: ltx\n", "uri"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_place(
    text: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "fetch.yaml").write_text(text)
    assert main(["fetch", "--config", str(tmp_path / "fetch.yaml")]) == 2
    out, err = capsys.readouterr()
    assert says in err
    assert out == ""


def test_a_port_in_use_is_a_failure(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        content = json.loads(config.read_text()) | {"port": port}
        config.write_text(json.dumps(content))
        done = subprocess.run([*MATINEE, config], capture_output=True, text=True)
    assert done.returncode == TRY_AGAIN
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


IN_A_NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")


def may_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    command = [*IN_A_NAMESPACE, f"mount -t tmpfs none {folder}"]
    return subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [("size=6m", "MiB are still to be fetched, and the volume"), ("nr_inodes=6", "became full")],
)
def test_a_volume_that_is_too_small_is_told(
    options: str, says: str, config: Path, tmp_path: Path
) -> None:
    volume = tmp_path / "cache"
    volume.mkdir()
    if not may_mount(volume):
        pytest.skip("this user may not mount, not even in a namespace of its own")
    script = f"mount -t tmpfs -o {options} none {volume} && exec {' '.join(MATINEE)} {config}"
    done = subprocess.run([*IN_A_NAMESPACE, script], capture_output=True, text=True)
    [tree] = FetchResult.model_validate_json(done.stdout).trees
    assert (done.returncode, tree.reason) == (GIVE_UP, "NoSpace")
    assert says in tree.message
