"""The operator's Jobs, run with the real `matinee fetch` against a hub: what one side writes, the
other one reads. The container's places are folders of the test.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from matinee_api.contracts.fetch import DONE, GIVE_UP
from matinee_operator.observe.fetch_result import fetch_result
from matinee_operator.observe.snapshot import ModelSnapshot
from matinee_operator.resources.metadata import Manifest
from matinee_operator.resources.pod_template import CA_FILE, CA_FOLDER
from matinee_operator.weights.available import weights_of
from matinee_operator.weights.trees import SECRETS_FOLDER
from tests.unit.operator.weights.making import given, hub_model, noted, step, tried, with_claim
from tests.unit.runtime.weights.fetch.running_hub import TINY_BYTES, TOKEN, RunningHub, running_hub


def run(job: Manifest, place: Path) -> tuple[int, Any]:
    """The exit code of the Job's container, and its termination message."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    script = container["command"][2].replace("/tmp/", f"{place}/")  # noqa: S108 (the container's own)
    script = script.replace("/dev/termination-log", str(place / "said"))
    script = script.replace("python3", sys.executable)  # last: it may lie below /tmp itself
    variables = {one["name"]: _here(one["value"], place) for one in container["env"]}
    words = [*container["command"][:2], script, "fetch", *container.get("args", [])]
    environment = {"PATH": os.environ["PATH"], **variables, "HOME": str(place)}
    code = subprocess.run(words, env=environment, check=False).returncode
    return code, (place / "said").read_text(encoding="utf-8")


def _here(value: str, place: Path) -> str:
    value = value.replace('"/weights/', f'"{place}/weights/')
    value = value.replace(SECRETS_FOLDER, str(place)).replace(CA_FOLDER, str(place))
    return value.replace('"host":"::"', '"host":"127.0.0.1","port":0')


def done(snapshot: ModelSnapshot, verb: str, place: Path) -> ModelSnapshot:
    """The Job has run, and the operator has written down what it said."""
    code, said = run(step(snapshot, verb).manifest, place)
    condition = "Complete" if code == DONE else "Failed"
    return noted(tried(snapshot, verb, *json.loads(said)["trees"], condition=condition))


def private_model(url: str) -> ModelSnapshot:
    source = {
        "uri": "hf://matinee/tiny",
        "revision": "main",
        "endpoint": url,
        "tokenSecretRef": {"name": "hub"},
    }
    bundle = {"configMapKeyRef": {"name": "company-ca", "key": "authority.pem"}}
    return given(hub_model(source=source, pod={"caBundle": bundle}))


@pytest.fixture
def private_hub(tmp_path: Path) -> Iterator[RunningHub]:
    """It wants a token, and has a certificate of an authority that only the bundle knows."""
    authority, certificate = trustme.CA(), tmp_path / "hub.pem"
    authority.cert_pem.write_to_path(str(tmp_path / CA_FILE))
    chain = authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem
    chain.write_to_path(str(certificate))
    options = ("--token", TOKEN, "--certificate", str(certificate))
    with running_hub(tmp_path / "models", *options) as hub:
        yield hub


@pytest.mark.timeout(60)
def test_from_a_name_to_a_folder_with_the_model(tmp_path: Path, private_hub: RunningHub) -> None:
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "token").write_text(TOKEN, encoding="utf-8")
    resolved = done(private_model(private_hub.url), "resolve", tmp_path)
    status = resolved.model.status
    assert status is not None
    assert len(status.resolved_revision or "") == 40
    assert status.size_bytes == TINY_BYTES
    fetched = done(with_claim(resolved), "download", tmp_path)
    weights = weights_of(fetched.model)
    assert weights is not None
    assert (Path(f"{tmp_path}{weights.path}") / "model_index.json").is_file()


@pytest.mark.timeout(60)
def test_a_secret_that_is_missing_is_told(tmp_path: Path, private_hub: RunningHub) -> None:
    code, said = run(step(private_model(private_hub.url), "resolve").manifest, tmp_path)
    result = fetch_result(said)
    assert result is not None
    assert (code, result.trees[0].reason) == (GIVE_UP, "SourceDenied")
    assert f"{tmp_path}/hub/token" in result.trees[0].message
