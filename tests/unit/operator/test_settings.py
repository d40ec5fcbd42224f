from __future__ import annotations

import dataclasses

import pytest

from matinee_operator.errors import BadSettings
from matinee_operator.settings import VARIABLES, Settings, read_settings
from tests.places import ROOT

NEEDED = {
    "MATINEE_OPERATOR_KEY": "0123456789abcdef",
    "MATINEE_NAMESPACE": "matinee-system",
    "MATINEE_IDENTITY": "pod-1",
}
PAGE = ROOT / "docs" / "operating.md"


def test_what_is_not_said_has_a_default() -> None:
    assert read_settings(NEEDED) == Settings(
        operator_keys=("0123456789abcdef",), namespace="matinee-system", identity="pod-1"
    )


def test_everything_can_be_set() -> None:
    given = {
        **NEEDED,
        "MATINEE_NAMESPACES": "a, b,",
        "MATINEE_RUNTIME_IMAGE": "x:1",
        "MATINEE_ROUTER_IMAGE": "y:1",
        "MATINEE_IMAGE_PULL_POLICY": "Never",
        "MATINEE_CLUSTER_DOMAIN": "k8s.example",
        "MATINEE_MONITORING_NAMESPACES": "prometheus",
        "MATINEE_POD_MONITORS": "false",
        "MATINEE_POD_MONITOR_LABELS": "release=prometheus, team=",
        "MATINEE_POD_MONITOR_INTERVAL": "1m30s",
        "MATINEE_LEADER_ELECTION": "False",
        "MATINEE_HEALTH_PORT": "9000",
        "MATINEE_WORKERS": "2",
        "MATINEE_RESYNC_SECONDS": "60",
        "MATINEE_PROPAGATION_SECONDS": "0",
        "MATINEE_LEASE_SECONDS": "3",
        "MATINEE_LEASE_NAME": "other-operator",
        "MATINEE_LOG_LEVEL": "DEBUG",
        "KUBECONFIG": "/x",
    }
    settings = read_settings(given)
    assert settings.namespaces == ("a", "b")
    assert settings.pod_monitor_labels == (("release", "prometheus"), ("team", ""))
    assert not settings.leader_election
    usual = read_settings(NEEDED)
    same = [
        one.name
        for one in dataclasses.fields(Settings)
        if getattr(settings, one.name) == getattr(usual, one.name)
    ]
    assert same == ["operator_keys", "namespace", "identity"]
    assert set(given) == set(VARIABLES)


def test_every_mistake_is_told_at_once() -> None:
    given = {
        "MATINEE_OPERATOR_KEY": "short",
        "MATINEE_IDENTITY": "x",
        "MATINEE_WORKERS": "0",
        "MATINEE_POD_MONITOR_LABELS": "release",
        "MATINEE_POD_MONITOR_INTERVAL": "30",
        "MATINEE_LEADER_ELECTION": "yes",
        "MATINEE_IMAGE_PULL_POLICY": "Sometimes",
    }
    with pytest.raises(BadSettings) as caught:
        read_settings(given)
    assert str(caught.value).splitlines() == [
        "MATINEE_OPERATOR_KEY: expected at least 16 characters",
        "MATINEE_NAMESPACE is missing: namespace of the operator itself, for its Lease",
        "MATINEE_IMAGE_PULL_POLICY: expected one of Always, IfNotPresent, Never; got 'Sometimes'",
        "MATINEE_POD_MONITOR_LABELS: expected NAME=VALUE, with commas between them; got 'release'",
        "MATINEE_POD_MONITOR_INTERVAL: expected a duration such as 30s; got '30'",
        "MATINEE_LEADER_ELECTION: expected true or false; got 'yes'",
        "MATINEE_WORKERS: expected a whole number from 1 to 256; got '0'",
    ]


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_setting_is_documented(variable: str) -> None:
    assert f"| `{variable}` |" in PAGE.read_text(encoding="utf-8")
