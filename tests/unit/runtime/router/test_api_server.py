from __future__ import annotations

from pathlib import Path

import pytest

from matinee.errors import BadInput
from matinee.router.api_server import HOST_VARIABLE, PORT_VARIABLE, own_api_server
from matinee_api.config.router_config import BackendService, KubernetesConfig

PLACE = {HOST_VARIABLE: "fd00::1", PORT_VARIABLE: "443"}


def config(folder: Path) -> KubernetesConfig:
    services = (BackendService(name="tiny"), BackendService(name="more"))
    return KubernetesConfig(services=services, credentials_directory=str(folder))


def test_a_pod_finds_its_api_server_in_its_environment(tmp_path: Path) -> None:
    (tmp_path / "namespace").write_text("demo\n")
    found = own_api_server(config(tmp_path), PLACE)
    assert (found.url, found.namespace) == ("https://[fd00::1]:443", "demo")
    assert found.services == ("tiny", "more")


@pytest.mark.parametrize(
    ("environment", "told"),
    [({}, "name replicas instead"), (PLACE, "namespace cannot be read")],
)
def test_elsewhere_it_is_told(tmp_path: Path, environment: dict[str, str], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        own_api_server(config(tmp_path), environment)
