"""Videos that a StreamingService makes in the background, for OpenAI's API."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from matinee_api.kinds.meta import ApiModel, SecretKeyRef, exactly_one
from matinee_api.kinds.patterns import S3_FOLDER, SERVER_URL
from matinee_api.kinds.rules import Rule

Key = Annotated[str, Field(min_length=1, max_length=253)]


class UrlSecret(SecretKeyRef):
    """One key of a Secret in the same namespace."""

    key: Key = "url"
    """Key inside the Secret."""


URL_WITH_REDIS = Rule(
    "has(self.urlSecret) == (self.type == 'Redis')",
    "must name the Secret with the server's URL where type is Redis, and is for no other",
    lambda store: (store.url_secret is not None) == (store.type == "Redis"),
    "urlSecret",
)
"""Of what is kept in a Redis, or nowhere but in the pods."""


class JobsStore(ApiModel):
    """Where the list of jobs is kept."""

    type: Literal["Pod", "Redis"] = "Pod"
    """`Pod`: each pod has jobs of its own, which go with it. `Redis`: in a Redis or Valkey server,
    for all pods; a pod that dies loses none. Needs `results`."""
    url_secret: UrlSecret | None = None
    """With `Redis`: where the server's URL is, such as `rediss://:PASSWORD@HOST:6379`. It must keep
    what it has: `appendonly yes`, `maxmemory-policy noeviction`."""

    rules: ClassVar[tuple[Rule, ...]] = (URL_WITH_REDIS,)


class JobsResults(ApiModel):
    """Where the videos are kept: one of `claimName` and `uri`."""

    claim_name: Key | None = None
    """A PersistentVolumeClaim of the same namespace that all pods can mount: `ReadWriteMany`, or
    any where they run on one node."""
    uri: Annotated[str, Field(pattern=S3_FOLDER, max_length=1024)] | None = None
    """A folder of an S3 bucket, `s3://BUCKET/FOLDER`. Credentials are the pods' own: `pod.env` with
    AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role of `pod.serviceAccountName`."""
    endpoint: Annotated[str, Field(pattern=SERVER_URL, max_length=512)] | None = None
    """With `uri`: where that S3 API is, such as `http://minio:9000`; unset: AWS."""

    rules: ClassVar[tuple[Rule, ...]] = (
        exactly_one("claimName", "uri"),
        Rule(
            "!has(self.endpoint) || has(self.uri)",
            "is of a bucket: name it in uri, or remove endpoint",
            lambda results: results.endpoint is None or results.uri is not None,
            "endpoint",
        ),
    )


class JobsRetention(ApiModel):
    """How long finished jobs and their videos are kept; the oldest go first."""

    ttl_seconds: int = Field(default=86400, ge=1, le=315360000)
    """Longest."""
    max_jobs: int = Field(default=10000, ge=1, le=1000000)
    """Most jobs."""
    max_bytes: int = Field(default=2 * 2**30, ge=2**20, le=2**50)
    """Most bytes of videos."""


class JobsQuota(ApiModel):
    """What the owner of one key of a Router may have. Without keys there are no owners."""

    max_queued: int | None = Field(default=None, ge=1, le=100000)
    """Jobs that wait; unset: as many as all together."""
    max_bytes: int | None = Field(default=None, ge=2**20, le=2**50)
    """Bytes of videos that are kept, with which more may be ordered; unset: as all together."""


class Jobs(ApiModel):
    """Videos that are made in the background (`/v1/videos`)."""

    enabled: bool = True
    """Whether orders are taken."""
    share: int = Field(default=0, ge=0, le=90)
    """Percent of each GPU's time that jobs get while viewers want all of it. 0: what viewers leave,
    which may be nothing."""
    max_queued: int = Field(default=64, ge=1, le=100000)
    """Jobs that may wait; with a store of type `Redis`, of all pods together."""
    waiting_per_pod: int = Field(default=8, ge=0, le=100000)
    """With `autoscaling.mode: Builtin`: a pod is wanted for so many jobs that wait or are made. 0:
    jobs bring no pods."""
    store: JobsStore = JobsStore()
    results: JobsResults | None = None
    retention: JobsRetention = JobsRetention()
    quota: JobsQuota = JobsQuota()

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.results) == (self.store.type == 'Redis')",
            "must name a place that all pods share where store.type is Redis, and is for no other",
            lambda jobs: (jobs.results is not None) == (jobs.store.type == "Redis"),
            "results",
        ),
    )


class JobCounts(ApiModel):
    """Jobs of all pods."""

    waiting: int = 0
    """Not begun."""
    making: int = 0
    """Being made."""
