"""Environment variables of a pod's containers, and what their values come from."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from matinee_api.kinds.meta import ApiModel, exactly_one
from matinee_api.kinds.patterns import ENV_NAME, FIELD_PATH
from matinee_api.kinds.rules import Rule

Key = Annotated[str, Field(min_length=1, max_length=253)]

OWN_VARIABLES = (
    *("HOME", "HF_HOME", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"),
    "MATINEE_FETCH",
)
"""Variables that the operator sets."""
CA_VARIABLE = "SSL_CERT_FILE"
"""One that it sets where there is a `caBundle`."""
STORE_VARIABLE = "MATINEE_STORE_URL"
"""One that it sets where sessions are kept in Redis, or routers share a queue there."""
JOBS_VARIABLE = "MATINEE_JOBS_URL"
"""One that it sets where the list of jobs is."""


class KeyRef(ApiModel):
    """One key of a Secret or a ConfigMap."""

    name: Key
    """Name of the Secret or the ConfigMap."""
    key: Key
    """Key inside it."""
    optional: bool = False
    """Start the pod even when it is not there."""


class FieldRef(ApiModel):
    """A field of the pod itself."""

    field_path: Annotated[str, Field(max_length=317, pattern=FIELD_PATH)]
    """`metadata.name`, `metadata.namespace`, `metadata.labels['team']`, `spec.nodeName`,
    `status.hostIP`, ..."""


class ValueFrom(ApiModel):
    """Where the value of an environment variable comes from."""

    secret_key_ref: KeyRef | None = None
    """A key of a Secret."""
    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap."""
    field_ref: FieldRef | None = None

    rules: ClassVar[tuple[Rule, ...]] = (
        exactly_one("secretKeyRef", "configMapKeyRef", "fieldRef"),
    )


class EnvVar(ApiModel):
    """One environment variable."""

    name: Annotated[str, Field(max_length=253, pattern=ENV_NAME)]
    """Name of the variable."""
    value: Annotated[str, Field(max_length=32768)] | None = None
    """The value itself."""
    value_from: ValueFrom | None = None
    """Where the value comes from."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one("value", "valueFrom"),)


class WholeRef(ApiModel):
    """A whole Secret or ConfigMap."""

    name: Key
    """Its name."""
    optional: bool = False
    """Start the pod even when it is not there."""


class EnvFrom(ApiModel):
    """Every key of a Secret or a ConfigMap as a variable; `env` and the operator's own win."""

    prefix: Annotated[str, Field(max_length=253, pattern=ENV_NAME)] | None = None
    """Put before each name."""
    secret_ref: WholeRef | None = None
    """A Secret."""
    config_map_ref: WholeRef | None = None
    """A ConfigMap."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one("secretRef", "configMapRef"),)


class CaBundle(ApiModel):
    """Certificates in PEM, in a key of a ConfigMap or a Secret."""

    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap."""
    secret_key_ref: KeyRef | None = None
    """A key of a Secret."""

    rules: ClassVar[tuple[Rule, ...]] = (exactly_one("configMapKeyRef", "secretKeyRef"),)
