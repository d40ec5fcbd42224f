"""`matinee rollout` with the real kubectl, on the operator's records of a service's revisions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from e2e.apiserver import control_plane
from e2e.apiserver.control_plane import ControlPlane
from e2e.apiserver.scene import NAME, apply_all, be_ready
from e2e.apiserver.story import Life, life
from matinee.cli import main
from matinee_api.contracts.revisions import number_of
from matinee_operator import labels
from matinee_operator.clients.kube import Kube
from matinee_operator.objects import Key
from tools.cluster.places import BINARIES


@pytest.fixture(autouse=True)
def _kubectl(api_server: ControlPlane, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if reason := control_plane.missing("kubectl"):
        pytest.skip(reason)
    monkeypatch.setenv("PATH", f"{BINARIES}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("KUBECONFIG", str(api_server.kubeconfig))
    monkeypatch.setenv("HOME", str(tmp_path))  # kubectl keeps what it discovers


async def rolled_out(kube: Kube, operator: Life, namespace: str, **service: Any) -> str:
    """The revision of the only pod."""
    await apply_all(kube, namespace, replicas=1, **service)
    await _settle(kube, operator, namespace)
    (pod,) = await kube.list("Pod", namespace, f"{labels.SERVICE}={NAME}")
    return str(pod["metadata"]["labels"][labels.REVISION])


async def _settle(kube: Kube, operator: Life, namespace: str) -> None:
    """Until a pod of another revision has taken the place of the former one."""
    for _ in range(4):
        await operator.settle()
        await be_ready(kube, namespace)


async def numbers(kube: Kube, namespace: str) -> dict[str, int]:
    records = await kube.list("ConfigMap", namespace, labels.REVISION)
    return {one["metadata"]["labels"][labels.REVISION]: number_of(one) for one in records}


async def test_history_and_the_way_back(
    kube: Kube,
    session: aiohttp.ClientSession,
    namespace: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    operator, where = life(kube, session, namespace), ("-n", namespace)
    first = await rolled_out(kube, operator, namespace)
    assert main(["rollout", "undo", NAME, *where]) == 2
    assert "there is no former revision" in capsys.readouterr().err
    pod = {"labels": {"team": "video"}, "limits": {"cpu": 2}}
    second = await rolled_out(kube, operator, namespace, pod=pod, sessions={"maxPerPod": 2})
    assert await numbers(kube, namespace) == {first: 1, second: 2}

    assert main(["rollout", "history", f"ssvc/{NAME}", *where]) == 0
    heading, former, present = (line.split() for line in capsys.readouterr().out.splitlines())
    assert heading == ["REVISION", "HASH", "MADE", "IMAGE", "CHANGED"]
    assert former[:2] == ["1", first]
    assert present[:3] == ["2", "*", second]
    assert present[-3:] == ["pod.labels.team,", "pod.limits.cpu,", "sessions.maxPerPod"]
    assert main(["rollout", "history", NAME, "--revision", "2", *where]) == 0
    assert "team: video" in capsys.readouterr().out

    assert main(["rollout", "undo", NAME, "--dry-run", *where]) == 0
    service = Key("StreamingService", namespace, NAME)
    assert (await kube.get(service))["spec"]["sessions"]["maxPerPod"] == 2
    assert main(["rollout", "undo", NAME, *where]) == 0
    assert "pod.labels.team" in capsys.readouterr().out
    spec = (await kube.get(service))["spec"]
    assert (spec["sessions"]["maxPerPod"], spec["replicas"]) == (1, 1)
    await _settle(kube, operator, namespace)
    assert await numbers(kube, namespace) == {first: 3, second: 2}
    (found,) = await kube.list("Pod", namespace, f"{labels.SERVICE}={NAME}")
    assert found["metadata"]["labels"][labels.REVISION] == first

    await kube.merge(service, {"spec": {"rollout": {"revisionHistoryLimit": 0}}})
    await operator.settle()
    assert await numbers(kube, namespace) == {first: 3}
    assert await operator.settle() == 0


async def test_kubectl_s_own_words_are_told(
    namespace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rollout", "history", "nobody", "-n", namespace]) == 1
    assert '"nobody" not found' in capsys.readouterr().err
    assert main(["rollout", "history", "ssvc/--all", "-n", namespace]) == 2
