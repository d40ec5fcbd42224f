"""What `matinee fetch` reads and says: the seam between the operator and its download Jobs.

A Job of the operator runs `matinee fetch --config FILE` twice: with `--resolve` it only resolves
the sources (no volume, seconds), and without it fetches the trees into the cache.
Each prints one `FetchResult` as its last line on stdout, which becomes the termination message of
its container. While files are fetched, `GET /v1/download` streams one `FetchProgress` a line.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from matinee_api.config.config_model import Config
from matinee_api.contracts.pod_http import PORT
from matinee_api.families import FamilyName

DONE, TRY_AGAIN, GIVE_UP = 0, 1, 3
"""Exit codes: the model's files are there and nothing else may recover by itself; a retry may help
(network, a server's 5xx, a damaged file); only a person can help (`FetchReason` says with what)."""

FetchReason = Literal[
    "SourceNotFound",
    "SourceDenied",
    "SourceUnreachable",
    "SourceUnsupported",
    "ChecksumMismatch",
    "NoSpace",
    "FamilyUnsupported",
    "AdapterInvalid",
]
"""Reasons of `conditions.py`."""


COMMIT = r"^[0-9a-zA-Z][\w.-]{0,63}$"
"""A hub's name of a version; it becomes part of folders' names."""
MOST_BYTES = 2**50
"""Of all files of a source: more than any volume has, less than what a status may hold."""


class FetchedTree(Config):
    """One folder of files: the model's, or an adapter's."""

    name: str = Field(min_length=1, max_length=63)
    """`model`, or the adapter's name."""
    kind: Literal["model", "adapter"]
    """How it is checked: a Diffusers folder of the family, or LoRA weights in safetensors."""
    uri: str = Field(min_length=1, max_length=1024)
    """`hf://org/name`, `s3://bucket/folder`, `pvc://…` or `file:///…`; the last two are mounted at
    `folder` already, and only checked."""
    revision: str | None = None
    """Of an `hf:` source: commit, tag or branch; a commit when it is fetched."""
    endpoint: str | None = None
    """Address of the hub or of the S3 API; unset: the public one."""
    token_file: str | None = None
    """`hf:`: a file that holds the token. `s3:`: an AWS shared credentials file."""
    folder: str = Field(min_length=1)
    """Where the complete tree appears, all at once. What is being fetched lies beside it."""


class FetchConfig(Config):
    """`matinee fetch --config`."""

    trees: tuple[FetchedTree, ...] = Field(min_length=1, max_length=17)
    """The model's first."""
    family: FamilyName | None = None
    """What the model's files must be; unset: of any family."""
    host: str = "127.0.0.1"
    """Address that serves the progress; a pod's configuration says `::`, every address."""
    port: int = Field(default=PORT, ge=0, le=65535)
    """TCP port of the progress; 0 takes a free one."""


class TreeResult(Config):
    """What became of one tree."""

    name: str
    """As in the configuration."""
    commit: str | None = Field(default=None, pattern=COMMIT)
    """Of an `hf:` source."""
    bytes: int | None = Field(default=None, ge=0, le=MOST_BYTES)
    """Of all its files."""
    reason: FetchReason | None = None
    """Why there is no (complete) tree; unset: there is."""
    message: str = ""
    """For people, with the remedy; at most 300 characters."""


class FetchResult(Config):
    """The last line on stdout."""

    trees: tuple[TreeResult, ...]
    """In the order of the configuration."""


class FetchProgress(Config):
    """One line of `/v1/download`, at the start of the answer and then once a second at most."""

    bytes_done: int = Field(ge=0, le=MOST_BYTES)
    """Fetched so far, of all trees, with what earlier attempts left."""
    bytes_total: int = Field(ge=0, le=MOST_BYTES)
    """Of all files."""
    bytes_per_second: int = Field(ge=0, le=MOST_BYTES)
    """Over the last seconds."""
