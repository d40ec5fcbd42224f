"""What of a Router `matinee up` carries out, and what it names because it cannot."""

from __future__ import annotations

import pytest

from matinee.cli.local_router import keys_file_of, local_settings, without_effect
from matinee_api.config.errors import ConfigError
from matinee_api.config.load import validate
from matinee_api.config.router_config import RouterSettings
from matinee_api.kinds.router import Router

SERVERS = [("one-0", "one"), ("one-1", "one"), ("two-0", "two")]
URLS = ["http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3"]


def router(**spec: object) -> Router:
    wanted = {"services": [{"name": "one", "weight": 3}, {"name": "two"}], **spec}
    return validate(Router, {"metadata": {"name": "front"}, "spec": wanted})


def settings(**spec: object) -> RouterSettings:
    return RouterSettings.model_validate(local_settings(router(**spec).spec, SERVERS, URLS))


def test_what_is_about_sessions_is_carried_out() -> None:
    made = settings(
        strategy="Weighted",
        queue={"maxWaiting": 3, "longestSeconds": 60},
        failoverSeconds=7,
        access={"hosts": ["video.example.com"], "origins": ["https://app.example.com"]},
    )
    assert (made.strategy, made.failover_seconds) == ("weighted", 7.0)
    assert (made.queue.max_waiting, made.queue.longest_seconds) == (3, 60.0)
    assert made.allowed_hosts == ("video.example.com",)
    assert made.allowed_origins == ("https://app.example.com",)
    assert [(one.name, one.weight) for one in made.replicas] == [
        ("one-0", 3.0),
        ("one-1", 3.0),
        ("two-0", 1.0),
    ]
    assert not any(one.primary for one in made.replicas)


def test_the_first_server_of_the_first_service_is_primary_where_one_is() -> None:
    made = settings(strategy="PrimaryFirst")
    assert [one.primary for one in made.replicas] == [True, False, False]


def test_keys_are_wanted_in_a_file() -> None:
    wanted = router(auth={"keysSecret": {"name": "viewers"}})
    with pytest.raises(ConfigError, match=r"spec\.auth\.keysSecret: .* --keys-file"):
        keys_file_of(wanted, "f.yaml", None)
    assert keys_file_of(wanted, "f.yaml", "keys.yaml") == "keys.yaml"
    assert keys_file_of(router(), "f.yaml", None) is None


def test_what_is_about_a_cluster_is_named() -> None:
    assert list(without_effect(router().spec, {})) == []
    spec = router(
        replicas=3,
        tls={"secretRef": {"name": "cert"}},
        ingress={"host": "a.example"},
        store={"urlSecret": {"name": "session-store"}},
    ).spec
    fields = ["spec.ingress", "spec.replicas", "spec.tls"]
    assert list(without_effect(spec, {})) == [*fields, "spec.store (set MATINEE_STORE_URL)"]
    assert list(without_effect(spec, {"MATINEE_STORE_URL": "redis://h"})) == fields
