"""Extra volumes of a pod, of the kinds that Pod Security `restricted` allows."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matinee_api.kinds.environment import Key
from matinee_api.kinds.meta import ApiModel, Name, Quantity, exactly_one
from matinee_api.kinds.patterns import ABSOLUTE_PATH, RELATIVE_PATH
from matinee_api.kinds.rules import Rule

OWN_VOLUMES = (
    *(
        "config",
        "control",
        "state",
        "jobs",
        "tmp",
        "cache",
        "shared-memory",
        "weights",
        "ca-bundle",
    ),
)
"""Names of volumes that the operator makes, besides `secret-0`, `secret-1`, ..."""
Path = Annotated[str, Field(min_length=1, max_length=1024, pattern=RELATIVE_PATH)]


class ClaimVolume(ApiModel):
    """A PersistentVolumeClaim."""

    claim_name: Key
    """Name of the claim."""
    read_only: bool = False
    """Mount it for reading only."""


class SecretVolume(ApiModel):
    """A Secret as files."""

    secret_name: Key
    """Name of the Secret."""


class ConfigMapVolume(ApiModel):
    """A ConfigMap as files."""

    name: Key
    """Name of the ConfigMap."""


class EmptyDirVolume(ApiModel):
    """A folder that lives as long as the pod."""

    medium: Literal["", "Memory"] = ""
    """`Memory` keeps it in memory, and counts it as such."""
    size_limit: Quantity | None = None
    """The pod is evicted when it grows beyond."""


class KeyAsFile(ApiModel):
    """One key as a file."""

    key: Key
    """The key."""
    path: Path
    """Name of the file in the volume."""


class ProjectedKeys(ApiModel):
    """Keys of a Secret or a ConfigMap as files."""

    name: Key
    """Name of the Secret or the ConfigMap."""
    items: Annotated[tuple[KeyAsFile, ...], Field(min_length=1, max_length=32)] | None = None
    """Which keys; unset: all, each under its own name."""
    optional: bool = False
    """Start the pod even when it is not there."""


class ProjectedToken(ApiModel):
    """A token of the pod's service account, which the kubelet renews."""

    path: Path
    """Name of the file in the volume."""
    audience: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Who is to accept it, such as `sts.amazonaws.com`; unset: the API server."""
    expiration_seconds: int = Field(default=3600, ge=600, le=2**32)
    """How long one is valid."""


class ProjectedSource(ApiModel):
    """One part of a projected volume."""

    service_account_token: ProjectedToken | None = None
    secret: ProjectedKeys | None = None
    """Keys of a Secret."""
    config_map: ProjectedKeys | None = None
    """Keys of a ConfigMap."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one("serviceAccountToken", "secret", "configMap"),)


class ProjectedVolume(ApiModel):
    """Several things in one folder."""

    sources: Annotated[tuple[ProjectedSource, ...], Field(min_length=1, max_length=16)]
    """Its parts."""
    default_mode: int | None = Field(default=None, ge=0, le=0o777)
    """Rights of the files, as a decimal number: 288 is 0440. Unset: 420, which is 0644."""


class CsiSecretRef(ApiModel):
    """A Secret that a driver wants."""

    name: Key
    """Name of the Secret."""


class CsiVolume(ApiModel):
    """A volume that a CSI driver makes for each pod, such as one with a vault's secrets."""

    driver: Key
    """Name of the driver."""
    read_only: bool = False
    """Mount it for reading only."""
    fs_type: Key | None = None
    """File system; unset: the driver's own choice."""
    volume_attributes: Annotated[
        dict[str, Annotated[str, Field(max_length=4096)]], Field(max_length=64)
    ] = Field(default_factory=dict)
    """What the driver wants to know."""
    node_publish_secret_ref: CsiSecretRef | None = None


class Volume(ApiModel):
    """An extra volume."""

    name: Name
    """What `volumeMounts` call it."""
    persistent_volume_claim: ClaimVolume | None = None
    secret: SecretVolume | None = None
    config_map: ConfigMapVolume | None = None
    empty_dir: EmptyDirVolume | None = None
    projected: ProjectedVolume | None = None
    csi: CsiVolume | None = None

    rules: ClassVar[tuple[Rule, ...]] = (
        exactly_one(
            *("persistentVolumeClaim", "secret", "configMap", "emptyDir", "projected", "csi")
        ),
    )


class VolumeMount(ApiModel):
    """Where an extra volume appears in a container."""

    name: Name
    """Name of a volume above."""
    mount_path: Annotated[str, Field(max_length=1024, pattern=ABSOLUTE_PATH)]
    """Where it appears."""
    sub_path: Annotated[str, Field(max_length=1024)] | None = None
    """A folder inside the volume, instead of its root."""
    read_only: bool = False
    """Mount it for reading only."""
