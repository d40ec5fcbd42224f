"""What may be said about the pods that the operator makes, of services as of Jobs. Not a PodSpec.

Where pods may run is said in `scheduling.py`, what they ask of a node in `compute.py`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matinee_api.kinds.environment import (
    CA_VARIABLE,
    OWN_VARIABLES,
    CaBundle,
    EnvFrom,
    EnvVar,
    Key,
)
from matinee_api.kinds.meta import Annotations, ApiModel, KeyedBy, Labels, Quantity
from matinee_api.kinds.rules import Rule
from matinee_api.kinds.volumes import OWN_VOLUMES, Volume, VolumeMount

OWN_LABELS = (
    *("app.kubernetes.io/name", "app.kubernetes.io/component", "app.kubernetes.io/managed-by"),
)
"""Labels that the operator sets, besides those that begin as follows."""
OWN_PREFIXES = ("matinee.video/",)


def _is_own(name: str) -> bool:
    return name in OWN_LABELS or name.startswith(OWN_PREFIXES)


def _names_are_free(place: str) -> Rule:
    """Of labels and annotations; the operator reads and sets its own."""
    begins = " && ".join(f"!name.startsWith('{prefix}')" for prefix in OWN_PREFIXES)
    return Rule(
        f"!has(self.{place}) || self.{place}.all(name, {begins} && !(name in {list(OWN_LABELS)}))",
        f"the operator sets {', '.join(OWN_LABELS)} and all names that begin with "
        f"{' or '.join(OWN_PREFIXES)}: leave them out",
        lambda pod: not any(map(_is_own, getattr(pod, place))),
        place,
        for_new=True,
    )


class ImagePullSecret(ApiModel):
    """A Secret with a registry's credentials."""

    name: Key
    """Name of the Secret."""


class Limits(ApiModel):
    """What each container may take at most. What the operator asks for by itself stays below."""

    cpu: Quantity | None = None
    """CPU limit; unset: none, so that encoders may use what is idle."""
    memory: Quantity | None = None
    """Memory limit; unset: as much as is asked for."""


class PodSecurity(ApiModel):
    """Which user the pods run as. The rest is what Pod Security `restricted` wants."""

    ids: Literal["Operator", "Cluster"] = "Operator"
    """`Operator`: 10001, where the keys below say nothing else. `Cluster`: none is named, so that
    the cluster may, as OpenShift does; otherwise it is the image's own user."""
    run_as_user: int | None = Field(default=None, ge=1, le=2**31 - 1)
    """User id of the processes."""
    run_as_group: int | None = Field(default=None, ge=0, le=2**31 - 1)
    """Group id of the processes."""
    fs_group: int | None = Field(default=None, ge=0, le=2**31 - 1)
    """Group that volumes belong to."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.ids != 'Cluster' || "
            "!(has(self.runAsUser) || has(self.runAsGroup) || has(self.fsGroup))",
            "the cluster names the ids: remove runAsUser, runAsGroup and fsGroup, or set ids to "
            "Operator",
            lambda security: (
                security.ids != "Cluster"
                or (security.run_as_user, security.run_as_group, security.fs_group)
                == (None, None, None)
            ),
        ),
    )


class PodTemplate(ApiModel):
    """What is said about the pods that the operator makes."""

    image: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """The runtime's image, best by digest; unset: the one that the operator was installed with."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    """Unset: what the operator was installed with, which is `IfNotPresent` by default."""
    image_pull_secrets: Annotated[
        tuple[ImagePullSecret, ...], Field(max_length=8), KeyedBy("name")
    ] = ()
    """Secrets with a registry's credentials."""
    service_account_name: Key | None = None
    """Whose rights and cloud identity the pods have; unset: the namespace's `default`. No token is
    mounted unless a projected volume says so."""
    labels: Labels = Field(default_factory=dict)
    """Added to the labels of the pods and the Jobs."""
    annotations: Annotations = Field(default_factory=dict)
    """Added to the annotations of the pods and the Jobs."""
    env: Annotated[tuple[EnvVar, ...], Field(max_length=64), KeyedBy("name")] = ()
    """Environment of the containers, such as `HTTPS_PROXY`."""
    env_from: Annotated[tuple[EnvFrom, ...], Field(max_length=16)] = ()
    """Whole Secrets and ConfigMaps as environment."""
    volumes: Annotated[tuple[Volume, ...], Field(max_length=16), KeyedBy("name")] = ()
    """Extra volumes."""
    volume_mounts: Annotated[tuple[VolumeMount, ...], Field(max_length=32)] = ()
    """Where they appear in the containers."""
    ca_bundle: CaBundle | None = None
    """Certificate authorities that downloads trust, instead of the public ones: put these into the
    bundle too where both are needed."""
    limits: Limits = Limits()
    security_context: PodSecurity = PodSecurity()
    termination_grace_period_seconds: int | None = Field(default=None, ge=1, le=86400)
    """From the order to stop until a pod is killed; unset: 30. Sessions play on until 25 s before
    that, or half of it. The operator drains a pod before it deletes it; this is for deletions by
    others."""

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
        _names_are_free("labels"),
        _names_are_free("annotations"),
        Rule(
            f"self.env.all(variable, !(variable.name in {list(OWN_VARIABLES)}))",
            f"the operator sets {', '.join(OWN_VARIABLES)}: leave them out",
            lambda pod: not any(variable.name in OWN_VARIABLES for variable in pod.env),
            "env",
            for_new=True,
        ),
        Rule(
            f"!has(self.caBundle) || self.env.all(variable, variable.name != '{CA_VARIABLE}')",
            f"caBundle sets {CA_VARIABLE}: leave it out of env",
            lambda pod: (
                pod.ca_bundle is None
                or not any(variable.name == CA_VARIABLE for variable in pod.env)
            ),
            "env",
        ),
        Rule(
            f"self.volumes.all(volume, !(volume.name in {list(OWN_VOLUMES)}) "
            "&& !volume.name.startsWith('secret-'))",
            f"the operator has volumes of the names {', '.join(OWN_VOLUMES)} and secret-...: "
            "choose others",
            lambda pod: (
                not any(
                    volume.name in OWN_VOLUMES or volume.name.startswith("secret-")
                    for volume in pod.volumes
                )
            ),
            "volumes",
            for_new=True,
        ),
    )
