from __future__ import annotations

from pathlib import Path
from typing import Any

from tools.cluster import volumes

CLAIM: dict[str, Any] = {
    "metadata": {
        "name": "cache",
        "namespace": "shop",
        "uid": "12",
        "annotations": {"volume.kubernetes.io/storage-provisioner": volumes.PROVISIONER},
    },
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "5Gi"}},
    },
}


def test_a_claim_gets_a_folder() -> None:
    made = volumes.volume(CLAIM, Path("/srv"))
    assert made["metadata"]["name"] == "pvc-12"
    assert made["spec"]["hostPath"] == {"path": "/srv/pvc-12", "type": "Directory"}
    assert made["spec"]["capacity"] == {"storage": "5Gi"}
    assert made["spec"]["claimRef"]["uid"] == "12"


def test_only_claims_of_our_class_that_have_none_get_one() -> None:
    assert volumes.wants_volume(CLAIM)
    assert not volumes.wants_volume({**CLAIM, "metadata": {"name": "cache"}})
    assert not volumes.wants_volume({**CLAIM, "spec": {"volumeName": "pvc-12"}})


def test_only_our_released_volumes_are_removed() -> None:
    made = volumes.volume(CLAIM, Path("/srv"))
    assert not volumes.is_to_be_deleted(made)
    assert volumes.is_to_be_deleted({**made, "status": {"phase": "Released"}})
    assert not volumes.is_to_be_deleted({"metadata": {}, "status": {"phase": "Released"}})
