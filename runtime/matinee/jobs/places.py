"""From the configuration to what keeps the jobs."""

from __future__ import annotations

import platform
from hashlib import blake2b
from pathlib import Path
from urllib.parse import urlsplit

from matinee.errors import BadInput
from matinee.jobs.desk import Desk
from matinee.jobs.keeping import Keeping
from matinee.jobs.results import FolderResults, Results
from matinee.jobs.retention import Bounds, Quota
from matinee_api.config.jobs_config import JobsConfig

URL_KEY = "jobs.url"


def check_places(config: JobsConfig) -> None:
    """Raises `BadInput` when shared jobs have no ledger or no place for their files."""
    if config.store != "redis":
        return
    from matinee.store.redis_address import Address  # 0.2 s, for those who have one

    Address.parsed(url_of(config), URL_KEY)
    if config.directory is None and config.results is None:  # the variable alone says it
        problem = "is needed with MATINEE_JOBS_URL: a folder that all servers share"
        raise BadInput("jobs.directory", f"{problem}, or jobs.results: s3://BUCKET/FOLDER")


def url_of(config: JobsConfig) -> str:
    """Raises `BadInput`."""
    if config.url is None:
        raise BadInput(URL_KEY, "is needed with store: redis, or the variable MATINEE_JOBS_URL")
    return config.url


def keeping_of(config: JobsConfig, own: Path) -> Keeping:
    """`own`: a folder of this server, or that of the jobs where nothing is shared but a folder.
    Raises OSError and `sqlite3.Error`. A store is asked nothing so far."""
    bounds = Bounds(config.ttl_seconds, config.max_jobs, config.max_bytes)
    quota = Quota(
        config.max_queued,
        config.max_queued_per_key or config.max_queued,
        config.max_bytes_per_key or config.max_bytes,
    )
    if config.store != "redis":
        return Desk(own, bounds, quota)
    from matinee.jobs.redis_ledger import RedisLedger
    from matinee.jobs.shared_desk import SharedDesk
    from matinee.store.redis_address import Address

    address = Address.parsed(url_of(config), URL_KEY)
    ledger = RedisLedger(address, config.name, bounds, config.lease_seconds)
    return SharedDesk(own, ledger, _results_of(config, own), quota)


def _results_of(config: JobsConfig, own: Path) -> Results:
    """Each name has a folder of its own there."""
    if config.results is not None:
        from matinee.jobs.s3_results import S3Results  # 0.1 s, for those who have one

        uri = f"{config.results.rstrip('/')}/{config.name}"
        return S3Results(uri, config.results_endpoint, own / "read")
    assert config.directory is not None, "checked"  # noqa: S101
    return FolderResults(Path(config.directory) / config.name)


def store_name(config: JobsConfig, own: Path) -> str:
    """The same for all servers that share these jobs, without addresses; `own`: as above, and it is
    there."""
    if config.store == "redis":
        url = urlsplit(url_of(config).strip())
        place = f"{url.netloc.rpartition('@')[2]} {url.path} {config.name}"
    else:
        folder = own.stat()
        place = f"{platform.node()} {folder.st_dev} {folder.st_ino}"
    return blake2b(place.encode(), digest_size=8).hexdigest()
