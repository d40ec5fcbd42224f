"""The operator's settings, read from the environment once, in `__main__`.

Each has a name, a default, a unit where it needs one, and a reason, here and in
`docs/operating.md`; a test compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from matinee_operator.errors import BadSettings

MIN_KEY_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Settings:
    """See `VARIABLES` for what each one means."""

    operator_keys: tuple[str, ...]
    namespace: str
    identity: str
    namespaces: tuple[str, ...] = ()
    runtime_image: str = "matinee/runtime:dev"
    router_image: str = "matinee/router:dev"
    image_pull_policy: str = "IfNotPresent"
    cluster_domain: str = "cluster.local"
    monitoring_namespaces: tuple[str, ...] = ()
    pod_monitors: bool = True
    pod_monitor_labels: tuple[tuple[str, str], ...] = ()
    pod_monitor_interval: str = ""
    leader_election: bool = True
    health_port: int = 8080
    workers: int = 8
    resync_seconds: float = 600.0
    propagation_seconds: float = 5.0
    lease_seconds: float = 12.0
    lease_name: str = "matinee-operator"
    log_level: str = "INFO"
    kubeconfig: str | None = None


VARIABLES: dict[str, tuple[str, str]] = {
    "MATINEE_OPERATOR_KEY": (
        "operator_keys",
        "secret that the control tokens of runtime pods are derived from; former ones may follow, "
        "each on its line",
    ),
    "MATINEE_NAMESPACE": ("namespace", "namespace of the operator itself, for its Lease"),
    "MATINEE_IDENTITY": ("identity", "name of this replica in the Lease: the pod's"),
    "MATINEE_NAMESPACES": (
        "namespaces",
        "namespaces that are watched, with commas; empty: all",
    ),
    "MATINEE_RUNTIME_IMAGE": ("runtime_image", "image of runtime pods that name none"),
    "MATINEE_ROUTER_IMAGE": ("router_image", "image of Routers' pods that name none"),
    "MATINEE_IMAGE_PULL_POLICY": (
        "image_pull_policy",
        "pull policy of runtime pods and Routers' pods that name none",
    ),
    "MATINEE_CLUSTER_DOMAIN": ("cluster_domain", "what the names of Services end with"),
    "MATINEE_MONITORING_NAMESPACES": (
        "monitoring_namespaces",
        "namespaces that may scrape runtime pods, with commas; empty: none",
    ),
    "MATINEE_POD_MONITORS": (
        "pod_monitors",
        "whether services and Routers get a PodMonitor: true or false",
    ),
    "MATINEE_POD_MONITOR_LABELS": (
        "pod_monitor_labels",
        "labels of those PodMonitors, NAME=VALUE with commas",
    ),
    "MATINEE_POD_MONITOR_INTERVAL": (
        "pod_monitor_interval",
        "how often they are scraped, such as 30s; empty: Prometheus' default",
    ),
    "MATINEE_LEADER_ELECTION": ("leader_election", "true, or false where there is one replica"),
    "MATINEE_HEALTH_PORT": ("health_port", "port of /healthz, /readyz and /metrics"),
    "MATINEE_WORKERS": ("workers", "objects that are reconciled at the same time"),
    "MATINEE_RESYNC_SECONDS": ("resync_seconds", "seconds between full relists"),
    "MATINEE_PROPAGATION_SECONDS": (
        "propagation_seconds",
        "seconds that kube-proxy and DNS may take to follow an EndpointSlice",
    ),
    "MATINEE_LEASE_SECONDS": ("lease_seconds", "seconds after which a silent leader is replaced"),
    "MATINEE_LEASE_NAME": ("lease_name", "name of the Lease; each installation has its own"),
    "MATINEE_LOG_LEVEL": ("log_level", "DEBUG, INFO, WARNING or ERROR"),
    "KUBECONFIG": ("kubeconfig", "file that names the cluster, for an operator outside of it"),
}


_SECRETS = {"operator_keys"}
"""What is never shown."""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Raises `BadSettings` with every mistake at once."""
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for variable, (name, meaning) in VARIABLES.items():
        text = environment.get(variable, "").strip()
        if not text:
            if name in ("operator_keys", "namespace", "identity"):
                mistakes.append(f"{variable} is missing: {meaning}")
            continue
        try:
            values[name] = _PARSERS.get(name, str)(text)
        except ValueError as error:
            shown = "" if name in _SECRETS else f"; got {text!r}"
            mistakes.append(f"{variable}: {error}{shown}")
    if mistakes:
        raise BadSettings("\n".join(mistakes))
    return Settings(**values)


def _keys(text: str) -> tuple[str, ...]:
    keys = tuple(key for line in text.splitlines() if (key := line.strip()))
    if any(len(key) < MIN_KEY_CHARACTERS for key in keys):
        raise ValueError(f"expected at least {MIN_KEY_CHARACTERS} characters")
    return keys


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _labels(text: str) -> tuple[tuple[str, str], ...]:
    pairs = [name.partition("=") for name in _names(text)]
    if not all(name and equals for name, equals, _ in pairs):
        raise ValueError("expected NAME=VALUE, with commas between them")
    return tuple((name.strip(), value.strip()) for name, _, value in pairs)


def _duration(text: str) -> str:
    if not re.fullmatch(r"([0-9]+(ms|s|m|h))+", text):
        raise ValueError("expected a duration such as 30s")
    return text


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("expected true or false")
    return text.lower() == "true"


def _number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"expected a whole number from {low} to {high}")
        return int(text)

    return parse


def _choice(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"expected one of {', '.join(choices)}")
        return text

    return parse


_PARSERS: dict[str, Callable[[str], Any]] = {
    "operator_keys": _keys,
    "namespaces": _names,
    "monitoring_namespaces": _names,
    "pod_monitors": _flag,
    "pod_monitor_labels": _labels,
    "pod_monitor_interval": _duration,
    "image_pull_policy": _choice("Always", "IfNotPresent", "Never"),
    "leader_election": _flag,
    "health_port": _number(1, 65535),
    "workers": _number(1, 256),
    "resync_seconds": _number(1, 86400),
    "propagation_seconds": _number(0, 300),
    "lease_seconds": _number(3, 300),
    "log_level": _choice("DEBUG", "INFO", "WARNING", "ERROR"),
}
