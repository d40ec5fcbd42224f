"""What the videos that are made in the background may cost."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from matinee_api.config.config_model import Config
from matinee_api.kinds.patterns import S3_FOLDER, SERVER_URL
from matinee_api.kinds.rules import broken_rules


def _network(text: str) -> str:
    ip_network(text)  # raises ValueError
    return text


Network = Annotated[str, AfterValidator(_network)]


class JobsConfig(Config):
    """`/v1/videos`: videos that are made in the background, in OpenAI's form."""

    enabled: bool = True
    """Whether orders are taken. Without it `/v1/videos` answers 501."""
    store: Literal["file", "redis"] = "file"
    """Where the list of jobs is. `file`: in `directory`. `redis`: in the server at `url`, for all
    servers of the same `name`: each lists and serves all, and takes over the jobs of one that
    died."""
    url: str | None = Field(default=None, min_length=1, max_length=4096, repr=False)
    """Of a Redis or Valkey server, in one of the forms of `streaming.state.url`. The variable
    `MATINEE_JOBS_URL` comes before it, and before `store`: in a cluster it is taken from a
    Secret. It must keep what it has (`appendonly yes`, `maxmemory-policy noeviction`)."""
    name: str = Field(default="default", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=253)
    """Of the list in the store. Servers that share it must serve the same model."""
    directory: str | None = None
    """Folder for the videos, and with `store: file` for the list of jobs, which servers of one
    machine may then share. With `store: redis` all servers must share it, for example as a
    ReadWriteMany volume; each name has a folder in it. Unset: `jobs` in
    `streaming.state.directory`; where that is unset too, a folder that is gone with the server."""
    results: Annotated[str, Field(pattern=S3_FOLDER, max_length=1024)] | None = None
    """With `store: redis`: a folder of an S3 bucket instead of `directory`, `s3://BUCKET/FOLDER`.
    Credentials are those that AWS' own programs find (environment, `~/.aws/credentials`, the role
    of the pod or the machine)."""
    results_endpoint: Annotated[str, Field(pattern=SERVER_URL, max_length=512)] | None = None
    """Where that S3 API is, such as `http://minio:9000`; unset: AWS."""
    lease_seconds: float = Field(default=15.0, ge=1, le=3600)
    """With `store: redis`: a server that was not heard of for so long has lost its jobs to
    others."""
    at_once: int = Field(default=1, ge=1, le=64)
    """Jobs on one worker at the same time. They alternate at chunk edges, and each takes as much
    memory of the GPU as a session does."""
    share_percent: int = Field(default=0, ge=0, le=90)
    """Part of each worker's time that jobs get while viewers want all of it. 0: what viewers leave,
    which may be nothing."""
    max_queued: int = Field(default=64, ge=1, le=100_000)
    """Jobs that may wait; more are refused with 429."""
    max_queued_per_key: int | None = Field(default=None, ge=1, le=100_000)
    """The same of each key of a router in front; unset: `max_queued`."""
    max_jobs: int = Field(default=10_000, ge=1, le=1_000_000)
    """Finished jobs that are kept; the oldest go first."""
    max_bytes: int = Field(default=2 * 2**30, ge=2**20, le=2**50)
    """Bytes of all videos that are kept; the oldest go first, the newest stays."""
    max_bytes_per_key: int | None = Field(default=None, ge=2**20, le=2**50)
    """Of a key of a router in front: with so many bytes of videos that are kept it may order no
    more, until some are deleted or their time is up; unset: `max_bytes`."""
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

    @model_validator(mode="after")
    def _shared_jobs_have_a_place_for_files(self) -> Self:
        places = [place for place in (self.directory, self.results) if place is not None]
        if self.store == "redis" and self.enabled and not places:
            problem = "is needed with store: redis: a folder that all servers share"
            raise broken_rules([("directory", f"{problem}, or results: s3://BUCKET/FOLDER")])
        if len(places) > 1:
            raise broken_rules([("results", "take the place of directory; remove one of the two")])
        if self.results is not None and self.store != "redis":
            raise broken_rules([("results", "are for store: redis; remove them")])
        return self
