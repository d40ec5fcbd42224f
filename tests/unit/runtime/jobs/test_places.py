from __future__ import annotations

from pathlib import Path

import pytest

from matinee.cli.serve import with_store_address
from matinee.errors import BadInput
from matinee.jobs.desk import Desk
from matinee.jobs.places import check_places, keeping_of, store_name
from matinee_api.config.errors import ConfigError
from matinee_api.config.jobs_config import JobsConfig
from matinee_api.config.load import validate
from matinee_api.config.runtime_config import GeneratorConfig, ServeConfig


def test_jobs_are_on_one_disk_unless_they_are_shared(tmp_path: Path) -> None:
    desk = keeping_of(JobsConfig(), tmp_path)
    assert isinstance(desk, Desk)
    desk.close()
    check_places(JobsConfig())


def test_shared_jobs_want_a_place_for_their_videos() -> None:
    shared = {"store": "redis", "url": "redis://h"}
    with pytest.raises(ConfigError, match="a folder that all servers share"):
        validate(JobsConfig, shared)
    bucket = {"results": "s3://bucket/videos"}
    check_places(validate(JobsConfig, {**shared, **bucket}))
    for wrong in ({**shared, **bucket, "directory": "/videos"}, bucket):
        with pytest.raises(ConfigError, match="results"):
            validate(JobsConfig, wrong)
    assert validate(JobsConfig, {"store": "redis", "enabled": False}).directory is None


@pytest.mark.parametrize(
    ("shared", "problem"),
    [
        ({}, "or the variable MATINEE_JOBS_URL"),
        ({"url": "http://secret"}, "is not the address of a Redis or Valkey server"),
    ],
)
def test_shared_jobs_want_the_address_of_their_list(shared: dict[str, str], problem: str) -> None:
    config = JobsConfig(store="redis", directory="/videos", **shared)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match=problem) as refused:
        check_places(config)
    assert "secret" not in str(refused.value)


def test_the_address_in_the_environment_comes_first_and_wants_a_place_too() -> None:
    config = ServeConfig(generator=GeneratorConfig(model_path="fake"))
    assert with_store_address(config, {"MATINEE_JOBS_URL": ""}).jobs.store == "file"
    jobs = with_store_address(config, {"MATINEE_JOBS_URL": "redis://h"}).jobs
    assert (jobs.store, jobs.url) == ("redis", "redis://h")
    assert "redis://h" not in repr(jobs)
    with pytest.raises(BadInput, match="a folder that all servers share"):
        check_places(jobs)


def test_servers_that_share_their_jobs_have_the_same_name_for_them(tmp_path: Path) -> None:
    def named(url: str, name: str = "tiny") -> str:
        config = JobsConfig(store="redis", url=url, directory="/videos", name=name)
        return store_name(config, tmp_path)

    assert named("redis://:secret@h/1") == named("redis://:other@h/1")
    assert len({named("redis://h/1"), named("redis://h/2"), named("redis://h/1", "wan")}) == 3
    assert store_name(JobsConfig(), tmp_path) != store_name(JobsConfig(), tmp_path.parent)
