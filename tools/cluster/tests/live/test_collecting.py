from __future__ import annotations

from pathlib import Path

from e2e.collecting import MISSING
from e2e.inner_run import collected, inner_run
from e2e.target import Target

STOPS_ETCD = """
import subprocess, sys

def test_fails(cluster):
    words = ("component", "stop", "etcd")
    subprocess.run([sys.executable, "-m", "tools.cluster", *words], check=True)
    assert 1 == 2
"""


def test_what_can_be_had_is_collected_when_the_api_server_does_not_answer(
    own_cluster: Target, tmp_path: Path
) -> None:
    said = inner_run(tmp_path, STOPS_ETCD)
    assert "assert 1 == 2" in said
    folder = collected(said)[0]
    assert (folder / "components" / "control-plane" / "etcd.log").exists()
    assert (folder / MISSING).read_text().startswith("kubectl get --raw /readyz: ")
