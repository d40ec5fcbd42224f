from __future__ import annotations

from pathlib import Path

from e2e.collecting import MISSING, OPERATOR
from e2e.inner_run import collected, inner_run
from e2e.target import Target

FAILS = """
from e2e import pods

def test_fails(cluster, namespace):
    talk = "import signal; print('last words', flush=True); signal.pause()"
    pods.run(cluster, namespace, pods.pod(cluster, "talker", ["python3", "-c", talk]))
    assert pods.first_line(cluster, namespace, "talker") == "last words"
    assert namespace == "somewhere else"
"""


def test_a_failed_test_leaves_a_folder_with_all_that_helps(
    operator: Target, our_cluster: Target, tmp_path: Path
) -> None:
    said = inner_run(tmp_path, FAILS)
    assert "1 failed" in said
    (folder,) = collected(said)
    assert folder.parent == tmp_path / "outputs" / "e2e"
    (own,) = folder.glob("e2e-*")
    assert (own / "logs" / "talker.log").read_text() == "last words\n"
    assert "previous terminated container" in (own / "logs" / MISSING).read_text()
    assert "name: talker" in (own / "pods.yaml").read_text()
    events = (folder / "events.txt").read_text()
    assert f"{own.name} " in events
    assert f"{OPERATOR} " in events
    assert "name: node-1" in (folder / "nodes.yaml").read_text()
    chart_s = folder / OPERATOR
    assert "name: matinee" in (chart_s / "deployments.yaml").read_text()
    assert "holderIdentity: matinee" in (chart_s / "leases.yaml").read_text()
    assert list((chart_s / "logs").glob("matinee-operator-*.log")), "the standby says nothing"
    for log in ("node-1/kubelet", "node-2/containerd", "control-plane/kube-apiserver"):
        assert (folder / "components" / f"{log}.log").stat().st_size > 0
