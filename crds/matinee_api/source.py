"""Where weights come from: the addresses of a model and of its LoRA adapters."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import Field

from matinee_api.meta import ApiModel, Name, SecretKeyRef
from matinee_api.rules import Rule, immutable

_SCHEME = "^(hf|s3|oci|pvc|file|builtin):.+"
_SHAPE = (
    "hf:(//)?[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+|(s3|oci|pvc)://.+|file:(//)?/.+|builtin:[a-z0-9-]+"
)
_HAS_SHAPE = f"self.uri.matches('^({_SHAPE})$')"


class ModelSource(ApiModel):
    """Where the weights come from."""

    uri: Annotated[str, Field(min_length=1, max_length=1024)]
    """`hf://org/name`, `s3://bucket/folder`, `oci://registry/name:tag`, `pvc://claim/folder`,
    `file:///folder` (on the node, or locally) or `builtin:tiny` (inside the runtime)."""
    revision: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Commit, tag or branch of an `hf:` model. A branch is pinned to its commit in the status."""
    token_secret_ref: SecretKeyRef | None = None
    """Token (or credentials) for `hf:`, `s3:` and `oci:`."""

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
            lambda source: source.revision is None or source.uri.startswith("hf:"),
            "revision",
        ),
        Rule(
            "!has(self.tokenSecretRef) || self.uri.matches('^(hf|s3|oci):')",
            "is only for hf:, s3: and oci: sources; remove it",
            lambda source: (
                source.token_secret_ref is None or source.uri.startswith(("hf:", "s3:", "oci:"))
            ),
            "tokenSecretRef",
        ),
        immutable("uri", "cannot change: make another VideoModel and point modelRef at it"),
    )

    @property
    def scheme(self) -> str:
        return self.uri.partition(":")[0]


class Adapter(ApiModel):
    """LoRA weights that sessions may ask for."""

    name: Name
    """What sessions call it."""
    uri: Annotated[str, Field(min_length=1, max_length=1024)]
    """Like `source.uri`."""
    revision: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Commit, tag or branch of an `hf:` adapter."""
    token_secret_ref: SecretKeyRef | None = None
    scale: float = Field(default=1.0, ge=0, le=2)
    """Weight when a session names none."""
    preload: bool = True
    """Load with the model, not at first use."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            _HAS_SHAPE,
            "must look like hf://org/name, s3://bucket/folder, oci://registry/name:tag, "
            "pvc://claim/folder or file:///folder",
            lambda adapter: re.fullmatch(_SHAPE, adapter.uri) is not None,
            "uri",
        ),
    )
