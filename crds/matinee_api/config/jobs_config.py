"""What the videos that are made in the background may cost."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator, Field

from matinee_api.config.config_model import Config


def _network(text: str) -> str:
    ip_network(text)  # raises ValueError
    return text


Network = Annotated[str, AfterValidator(_network)]


class JobsConfig(Config):
    """`/v1/videos`: videos that are made in the background, in OpenAI's form."""

    enabled: bool = True
    """Whether orders are taken. Without it `/v1/videos` answers 501."""
    directory: str | None = None
    """Folder for the list of jobs and for their videos. Servers of one machine may share it: each
    lists and serves all, and takes over the jobs of one that died. Unset: `jobs` in
    `streaming.state.directory`; where that is unset too, a folder that is gone with the server."""
    at_once: int = Field(default=1, ge=1, le=64)
    """Jobs on one worker at the same time. They alternate at chunk edges, and each takes as much
    memory of the GPU as a session does."""
    max_queued: int = Field(default=64, ge=1, le=100_000)
    """Jobs that may wait; more are refused with 429."""
    max_jobs: int = Field(default=10_000, ge=1, le=1_000_000)
    """Finished jobs that are kept; the oldest go first."""
    max_bytes: int = Field(default=2 * 2**30, ge=2**20, le=2**50)
    """Bytes of all videos that are kept; the oldest go first, the newest stays."""
    ttl_seconds: float = Field(default=86400.0, gt=0, le=10 * 365 * 86400)
    """How long a finished job and its video are kept."""
    upload_bytes: int = Field(default=33 * 2**20, ge=65536, le=2**30)
    """Largest body of a request to `/v1/videos`, with its image."""
    form_bytes: int = Field(default=4 * 2**20, ge=65536, le=2**28)
    """What of it is kept in memory: JSON, and a form without its files."""
    fetch_urls: bool = False
    """Whether an image may be given by its URL, which this server then fetches from a public
    address. Off, because a server reaches more than its clients do."""
    fetch_networks: tuple[Network, ...] = ()
    """Networks that such URLs may lead to besides public ones, such as `10.1.0.0/16`. Addresses at
    which clouds tell a machine's secrets are never asked."""
    fetch_seconds: float = Field(default=10.0, gt=0, le=300)
    """For all of one URL, from its name to its last byte."""
    unfinished_bytes: int = Field(default=256 * 2**20, ge=2**20, le=2**40)
    """All such bodies that have come in part, together; who goes beyond may retry."""
