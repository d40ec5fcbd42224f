"""Cases about jobs, as in `rule_cases.py`."""

from __future__ import annotations

from typing import Any

NO_URL = "must name the Secret with the server's URL where type is Redis, and is for no other"
NO_PLACE = "must name a volume that all pods share where store.type is Redis, and is for no other"

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
    "a place for the videos of pods that share nothing": (
        "StreamingService",
        "jobs.store",
        {},
        {"jobs.results": NO_PLACE},
    ),
}
