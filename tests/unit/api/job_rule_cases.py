"""Cases about jobs, as in `rule_cases.py`."""

from __future__ import annotations

from typing import Any

NO_URL = "must name the Secret with the server's URL where type is Redis, and is for no other"
NO_PLACE = "must name a place that all pods share where store.type is Redis, and is for no other"

JOB_CASES: dict[str, tuple[str, str, Any, dict[str, str]]] = {
    "jobs that all pods share": ("StreamingService", "jobs.store.urlSecret.key", "address", {}),
    "their address twice": (
        "StreamingService",
        "pod.env",
        [{"name": "MATINEE_JOBS_URL", "value": "redis://h"}],
        {"pod.env": "jobs.store.urlSecret sets MATINEE_JOBS_URL: leave it out"},
    ),
    "shared jobs whose Redis nobody names": (
        "StreamingService",
        "jobs.store",
        {"type": "Redis"},
        {"jobs.store.urlSecret": NO_URL},
    ),
    "shared jobs without a place for their videos": (
        "StreamingService",
        "jobs.results",
        None,
        {"jobs.results": NO_PLACE},
    ),
    "videos in a bucket": (
        "StreamingService",
        "jobs.results",
        {"uri": "s3://videos/made", "endpoint": "http://minio:9000"},
        {},
    ),
    "videos in two places": (
        "StreamingService",
        "jobs.results.uri",
        "s3://videos",
        {"jobs.results": "set exactly one of claimName and uri"},
    ),
    "an endpoint of nothing": (
        "StreamingService",
        "jobs.results.endpoint",
        "http://minio:9000",
        {"jobs.results.endpoint": "is of a bucket: name it in uri, or remove endpoint"},
    ),
    "a place for the videos of pods that share nothing": (
        "StreamingService",
        "jobs.store",
        {},
        {"jobs.results": NO_PLACE},
    ),
}
