from __future__ import annotations

from typing import Any

import pytest

from matinee.router import endpoints
from matinee.router.endpoints import Endpoints, parsed
from matinee_api.config.router_config import BackendService, KubernetesConfig
from matinee_api.contracts.endpoints import START_LABEL

READY, TERMINATING = {"ready": True}, {"ready": False, "serving": True, "terminating": True}
PORTS = [{"name": "http", "port": 8000}, {"name": "control", "port": 8001}]


def found(*services: str) -> Endpoints:
    named = tuple(BackendService(name=name, weight=rank + 1) for rank, name in enumerate(services))
    return Endpoints(KubernetesConfig(services=named or (BackendService(name="tiny"),)))


def at(ip: str, conditions: dict[str, Any] = READY, pod: str = "") -> dict[str, Any]:
    target = {"targetRef": {"kind": "Pod", "name": pod, "uid": f"uid-{pod}"}} if pod else {}
    return {"addresses": [ip], "conditions": conditions, **target}


def piece(*listed: Any, name: str = "tiny-a", service: str = "tiny", **more: Any) -> Any:
    labels = {"kubernetes.io/service-name": service}
    usual = {"addressType": "IPv4", "ports": PORTS, "endpoints": list(listed)}
    return {"metadata": {"name": name, "labels": labels}, **usual, **more}


def urls(known: Endpoints) -> list[str]:
    return [one.url for one in known.addresses()]


def seen(*pieces: Any, services: tuple[str, ...] = ()) -> Endpoints:
    known = found(*services)
    for one in pieces:
        known.put(parsed(one))
    return known


@pytest.mark.parametrize(
    ("conditions", "takes_new"),
    [
        ({"ready": True, "serving": True, "terminating": False}, True),
        ({}, True),
        ({"ready": None}, True),
        (TERMINATING, False),
        ({"ready": True, "terminating": True}, None),
        ({"ready": False}, None),
        ({"ready": False, "serving": False, "terminating": True}, None),
        ({"ready": False, "serving": True}, False),
    ],
)
def test_ready_ones_take_new_sessions_and_serving_ones_keep_theirs(
    conditions: dict[str, Any], takes_new: bool | None
) -> None:
    listed = seen(piece(at("10.0.0.1", conditions))).addresses()
    assert [one.takes_new for one in listed] == ([] if takes_new is None else [takes_new])


def test_an_address_says_where_it_takes_sessions_and_where_it_tells_its_slots() -> None:
    services = ("first", "second")
    listed = seen(
        piece(at("fd00::1", pod="b"), name="s", service="second", addressType="IPv6"),
        piece(at("10.0.0.1", pod="a"), name="f", service="first", ports=PORTS[:1]),
        services=services,
    ).addresses()
    assert [(one.name, one.url, one.control_url, one.primary, one.weight) for one in listed] == [
        ("a", "http://10.0.0.1:8000", "http://10.0.0.1:8000", True, 1),
        ("b", "http://[fd00::1]:8000", "http://[fd00::1]:8001", False, 2),
    ]


def test_a_pod_is_one_backend_in_however_many_slices_it_is() -> None:
    known = seen(
        piece(at("fd00::1", pod="a"), name="six", addressType="IPv6"),
        piece(at("10.0.0.1", pod="a"), name="four"),
        piece(at("10.0.0.1", TERMINATING, pod="a"), name="moved"),
    )
    assert urls(known) == ["http://10.0.0.1:8000"]
    assert known.addresses()[0].takes_new
    known.remove("four")
    assert urls(known) == ["http://[fd00::1]:8000"]


@pytest.mark.parametrize(
    "other",
    [
        piece(at("10.0.0.9"), service="another"),
        piece(at("pod.example"), addressType="FQDN"),
        piece(at("10.0.0.9"), ports=[{"name": "metrics", "port": 1}]),
        piece(at("10.0.0.9"), ports=None),
        piece(at("not-an-ip")),
        piece(at("fe80::1%eth0"), addressType="IPv6"),
        piece(endpoints=None),
    ],
)
def test_what_leads_nowhere_is_left_out(other: Any) -> None:
    assert urls(seen(other)) == []


@pytest.mark.parametrize("nonsense", [{}, [], None, {"metadata": {}}, piece({"addresses": []})])
def test_what_is_no_slice_is_refused(nonsense: Any) -> None:
    with pytest.raises(ValueError, match="not what it should be"):
        parsed(nonsense)


def test_an_empty_list_takes_nothing_away_and_an_empty_slice_does() -> None:
    known = seen(piece(at("10.0.0.1")), piece(at("10.0.0.2"), name="b"))
    known.replace([])
    assert urls(known) == ["http://10.0.0.1:8000", "http://10.0.0.2:8000"]
    known.replace([parsed(piece(at("10.0.0.2"), name="b"))])
    assert urls(known) == ["http://10.0.0.2:8000"]
    known.replace([parsed(piece(name="b"))])
    assert urls(known) == []


def test_a_service_that_is_not_listed_keeps_its_backends_beside_one_that_is() -> None:
    services = ("first", "second")
    known = seen(
        piece(at("10.0.0.1"), name="f", service="first"),
        piece(at("10.0.0.2"), name="s", service="second"),
        services=services,
    )
    known.replace([parsed(piece(at("10.0.0.3"), name="f", service="first"))])
    assert urls(known) == ["http://10.0.0.3:8000", "http://10.0.0.2:8000"]


def test_slices_and_backends_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "MOST_SLICES", 2)
    monkeypatch.setattr(endpoints, "MOST_BACKENDS", 3)
    many = [piece(at(f"10.0.{n}.1"), at(f"10.0.{n}.2"), name=f"{n}") for n in range(3)]
    known = seen(*many)
    assert urls(known) == [f"http://10.0.{place}:8000" for place in ("0.1", "0.2", "1.1")]
    assert known.left_out == 1


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (["40", "300"], 40),
        ([None, "300"], 300),
        ([None, None], None),
        (["0", "-5"], None),
        (["9999999", "1e3"], None),
    ],
)
def test_how_long_a_start_takes_is_told_by_a_label_of_the_slices(
    told: list[str | None], expected: int | None
) -> None:
    """Also where a Service has no pods. Anybody may have edited it."""
    pieces = []
    for service, seconds in zip(("a", "b"), told, strict=True):
        made = piece(name=service, service=service)
        if seconds is not None:
            made["metadata"]["labels"][START_LABEL] = seconds
        pieces.append(made)
    assert seen(*pieces, services=("a", "b")).start_s == expected
