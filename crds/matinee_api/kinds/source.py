"""Where weights come from: the addresses of a model and of its LoRA adapters."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import Field

from matinee_api.kinds.meta import ApiModel, Name, SecretKeyRef
from matinee_api.kinds.patterns import HTTP_URL
from matinee_api.kinds.rules import Rule, immutable

_SCHEME = "^(hf|s3|oci|pvc|file|builtin):.+"
_SHAPE = (
    "hf:(//)?[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+|(s3|oci|pvc)://.+|file:(//)?/.+|builtin:[a-z0-9-]+"
)
_ROOT = "^https?://[^/]+/?$"
_HAS_SHAPE = f"self.uri.matches('^({_SHAPE})$')"


class Source(ApiModel):
    """Where files come from, and what it takes to get them."""

    uri: Annotated[str, Field(min_length=1, max_length=1024)]
    """`hf://org/name`, `s3://bucket/folder`, `oci://registry/name:tag`, `pvc://claim/folder`,
    `file:///folder` (on the node, or locally) or `builtin:tiny` (inside the runtime)."""
    revision: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Commit, tag or branch of an `hf:` source. A branch is pinned to its commit in the status."""
    endpoint: Annotated[str, Field(max_length=1024, pattern=HTTP_URL)] | None = None
    """Address of a mirror of the hub (`hf:`) or of an S3 API (`s3:`); unset: the public one."""
    token_secret_ref: SecretKeyRef | None = None
    """`hf:`: a Secret's key with the token. `s3:`: one with an AWS shared credentials file
    (`[default]`, `aws_access_key_id = ...`, `aws_secret_access_key = ...`)."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            f"self.uri.matches('{_SCHEME}')",
            "must begin with one of hf:, s3:, oci:, pvc:, file:, builtin:",
            lambda source: re.search(_SCHEME, source.uri) is not None,
            "uri",
        ),
        Rule(
            f"!self.uri.matches('{_SCHEME}') || {_HAS_SHAPE}",
            "must look like hf://org/name, s3://bucket/folder, oci://registry/name:tag, "
            "pvc://claim/folder, file:///folder or builtin:tiny",
            lambda source: (
                not re.search(_SCHEME, source.uri) or re.fullmatch(_SHAPE, source.uri) is not None
            ),
            "uri",
        ),
        Rule(
            "!has(self.revision) || self.uri.startsWith('hf:')",
            "is only for hf: sources; remove it",
            lambda source: source.revision is None or source.scheme == "hf",
            "revision",
        ),
        Rule(
            "!has(self.endpoint) || self.uri.matches('^(hf|s3):')",
            "is only for hf: and s3: sources; remove it",
            lambda source: source.endpoint is None or source.scheme in ("hf", "s3"),
            "endpoint",
        ),
        Rule(
            "!has(self.endpoint) || !self.uri.startsWith('s3:') || "
            f"self.endpoint.matches('{_ROOT}')",
            "must have no path for s3: sources; S3 is asked at the root of a host",
            lambda source: (
                source.endpoint is None
                or source.scheme != "s3"
                or re.search(_ROOT, source.endpoint) is not None
            ),
            "endpoint",
        ),
        Rule(
            "!has(self.tokenSecretRef) || self.uri.matches('^(hf|s3|oci):')",
            "is only for hf:, s3: and oci: sources; remove it",
            lambda source: source.token_secret_ref is None or source.scheme in ("hf", "s3", "oci"),
            "tokenSecretRef",
        ),
    )

    @property
    def scheme(self) -> str:
        return self.uri.partition(":")[0]


class ModelSource(Source):
    """Where the weights come from."""

    rules: ClassVar[tuple[Rule, ...]] = (
        *Source.rules,
        immutable("uri", "cannot change: make another VideoModel and point modelRef at it"),
    )


class Adapter(Source):
    """LoRA weights that sessions may ask for."""

    name: Name
    """What sessions call it."""
