"""Videos of shared jobs on a real S3 server: what everything that keeps jobs must do. No cluster is
needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from minio import Minio

from e2e.test_s3 import ACCESS, SECRET, serving
from matinee.jobs.results import Results
from matinee.jobs.s3_results import S3Results
from matinee.weights.fetch.s3 import DEFAULT_REGION
from tests.servers.ports import free_port
from tests.servers.redis_server import RedisServer, redis_server
from tests.system.jobs.sharing import Shared
from tests.unit.runtime.jobs.conformance import *  # noqa: F403

pytestmark = pytest.mark.redis
BUCKET = "videos"


@dataclass
class InABucket(Shared):
    """Each test has a folder of its own."""

    s3: str = ""

    @property
    def results(self) -> Results:
        uri = f"s3://{BUCKET}/some/{self.name}"
        return S3Results(uri, f"http://{self.s3}", self.folder / "read")

    def files(self) -> set[tuple[str, str]]:
        found = client_of(self.s3).list_objects(BUCKET, f"some/{self.name}/", recursive=True)
        names = [(one.object_name or "").split("/") for one in found]
        return {(name[2], name[4]) for name in names}


def client_of(address: str) -> Minio:
    return Minio(address, ACCESS, SECRET, secure=False, region=DEFAULT_REGION)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(f"127.0.0.1:{free_port()}", tmp_path_factory.mktemp("s3")) as address:
        client_of(address).make_bucket(BUCKET)
        yield address


@pytest.fixture
def house(
    server: RedisServer, s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[InABucket]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_REGION", DEFAULT_REGION)
    with closing(InABucket(server.url, tmp_path, s3=s3)) as house:
        yield house


def test_a_bucket_that_is_not_there_is_an_error_of_the_medium(house: InABucket) -> None:
    nowhere = S3Results("s3://nowhere", f"http://{house.s3}", house.folder)
    with pytest.raises(OSError, match="NoSuchBucket"):
        list(nowhere.jobs())


def test_a_file_that_is_not_there_is_none(house: InABucket) -> None:
    path = house.results.get("video_1", "1", "video.mp4")
    house.results.fetch(path)
    assert not path.exists()
