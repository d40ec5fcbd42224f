"""PersistentVolumes of the default StorageClass: folders of this machine. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROVISIONER = "matinee.video/folders"
STORAGE_CLASS = "folders"
Object = Mapping[str, Any]


def wants_volume(claim: Object) -> bool:
    """Whether the controller manager asks us for a volume for this claim."""
    annotations = claim["metadata"].get("annotations") or {}
    asked = annotations.get("volume.kubernetes.io/storage-provisioner")
    return asked == PROVISIONER and not claim["spec"].get("volumeName")


def name_of(claim: Object) -> str:
    return f"pvc-{claim['metadata']['uid']}"


def volume(claim: Object, root: Path) -> dict[str, Any]:
    """The PersistentVolume for a claim."""
    metadata, spec = claim["metadata"], claim["spec"]
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": name_of(claim),
            "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
        },
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": STORAGE_CLASS,
            "hostPath": {"path": str(root / name_of(claim)), "type": "Directory"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
        },
    }


def is_to_be_deleted(found: Object) -> bool:
    """Whether a PersistentVolume is ours and nobody claims it any more."""
    annotations = found["metadata"].get("annotations") or {}
    return (
        annotations.get("pv.kubernetes.io/provisioned-by") == PROVISIONER
        and (found.get("status") or {}).get("phase") == "Released"
    )
