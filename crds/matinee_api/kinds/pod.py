"""What may be added to a runtime pod: image, environment, labels, volumes. Not a PodSpec."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matinee_api.kinds.meta import ApiModel, KeyedBy, Labels, Name, Quantity
from matinee_api.kinds.patterns import ABSOLUTE_PATH, ENV_NAME
from matinee_api.kinds.rules import Rule

Key = Annotated[str, Field(min_length=1, max_length=253)]


class KeyRef(ApiModel):
    """One key of a Secret or a ConfigMap."""

    name: Key
    """Name of the Secret or the ConfigMap."""
    key: Key
    """Key inside it."""
    optional: bool = False
    """Start the pod even when it is not there."""


class ValueFrom(ApiModel):
    """Where the value of an environment variable comes from."""

    secret_key_ref: KeyRef | None = None
    """A key of a Secret."""
    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.secretKeyRef) != has(self.configMapKeyRef)",
            "set exactly one of secretKeyRef and configMapKeyRef",
            lambda source: (source.secret_key_ref is None) != (source.config_map_key_ref is None),
        ),
    )


class EnvVar(ApiModel):
    """One environment variable."""

    name: Annotated[str, Field(max_length=253, pattern=ENV_NAME)]
    """Name of the variable."""
    value: Annotated[str, Field(max_length=32768)] | None = None
    """The value itself."""
    value_from: ValueFrom | None = None
    """Where the value comes from."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.value) != has(self.valueFrom)",
            "set exactly one of value and valueFrom",
            lambda variable: (variable.value is None) != (variable.value_from is None),
        ),
    )


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


class Volume(ApiModel):
    """An extra volume of the kinds that Pod Security `restricted` allows."""

    name: Name
    """What `volumeMounts` call it."""
    persistent_volume_claim: ClaimVolume | None = None
    secret: SecretVolume | None = None
    config_map: ConfigMapVolume | None = None
    empty_dir: EmptyDirVolume | None = None

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "[has(self.persistentVolumeClaim), has(self.secret), has(self.configMap), "
            "has(self.emptyDir)].filter(present, present).size() == 1",
            "set exactly one of persistentVolumeClaim, secret, configMap and emptyDir",
            lambda volume: (
                [
                    volume.persistent_volume_claim,
                    volume.secret,
                    volume.config_map,
                    volume.empty_dir,
                ].count(None)
                == 3
            ),
        ),
    )


class VolumeMount(ApiModel):
    """Where an extra volume appears in the runtime's container."""

    name: Name
    """Name of a volume above."""
    mount_path: Annotated[str, Field(max_length=1024, pattern=ABSOLUTE_PATH)]
    """Where it appears."""
    sub_path: Annotated[str, Field(max_length=1024)] | None = None
    """A folder inside the volume, instead of its root."""
    read_only: bool = False
    """Mount it for reading only."""


class ImagePullSecret(ApiModel):
    """A Secret with a registry's credentials."""

    name: Key
    """Name of the Secret."""


class PodExtras(ApiModel):
    """Additions to the pods that the operator makes."""

    image: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """The runtime's image, best by digest; unset: the one that the operator was installed with."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """Unset: what the operator was installed with, which is `IfNotPresent` by default."""
    image_pull_secrets: Annotated[
        tuple[ImagePullSecret, ...], Field(max_length=8), KeyedBy("name")
    ] = ()
    """Secrets with a registry's credentials."""
    labels: Labels = Field(default_factory=dict)
    """Added to the pods' labels."""
    annotations: Labels = Field(default_factory=dict)
    """Added to the pods' annotations."""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=64), KeyedBy("name")] = ()
    """Environment of the runtime's container."""
    volumes: Annotated[tuple[Volume, ...], Field(max_length=16), KeyedBy("name")] = ()
    """Extra volumes."""
    volume_mounts: Annotated[tuple[VolumeMount, ...], Field(max_length=32)] = ()
    """Where they appear in the runtime's container."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.volumeMounts.all(mount, self.volumes.exists(volume, volume.name == mount.name))",
            "every volumeMounts entry must name an entry of volumes",
            lambda pod: (
                {mount.name for mount in pod.volume_mounts}
                <= {volume.name for volume in pod.volumes}
            ),
            "volumeMounts",
        ),
    )
